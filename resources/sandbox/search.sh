# search: where to look for secrets, and for how long; before this text comes the function `seek`. Runs where nothing that
# it does can be seen by others (SANDHOPPER_ALONE: in a mount namespace of its own), and so leaves no access times.
network='^(nfs[0-9]?|cifs|smb.*|ceph|gluster.*|lustre|9p|afs|beegfs|gpfs|davfs|virtiofs|fuse[.].*)$'
bounded() { if [ -n "$TIMED" ]; then timeout "$LIMIT" "$@"; else "$@"; fi; }
plainly() {
    case $1 in *\\*) ;; *) path=$1; return ;; esac
    path=$(printf '%b' "$(printf '%s' "$1" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')x"); path=${path%x}
}
# clock: set $now to seconds since the start, without a process
clock() { read -r now _ < /proc/uptime; now=${now%.*}; }
# places: mount point and kind of each file system that holds data, each file system once
places() {
    awk -v network="$network" '{ for (i = 7; $i != "-"; i++); type = $(i + 1); from = $(i + 2)
        if (type ~ network && type != "fuse.lxcfs" && type != "fuse.snapfuse") { print $5, "network"; next }
        if (type == "autofs") { print $5, "network"; next }
        if (type ~ /^(overlay|squashfs|iso9660|tmpfs|devtmpfs)$/ && $5 != "/") next
        if (($5 == "/" || from ~ /^\/dev\// || type == "btrfs" || type == "zfs") && !seen[$3]++) print $5, "disk" }' /proc/self/mountinfo
}
# afar PATH: it lies on another computer, or behind the automounter
afar() {
    while read -r _escaped _kind; do
        [ "$_kind" = network ] || continue
        plainly "$_escaped"
        case $1/ in "$path"/*) return 0 ;; esac
    done << LIST
$PLACES
LIST
    return 1
}
homes() {
    { cut -d: -f6 /etc/passwd; for _h in /root /home/*; do echo "$_h"; done; } 2>/dev/null | sort -u | while read -r _h; do
        case $_h in / | /bin | /usr | /usr/* | /sbin | /dev | /dev/* | /proc* | /run* | /var | /etc | /tmp | "") continue ;; esac
        if ! afar "$_h" && [ -d "$_h" ] && [ ! -L "$_h" ]; then printf '%s\n' "$_h"; fi
    done
}
# within PLACE DEPTH: look there, and say so if the time was over
within() {
    late=1
    clock
    if [ "$now" -lt "$END" ]; then seek "$1" "$2"; if [ $? -lt 124 ]; then late=; fi; fi
    if [ -n "$late" ]; then printf '!late\t\t\t%s\0' "$1"; fi
}
main() {
    clock; END=$((now + LONGEST)); TIMED=
    if timeout 5 true 2>/dev/null; then TIMED=1; fi
    PLACES=$(places)
    echo "$PLACES" | while read -r escaped kind; do
        plainly "$escaped"
        if [ "$kind" = network ]; then printf '!network\t\t\t%s\0' "$path"; continue; fi
        if [ -n "$SANDHOPPER_ALONE" ]; then mount -o remount,bind,noatime "$path" 2>/dev/null; fi
    done
    homes | while IFS= read -r h; do within "$h" 7; done
    within /etc 6
    for p in /var/spool /var/mail /var/lib/cloud /var/lib/waagent /tmp /var/tmp /var/crash /var/log; do
        if [ -d "$p" ] && [ ! -L "$p" ]; then within "$p" 5; fi
    done
    # files that hold memory; areas of their own on the disk are made anew in every copy that is changed at all
    awk 'NR > 1 && $1 ~ /^\// && $1 !~ /^\/dev\// { print $1 }' /proc/swaps 2>/dev/null | while read -r escaped; do
        plainly "$escaped"
        printf 'swap\t%s\t%s\0' "$(stat -c '%u:%U	%s' "$path")" "$path"
    done
    echo "$PLACES" | while read -r escaped kind; do
        plainly "$escaped"
        case $kind$path in disk/home | disk/root | disk/etc | disk/tmp | disk/var/tmp | disk/proc* | disk/sys*) ;; disk*) within "$path" 6 ;; esac
    done
}
main

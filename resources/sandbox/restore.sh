# restore: put the machine back as it was before the merge, from the journal in $STATE alone. Safe to repeat.
# The order matters: fstab first (a power cut now boots with the data disk), then the mount, then the hidden copy.
# A folder in which something may be mounted elsewhere is emptied but never removed: the kernel would unmount that.
WORK=restore
STATE=${0%/*}
JOB=${STATE##*/}

# begun M: something was done in the hidden folder of M
begun() { [ -e "$1/saved" ] || [ -d "$1/aside" ]; }
mounted() { [ -d "$1" ] && ! same_device "$1" /; }
# hidden PATH: the folder that we are in lies on the root file system, and what is mounted at PATH does not
hidden() {
    set -- $(stat -L -c %d . / "$1")
    [ $# = 3 ] && [ "$1" = "$2" ] && [ "$1" != "$3" ]
}

# disk_of M: the device of the mount M, if its disk is attached; its name may be another one than it was
disk_of() {
    fetch "$1/id"; id=${_v%"$NEWLINE"}
    fetch "$1/source"; source=$_v
    case $source in
    /dev/*) ;;
    *:* | //*) # a share is everywhere; only this very machine may take it for its own
        [ -n "$(hardware)" ] && [ "$(hardware)" = "$(cat "$STATE/hardware" 2>/dev/null)" ] && echo "$source"
        return ;;
    esac
    if [ -n "$id" ] && [ -e "/dev/disk/by-uuid/$id" ]; then readlink -f "/dev/disk/by-uuid/$id"; return; fi
    if [ -n "$id" ]; then blkid -o device -t "UUID=$id" 2>/dev/null | grep . && return; fi
    [ -b "$source" ] && [ "$(fs_id "$source")" = "$id" ] && echo "$source"
}

# all_there: every merged data disk is still attached. If not, this may be the exported copy, where the hidden
# folder is the only one: then nothing at all may be touched. Nor while something is mounted in the hidden folder
# itself, as after a restart with the edited fstab.
all_there() {
    for m in "$STATE"/m[0-9][0-9]; do
        begun "$m" || continue
        fetch "$m/path"; path=$_v
        mounted "$path" || [ -n "$(disk_of "$m")" ] || fail away "$path"
        below=$(mounted_below "$path")
        below=${below%%"$NEWLINE"*}
        [ -z "$below" ] || fail below "$below"
    done
}

# reload_units: a systemd that read fstab while a line was taken out has forgotten that mount
reload_units() {
    for m in "$STATE"/m[0-9][0-9]; do
        if [ -s "$m/unit" ] && [ "$(mount_unit "$(value "$m/path")")" != "$(cat "$m/unit")" ]; then
            limited systemctl daemon-reload
            return
        fi
    done
}

# mount_back M: after a reboot with the edited fstab the data disk is not mounted
mount_back() {
    fetch "$1/path"; path=$_v
    if ! begun "$1" || mounted "$path"; then return; fi
    : > "$1/remounted"
    mount "$path" 2>/dev/null || mount_by_hand "$1" || fail unmounted "$path"
    mounted "$path" || fail unmounted "$path"
}
# mount_by_hand M: it was not fstab that mounted it; the table of that time knows how
mount_by_hand() {
    set -- "$1" $(awk -v p="$(mount_escape "$path")" '$3 == p { print $4, $5, $2 }' "$STATE/mounts")
    case $2:$4 in btrfs:/?*) set -- "$1" "$2" "$3,subvol=$4" ;; esac
    mount -t "${2:-auto}" -o "$(printf '%s' "${3:-defaults}" | tr : ,)" "$(disk_of "$1")" "$path"
}

# take_back M: empty the hidden folder and give it its old looks
take_back() {
    if ! begun "$1" || [ -e "$1/inside" ]; then return; fi
    fetch "$1/path"; path=$_v place=$VIEW$_v
    mounted "$path" || fail unmounted "$path"
    guard "$place"
    cd "$place" || fail elsewhere "$place"
    hidden "$path" || fail elsewhere "$place"
    # what is there is the copy, unless it was never begun, or what was hidden is back already after a power cut
    if [ -e "$1/saved" ] && ! signed "$1" back; then
        keep_foreign "$1"
        sign "$1" empty
        clear_here
        is_empty . || fail stuck "$path"
    fi
    cd /
    bring_back "$1"
    looks_back "$1" "$place"
}

# signed M WORD: that was begun there. sign M WORD: note it. A full disk has no room for one line more, but a second name
# of a file that is there already needs none.
signed() { noted "$2 ${1##*/}" || [ -e "$1/$2" ]; }
sign() { signed "$@" || note "$2" "${1##*/}" || { ln "$1/saved" "$1/$2" && flush "$1"; } || fail no-space; }
# clear_here: delete everything below the folder that we are in; a second time without the protection that somebody gave it
clear_here() {
    delete_here 2>/dev/null
    is_empty . && return
    find . -xdev \( -type d -o -type f \) -exec chattr -ia {} + 2>/dev/null
    delete_here
}
# delete_here: find's own -delete never follows a folder that somebody swaps for a link between its finding and its
# deleting; an old busybox may lack it. -xdev stays out of what is mounted in it.
delete_here() {
    if find "$STATE/boot" -name nothing -delete 2>/dev/null; then find . -xdev -depth ! -name . -delete; return; fi
    find . -xdev -depth ! -type d -exec rm -f -- {} +
    find . -xdev -depth -type d ! -name . -exec rmdir -- {} +
}

# keep_foreign M: what somebody else wrote into the hidden folder (it was in the open once) is the person's
keep_foreign() {
    touch "$STATE/now"
    if [ -e "$1/copied" ] && signed "$1" empty; then # we deleted: hard links have change times of our own doing, contents not
        kept_if "$1" -newer "$1/copied" ! -newer "$STATE/now"
    elif [ -e "$1/copied" ]; then
        changed_since "$1" "$1/copied"
    elif exposed "$1"; then # never finished: what the disk lacks or has in an older form
        kept_if "$1" -newer "$STATE/since" -exec sh -c "$FOREIGN" sh "$path" {} \;
    fi
    rm -f "$STATE/now" "$STATE/since"
}
# FOREIGN: whether a file is not ours, neither a copy nor one that rsync was just writing (.NAME.XXXXXX)
FOREIGN='case ${2##*/} in .*.??????) t=${2##*/.}; [ ! -e "$1/${2%/*}/${t%.??????}" ] || exit 1 ;; esac
    [ ! -e "$1/$2" ] && [ ! -L "$1/$2" ] || [ "$2" -nt "$1/$2" ]'
changed_since() {
    if find "$2" -cnewer "$2" > /dev/null 2>&1; then kept_if "$1" -cnewer "$2"; return; fi # busybox cannot
    kept_if "$1" -exec sh -c '[ "$(stat -c %z "$2")" \> "$1" ]' sh "$(stat -c %z "$2")" {} \;
}

# exposed M: the data disk was away for a while since the merge was started; "since" is when that began at the earliest
exposed() {
    if [ "$(cat "$STATE/merge.boot" 2>/dev/null)" != "$(boot_id)" ]; then
        touch -d "@$(($(booted) + 1))" "$STATE/since" 2>/dev/null || touch -r "$STATE/boot" "$STATE/since"
    else
        touch -r "$STATE/boot" "$STATE/since"
        [ -e "$1/remounted" ] || [ "$(mount_id "$path")" != "$(cat "$1/mountid" 2>/dev/null)" ]
    fi
}
# booted: when process 1 began, in seconds of the calendar
booted() {
    awk -v hertz="$(getconf CLK_TCK 2>/dev/null || echo 100)" 'FNR == NR && $1 == "btime" { at = $2 }
        FNR != NR { sub(/.*\) /, ""); print int(at + $20 / hertz) }' /proc/stat /proc/1/stat
}

# kept_if M TEST …: move the files below here for which find's TEST holds into a folder beside the hidden one.
# Each is moved from within its own folder, once that is known to lie in here: nobody can lead us out by a link.
kept_if() {
    _m=$1; shift
    [ -n "$(find . -xdev ! -type d "$@" -print 2>/dev/null | head -n 1)" ] || return 0
    kept_folder "$_m"
    find . -xdev ! -type d "$@" -exec sh -c 'cd "${3%/*}" && here=$(pwd -P) && case $here/ in "$1"/*) ;; *) false ;; esac &&
        mkdir -p "$2${here#"$1"}" && mv -f -- "./${3##*/}" "$2${here#"$1"}/"' sh "$place" "$kept" {} \; || fail kept "$path"
    [ -z "$(find . -xdev ! -type d "$@" -print 2>/dev/null | head -n 1)" ] || fail kept "$path"
}
# kept_folder M: a new folder of root's, where nobody else can put a link in its way
kept_folder() {
    if [ ! -s "$1/kept" ]; then
        base=$path.sandhopper-$JOB
        case $(stat -c '%u %A' "${place%/*}/") in 0\ d????-??-?*) ;; *) base=${STATE%/*}-kept-$JOB ;; esac
        n=; while [ -e "$VIEW$base$n" ] || [ -L "$VIEW$base$n" ]; do n=$((n - 1)); done
        keep "$1/kept" "$base$n"
    fi
    kept=$VIEW$(value "$1/kept")
    mkdir -p "$kept" && [ ! -L "$kept" ] && [ "$(stat -c %u "$kept")" = 0 ] || fail kept "$path"
}

looks_back() {
    if have rsync && rsync -aAX --numeric-ids "$1/twin/" "$2/" 2>/dev/null; then :; else
        have setfacl && setfacl -b "$2" 2>/dev/null
        cp -a "$1/twin/." "$2/"
    fi
    fetch "$1/stat"
    set -- "$1" "$2" $_v
    chown "$4:$5" "$2"; chmod ug-s,o-t "$2"; chmod "$3" "$2" # chmod alone leaves a folder its set-group bit
    touch -r "$1/ref" "$2"
    fetch "$1/flags"
    flags=; case $_v in *i*) flags=i ;; esac
    case $_v in *a*) flags=${flags}a ;; esac
    [ -z "$flags" ] || chattr "+$flags" "$2"
    flush "$2"
    [ "$(looks_of "$2")" = "$(value "$1/looks")" ] || lines="$lines
differs $(value "$1/path")"
}

restore_all() {
    lines=
    for m in "$STATE"/m[0-9][0-9]; do take_back "$m"; done
    keep "$STATE/places" "$lines"
}

if [ "$1" = view ]; then
    shift
    open_view
    "$@"
    exit
fi
begin_work
stop_work merge || fail stuck
close_view || fail view
all_there
note restore
for p in $(edits); do unmask "$p"; done
reload_units
for m in "$STATE"/m[0-9][0-9]; do mount_back "$m"; done
in_view restore_all || exit 1
prove > "$STATE/report.new" && flush "$STATE/report.new" && mv -f "$STATE/report.new" "$STATE/report"
note restored
sync

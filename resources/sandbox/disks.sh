# disks: tell what lies below each file system that is mounted from a disk; changes nothing. For each of them:
#   mount ESCAPED-PLACE FSTYPE DEVICE
#   on NAME UUID TYPE          the partition (or whole disk) it lies on, and what that holds: a file system, LVM, LUKS …
#   disk NAME BYTES SERIAL     the whole disk
#   file NAME                  instead of a disk: a file of this machine (loop device)
named() { case $1 in *!*) printf '%s' "$1" | tr '!' '/' ;; *) printf '%s' "$1" ;; esac; } # sysfs writes cciss!c0d0 for /dev/cciss/c0d0
content() {
    _said=$(blkid -p -s UUID -s TYPE -o export "$1" 2>/dev/null) || _said=$(blkid -s UUID -s TYPE "$1" 2>/dev/null | tr ' ' '\n' | tr -d '"')
    _id= _type=
    for _word in $_said; do
        case $_word in UUID=*) _id=${_id:-${_word#*=}} ;; TYPE=*) _type=${_type:-${_word#*=}} ;; esac
    done
    echo "$_id $_type"
}
serial() {
    cat "$1/serial" "$1/device/serial" 2>/dev/null | head -n 1 | grep . ||
        sed -n 's/^E:ID_SERIAL_SHORT=//p' "/run/udev/data/b$(cat "$1/dev")" 2>/dev/null | head -n 1
}
below() { # NUMBER
    _d=$(readlink -f "/sys/dev/block/$1") || return
    set -- "$_d"/slaves/*
    if [ -e "$1" ]; then
        for _s; do first "$_s/dev"; (below "$_first"); done
        return
    fi
    echo "on $(named "${_d##*/}") $(content "/dev/$(named "${_d##*/}")")"
    if [ -f "$_d/partition" ]; then _d=${_d%/*}; fi
    _file=; if [ -e "$_d/loop/backing_file" ]; then _file=$(cat "$_d/loop/backing_file" 2>/dev/null); fi
    if [ -n "$_file" ] && [ -e "$_file" ]; then echo "file $_file"; return; fi
    first "$_d/size"
    echo "disk $(named "${_d##*/}") $((_first * 512)) $(serial "$_d")"
}
number() { _n=$(stat -L -c '%t %T' "$1") && echo $((0x${_n% *})):$((0x${_n#* })); }

awk '{ for (i = 7; $i != "-"; i++); print $3, $5, $(i + 1), $(i + 2) }' /proc/self/mountinfo | while read -r number place type source; do
    case $source in /dev/*) [ -b "$source" ] || continue ;; *) continue ;; esac
    echo "mount $place $type $source"
    case $number in 0:*) ;; *) below "$number"; continue ;; esac
    _uuid=$(content "$source"); _uuid=${_uuid%% *}
    if [ -d "/sys/fs/btrfs/${_uuid:-none}/devices" ]; then
        for _b in "/sys/fs/btrfs/$_uuid/devices"/*; do below "$(cat "$_b/dev")"; done
    else below "$(number "$source")"; fi
done

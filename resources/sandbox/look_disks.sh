# look_disks: what lies below the file systems
# disk_of MAJOR:MINOR: which whole disks it lies on (a partition's parent, what is below LVM or LUKS)
disk_of() {
    _d=$(readlink -f "/sys/dev/block/$1") || return
    set -- "$_d"/slaves/*
    if [ -e "$1" ]; then
        for _s; do first "$_s/dev"; (disk_of "$_first"); done
        return
    fi
    if [ -f "$_d/partition" ]; then _d=${_d%/*}; fi
    echo "${_d##*/}"
}
# below_of MAJOR:MINOR: each layer below it, as the kernel calls it
below_of() {
    _b=$(readlink -f "/sys/dev/block/$1") || return
    if [ -f "$_b/dm/uuid" ]; then first "$_b/dm/uuid"; _uuid=$_first; first "$_b/dm/name"; echo "$_uuid $_first"; fi
    if [ -d "$_b/md" ]; then first "$_b/md/level"; echo "md $_first"; fi
    if [ -f "$_b/partition" ]; then first "$_b/partition"; echo "partition $_first"; fi
    for _s in "$_b"/slaves/*; do if [ -e "$_s/dev" ]; then first "$_s/dev"; (below_of "$_first"); fi; done
}
number_of() { set -- $(stat -L -c '%t %T' "$1"); echo "$((0x$1)):$((0x$2))"; }
look_disks() {
    part disks
    awk '{ for (i = 7; $i != "-"; i++); print $3, $(i + 2) }' /proc/self/mountinfo | sort -u | while read -r number source; do
        case $number in 0:*)
            [ -b "$source" ] || continue
            real=$(number_of "$source") ;;
        *) real=$number ;;
        esac
        echo "$number $(disk_of "$real" 2>/dev/null | sort -u | tr '\n' ' ')"
    done
    part mappers; for d in /sys/block/dm-*; do if [ -d "$d" ]; then first "$d/dm/uuid"; _uuid=$_first; first "$d/dm/name"; echo "$_uuid $_first"; fi; done; grep '^md' /proc/mdstat 2>/dev/null
    # the layers below the root file system, and how its disk begins (UEFI 2.10 §5.3: "EFI PART" in the second sector;
    # a BIOS boot partition has the type that reads Hah!IdontNeedEFI)
    root=$(awk '$5 == "/" { n = $3; for (i = 7; $i != "-"; i++); s = $(i + 2) } END { print n, s }' /proc/self/mountinfo)
    number=${root%% *}
    case $number in 0:*) if [ -b "${root#* }" ]; then number=$(number_of "${root#* }"); fi ;; esac
    part below_root; below_of "$number"
    part root_disk
    for disk in $(disk_of "$number" | sort -u); do
        [ -r "/dev/$disk" ] || continue
        echo "name $disk"
        case $(dd if="/dev/$disk" bs=512 count=34 | tr -d '\000' | tr -c 'A-Za-z!' ' ' | tr -s ' ') in
        *'EFI PART'*Hah!IdontNeedEFI*) echo gpt; echo bios-boot ;;
        *'EFI PART'*) echo gpt ;;
        *) if [ -e "/sys/block/$disk/${disk}1" ] || [ -e "/sys/block/$disk/${disk}p1" ]; then echo mbr; else echo none; fi ;;
        esac
        for p in "/sys/block/$disk/$disk"*; do if [ -r "$p/partition" ]; then
            first "$p/partition"; number=$_first; first "$p/start"; start=$_first; first "$p/size"
            echo "partition $number $((start + _first))"
        fi; done
        dd if="/dev/$disk" bs=512 count=1 | tr -c 'A-Za-z' '\n' | grep -E '^(GRUB|LILO|SYSLINUX|EXTLINUX)$' | head -n 1
    done
    part swaps; awk 'NR > 1 { print $1, $2, $3 }' /proc/swaps
    part crypttab; grep -v -E '^[[:space:]]*(#|$)' /etc/crypttab | some 4000
    # what fstab waits for at the start and what is not there
    part absent
    grep -v -E '^[[:space:]]*(#|$)' /etc/fstab 2>/dev/null | while read -r device place type options rest; do
        case $device in
        UUID=*) at=/dev/disk/by-uuid/$(echo "${device#*=}" | tr -d '"'"'") ;;
        LABEL=*) at=/dev/disk/by-label/$(echo "${device#*=}" | tr -d '"'"'") ;;
        PARTUUID=*) at=/dev/disk/by-partuuid/${device#*=} ;;
        /dev/*) at=$device ;;
        *) continue ;;
        esac
        [ -e "$at" ] && continue
        case $device in *UUID=*) [ -d "${at%/*}" ] || continue; if have blkid && blkid -t "$device" > /dev/null 2>&1; then continue; fi ;;
        LABEL=*) if ! have blkid || blkid -t "$device" > /dev/null 2>&1; then continue; fi ;; esac
        echo "$place $device $options"
    done
}

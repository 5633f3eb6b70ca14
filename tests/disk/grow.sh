#!/bin/sh
# grow.sh OUT NAME: OUT/system.raw, a disk with what a program takes for a Linux system, laid out as NAME says, and
# OUT/data.raw, its data disk at /data. OUT/uuid is the data's UUID. No guest is needed and no device mapper: LVM's tools
# only write the table (as in tests/guest/layout.sh). The layouts: mbr gpt lvm.
set -eu
if [ -z "${ALONE:-}" ]; then ALONE=1 exec unshare -m -p -f --kill-child sh "$0" "$@"; fi
mount --make-rprivate /
OUT=$1 NAME=$2 HERE=$(cd "${0%/*}" && pwd)
export LC_ALL=C LVM_SUPPRESS_FD_WARNINGS=1 LVM_SYSTEM_DIR=$OUT/lvm DM_DISABLE_UDEV=1
MIB=1048576
mkdir -p "$OUT/at" "$OUT/lvm"
attach() { losetup -f --show -o "$2" --sizelimit "$3" "$OUT/$1.raw"; }
# room DISK OFFSET BYTES TYPE: a file system there, mounted at $OUT/at; its UUID is $uuid
room() {
    _loop=$(attach "$1" "$2" "$3")
    case $4 in
    xfs) mkfs.xfs -q -f "$_loop" ;;
    btrfs) mkfs.btrfs -q -f "$_loop" > /dev/null ;;
    ext4old) mkfs.ext4 -q -b 4096 -I 128 "$_loop" 2> /dev/null ;;
    *) mkfs.ext4 -q -b 4096 "$_loop" ;;
    esac
    case $4 in ext4old) mount -t ext4 "$_loop" "$OUT/at" ;; *) mount -t "$4" "$_loop" "$OUT/at" ;; esac
    uuid=$(blkid -p -s UUID -o value "$_loop")
    losetup -d "$_loop"
}
# system UUID: what is looked for on a root, and a folder below the mount point with something hidden in it
system() {
    cd "$OUT/at"
    mkdir -p etc/systemd/system bin lib usr/bin var/log home data
    echo 'PRETTY_NAME="Test 1"' > etc/os-release
    echo 12.0 > etc/debian_version
    printf 'UUID=%s / auto defaults 0 1\nUUID=%s /data auto %s 0 2\n' "$uuid" "$1" "${OPTIONS:-defaults}" > etc/fstab
    printf '[Mount]\nWhat=/dev/vdb\nWhere=/data\n' > etc/systemd/system/data.mount
    head -c 3000000 /dev/urandom > var/log/kept
    echo covered > data/hidden
    cd /
    sync; umount "$OUT/at"
}
disk() { truncate -s "$2M" "$OUT/$1.raw"; }
# tree FOLDER: what may be lost; a hole of 80 MB would be read and hashed for half a minute by an emulated machine
tree() {
    python3 "$HERE/../sandbox/tree.py" "$1" 1
    truncate -s 12M "$1/data/sparse.img"
}
# data TYPE [early]: the data disk, a file system without a table
data() {
    disk data 320
    room data 0 $((320 * MIB)) "$1"
    tree "$OUT/at"
    if [ "${2:-}" = early ]; then rm "$OUT/at/times/future"; fi # ext with small inodes ends in 2038
    sync; umount "$OUT/at"
    echo "$uuid" > "$OUT/uuid"; with=$uuid
}
# volumes OFFSET BYTES: a volume group `vg` with the volumes swap and root; $start is where root begins
volumes() {
    _loop=$(attach system "$1" "$2")
    printf 'devices { use_devicesfile=0 filter=["a|^%s$|","r|.*|"] }\nactivation { udev_sync=0 udev_rules=0 }\n' "$_loop" > "$OUT/lvm/lvm.conf"
    {
        pvcreate --driverloaded n -y "$_loop" && vgcreate --driverloaded n vg "$_loop"
        for _v in swap:40 root:360; do lvcreate --driverloaded n -an -Zn -Wn -y -L "${_v#*:}m" -n "${_v%:*}" vg; done
    } > "$OUT/log" 2>&1 || { cat "$OUT/log" >&2; exit 1; }
    start=$(pvs --driverloaded n --segments -o lv_name,pe_start,pvseg_start,vg_extent_size --units b --nosuffix --noheadings 2> "$OUT/log" |
        while read -r _name _start _extent _size; do if [ "$_name" = root ]; then echo $(($1 + _start + _extent * _size)); fi; done)
    losetup -d "$_loop"
}
parted() { sfdisk -q "$OUT/system.raw"; }

case $NAME in
mbr) # an extended partition last, the root a logical one in it
    data xfs early
    disk system 500
    printf 'label: dos\nstart=2048,size=40960,type=83\nstart=43008,type=5\nstart=45056,type=83\n' | parted
    room system $((45056 * 512)) $((500 * MIB - 45056 * 512)) ext4old ;;
gpt)
    data ext4
    disk system 500
    printf 'label: gpt\nsize=20MiB,type=uefi,name=esp\ntype=linux,name=root,attrs=GUID:59\n' | parted
    room system $((21 * MIB)) $((478 * MIB)) xfs ;;
lvm) # the group's partition is not the last one, so that the new space becomes one of its own; the data: a part of a btrfs
    disk data 300
    room data 0 $((300 * MIB)) btrfs
    btrfs -q subvolume create "$OUT/at/@data" > /dev/null; echo wrong > "$OUT/at/not this"
    tree "$OUT/at/@data"
    sync; umount "$OUT/at"
    echo "$uuid" > "$OUT/uuid"; with=$uuid OPTIONS=noatime,subvol=/@data
    disk system 600
    printf 'label: gpt\nsize=500MiB,type=lvm\nsize=40MiB,type=swap\n' | parted
    volumes $MIB $((500 * MIB))
    room system "$start" $((360 * MIB)) btrfs ;;
esac
system "$with"
rmdir "$OUT/at"; rm -rf "$OUT/lvm" "$OUT/log"

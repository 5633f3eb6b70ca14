#!/bin/sh
# layout.sh BASE NAME OUT: the guest of BASE/os.qcow2, laid out as other people's machines are: OUT/disk0.qcow2 is its
# system disk, OUT/disk1.qcow2 … are its data disks. OUT/parts: a line for each file system: DISK OFFSET BYTES TYPE PATH.
# Needs root, grub-pc-bin, grub-efi-amd64-bin, extlinux, mtools, dosfstools, xfsprogs, btrfs-progs, lvm2, python3.
# LVM without a device mapper on this computer: its tools only write the volumes' table; where each begins is read from it.
set -eu
if [ -z "${ALONE:-}" ]; then ALONE=1 exec unshare -m -p -f --kill-child sh "$0" "$@"; fi
mount --make-rprivate /
BASE=$1 NAME=$2 OUT=$3 HERE=$(cd "${0%/*}" && pwd)
W=$OUT/work R=$OUT/work/root
export LC_ALL=C LVM_SUPPRESS_FD_WARNINGS=1 LVM_SYSTEM_DIR=$W/lvm DM_DISABLE_UDEV=1
MIB=1048576
rm -rf "$W"; mkdir -p "$R" "$W/base" "$W/lvm"
: > "$OUT/parts"

disk() { truncate -s "$2M" "$W/disk$1"; }
# attach DISK OFFSET BYTES: a loop device for a part of a disk; the caller lets go of it
attach() { losetup -f --show -o "$2" --sizelimit "$3" "$W/disk$1"; }
# room DISK OFFSET BYTES TYPE PATH [OPTIONS]: make a file system there and mount it below the guest's root
room() {
    _loop=$(attach "$1" "$2" "$3")
    case $4 in xfs) mkfs.xfs -q -f $6 "$_loop" ;; btrfs) quiet mkfs.btrfs -q -f $6 "$_loop" ;; *) mkfs.ext4 -q -b 4096 $6 "$_loop" ;; esac
    mkdir -p "$R$5"
    mount -t "$4" "$_loop" "$R$5"
    blkid -p -s UUID -o value "$_loop" > "$W/uuid.$(echo "$5" | tr / _)"
    losetup -d "$_loop" # it goes with the mount
    echo "$1 $2 $3 $4 $5" >> "$OUT/parts"
}
uuid() { cat "$W/uuid.$(echo "$1" | tr / _)"; }
quiet() { "$@" > "$W/log" 2>&1 || { cat "$W/log" >&2; exit 1; }; }
# volumes DISK OFFSET BYTES GROUP NAME:MIB …: a volume group there; $W/lv.NAME says where each volume begins
volumes() {
    _disk=$1 _offset=$2 _group=$4; _loop=$(attach "$1" "$2" "$3"); shift 4
    printf 'devices { use_devicesfile=0 filter=["a|^%s$|","r|.*|"] }\nactivation { udev_sync=0 udev_rules=0 }\n' "$_loop" > "$W/lvm/lvm.conf"
    quiet pvcreate --driverloaded n -y "$_loop"
    quiet vgcreate --driverloaded n "$_group" "$_loop"
    for _v; do quiet lvcreate --driverloaded n -an -Zn -Wn -y -L "${_v#*:}m" -n "${_v%:*}" "$_group"; done
    pvs --driverloaded n --segments -o lv_name,pe_start,pvseg_start,vg_extent_size --units b --nosuffix --noheadings 2> "$W/log" |
        while read -r _name _start _extent _size; do
            [ -z "$_size" ] || echo $((_offset + _start + _extent * _size)) > "$W/lv.$_name"
        done
    losetup -d "$_loop"
}

# system: the base guest's files into what is mounted at $R
system() {
    qemu-img convert -O raw "$BASE/os.qcow2" "$W/base.raw"
    mount -o ro,noload,loop,offset=$MIB "$W/base.raw" "$W/base"
    cp -a "$W/base/." "$R/"
    umount "$W/base"; rm "$W/base.raw"
    KERNEL=$(basename "$R"/boot/vmlinuz-*)
}
le32() { printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"; }
poke() { dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
MODULES="part_gpt part_msdos ext2 xfs lvm search search_fs_uuid normal configfile linux echo test"
# grub TARGET FILE ROOT: GRUB's core for /boot, and its menu
grub() {
    rm -rf "$R/boot/extlinux"; mkdir -p "$R/boot/grub"
    printf 'search --no-floppy --fs-uuid --set=root %s\nset prefix=($root)/grub\n' "$(uuid /boot)" > "$W/early"
    _more=biosdisk; case $1 in *efi) _more="efi_gop all_video fat" ;; esac
    grub-mkimage -O "$1" -o "$2" -p /grub -c "$W/early" $MODULES $_more
    printf 'set timeout=0\nmenuentry Debian {\n linux /%s root=%s ro quiet console=tty0 console=ttyS0,115200\n initrd /initrd.img-%s\n}\n' \
        "$KERNEL" "$3" "${KERNEL#vmlinuz-}" > "$R/boot/grub/grub.cfg"
}
# grub_bios DISK SECTOR: the core into the BIOS boot partition that begins there (what grub-bios-setup(8) would do)
grub_bios() {
    cp /usr/lib/grub/i386-pc/boot.img "$W/boot.img"
    le32 "$2" | poke "$W/boot.img" 92      # kernel_sector, boot.h
    printf '\220\220' | poke "$W/boot.img" 102 # take the drive that the BIOS names
    le32 $(($2 + 1)) | poke "$W/core.img" 500  # the first block list's start
    dd if="$W/boot.img" of="$W/disk$1" bs=440 count=1 conv=notrunc status=none
    dd if="$W/core.img" of="$W/disk$1" bs=512 seek="$2" conv=notrunc status=none
}
tree() { python3 "$HERE/../sandbox/tree.py" "$R$1" "$2"; }
finish() {
    sync
    umount -R "$R"
    for _d in "$W"/disk*; do qemu-img convert -O qcow2 "$_d" "$OUT/${_d##*/}.qcow2"; done
    rm -rf "$W"
}

. "$HERE/layouts/$NAME.sh"
finish
echo whole > "$OUT/whole"

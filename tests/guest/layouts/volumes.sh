# As an installer with LVM does it: UEFI, ESP, ext4 /boot, then /, /var and swap as logical volumes. A btrfs disk with
# another one inside of it, known by /dev/disk/by-id and /dev/vdc1; one disk that a unit of systemd mounts. No rsync,
# no Python, no getfattr; the login has a C shell.
disk 0 5120; disk 1 400; disk 2 200; disk 3 100
printf 'label: gpt\nsize=64MiB, type=U\nsize=300MiB\ntype=E6D6D379-F507-44C2-A23C-238F2A3DF928\n' | sfdisk -q "$W/disk0"
volumes 0 $((365 * MIB)) $((4754 * MIB)) system root:2800 var:600 swap:128
room 0 "$(cat "$W/lv.root")" $((2800 * MIB)) ext4 / ""
room 0 "$(cat "$W/lv.var")" $((600 * MIB)) xfs /var ""
room 0 $((65 * MIB)) $((300 * MIB)) ext4 /boot ""
system
grub x86_64-efi "$W/BOOTX64.EFI" /dev/mapper/system-root
truncate -s 64M "$W/esp"
quiet mkfs.vfat -i 5AD0B007 "$W/esp"
mmd -i "$W/esp" ::/EFI ::/EFI/BOOT
mcopy -i "$W/esp" "$W/BOOTX64.EFI" ::/EFI/BOOT/BOOTX64.EFI
dd if="$W/esp" of="$W/disk0" bs=$MIB seek=1 conv=notrunc status=none
_loop=$(attach 0 "$(cat "$W/lv.swap")" $((128 * MIB))); mkswap -q "$_loop"; losetup -d "$_loop"
mkdir -p "$R/boot/efi"
room 1 0 $((400 * MIB)) btrfs /data ""
tree /data 11
mkdir "$R/data/sub"
echo 'label: dos
,,83' | sfdisk -q "$W/disk2"
room 2 $MIB $((199 * MIB)) ext4 /data/sub ""
tree /data/sub 12
room 3 0 $((100 * MIB)) ext4 /archive ""
echo old > "$R/archive/file"
cat > "$R/etc/fstab" <<F
/dev/mapper/system-root / ext4 errors=remount-ro 0 1
/dev/mapper/system-var /var xfs defaults 0 0
UUID=$(uuid /boot) /boot ext4 defaults 0 2
UUID=5AD0-B007 /boot/efi vfat umask=0077 0 1
/dev/mapper/system-swap none swap sw 0 0
/dev/disk/by-id/virtio-disk1 /data btrfs defaults 0 0
/dev/vdc1 /data/sub ext4 defaults 0 2
F
printf '[Mount]\nWhat=/dev/disk/by-uuid/%s\nWhere=/archive\nType=ext4\n[Install]\nWantedBy=local-fs.target\n' "$(uuid /archive)" > "$R/etc/systemd/system/archive.mount"
chroot "$R" systemctl -q enable archive.mount
rm -f "$R"/usr/bin/rsync "$R"/usr/bin/python3* "$R"/usr/bin/getfattr
chroot "$R" usermod -s /bin/tcsh scientist

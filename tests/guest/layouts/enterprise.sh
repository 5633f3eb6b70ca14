# As Enterprise Linux is installed: GPT, BIOS boot partition, GRUB, ext4 /boot, XFS root. People's homes on a disk of
# their own, the application on LVM and XFS, no programs from /tmp. The login: German, fish, sudo with a password.
disk 0 4096; disk 1 300; disk 2 700
printf 'label: gpt\nsize=1MiB, type=21686148-6449-6E6F-744E-656564454649\nsize=300MiB\ntype=L\n' | sfdisk -q "$W/disk0"
room 0 $((302 * MIB)) $((3792 * MIB)) xfs / ""
system
rm -rf "$R/boot.was"; mv "$R/boot" "$R/boot.was"
room 0 $((2 * MIB)) $((300 * MIB)) ext4 /boot ""
cp -a "$R/boot.was/." "$R/boot/"; rm -rf "$R/boot.was"
grub i386-pc "$W/core.img" "UUID=$(uuid /)"
grub_bios 0 2048
mv "$R/home/scientist" "$W/scientist"
room 1 0 $((300 * MIB)) ext4 /home "-L home"
cp -a "$W/scientist" "$R/home/"
mkdir "$R/home/colleague"; tree /home/colleague 3
volumes 2 0 $((700 * MIB)) data app:600
room 2 "$(cat "$W/lv.app")" $((600 * MIB)) xfs /application ""
tree /application 7
head -c 60000000 /dev/urandom > "$R/application/big"
mkdir -p "$R/srv/tools"
cat > "$R/etc/fstab" <<F
UUID=$(uuid /) / xfs defaults 0 0
UUID=$(uuid /boot)	/boot	ext4	defaults	1 2
LABEL=home /home ext4 defaults,nodev 0 2
/dev/mapper/data-app /application xfs defaults 0 0
tmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0
/application/src /srv/tools none bind 0 0
F
echo 'LANG=de_DE.UTF-8' > "$R/etc/default/locale"
chroot "$R" usermod -s /usr/bin/fish scientist
chroot "$R" usermod -p "$(openssl passwd -6 "open sesame")" scientist
echo 'scientist ALL=(ALL) ALL' > "$R/etc/sudoers.d/scientist"

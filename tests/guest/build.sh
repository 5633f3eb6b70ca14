#!/bin/sh
# build.sh FOLDER: a real Debian 12 guest: FOLDER/os.qcow2 (3 GiB, MBR, ext4, starts by extlinux), FOLDER/key, FOLDER/key.pub.
# Needs root, debootstrap, extlinux, e2fsprogs, fdisk, qemu-utils. All mounts are in a namespace of their own.
set -eu
if [ -z "${ALONE:-}" ]; then ALONE=1 exec unshare -m -p -f --kill-child sh "$0" "$1"; fi
mount --make-rprivate /
OUT=$1 W=$1/work R=$1/work/root
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mkdir -p "$W"
[ -f "$OUT/key" ] || ssh-keygen -q -t ed25519 -N '' -C guest -f "$OUT/key"
rm -f "$W/os.raw"
truncate -s 3G "$W/os.raw"
echo '2048,,83,*' | sfdisk -q "$W/os.raw"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$W/os.raw" bs=440 count=1 conv=notrunc status=none
mkdir -p "$R"
LOOP=$(losetup -f --show -o 1048576 "$W/os.raw")
trap 'umount -R "$R" 2>/dev/null; losetup -d "$LOOP"' EXIT
mkfs.ext4 -q -O ^64bit,^metadata_csum "$LOOP" # what extlinux can read
mount "$LOOP" "$R"
PACKAGES=systemd-sysv,udev,dbus,kmod,initramfs-tools,zstd,iproute2,openssh-server,sudo,rsync,acl,attr,e2fsprogs,python3,netbase,procps
PACKAGES=$PACKAGES,xfsprogs,btrfs-progs,lvm2,fish,tcsh,locales,qemu-guest-agent # for the layouts (layout.sh)
debootstrap --variant=minbase --include=$PACKAGES bookworm "$R" ${MIRROR:+"$MIRROR"} > "$W/debootstrap.log" 2>&1 || { tail "$W/debootstrap.log" >&2; exit 1; }
printf 'COMPRESS=zstd\nMODULES=list\n' > "$R/etc/initramfs-tools/conf.d/small"
printf '%s\n' ahci ata_piix ata_generic sd_mod virtio_pci virtio_blk virtio_scsi nvme ext4 xfs btrfs dm_mod vmw_pvscsi mptspi > "$R/etc/initramfs-tools/modules"
mount -t proc proc "$R/proc"; mount -t sysfs sys "$R/sys"
cp /etc/resolv.conf "$R/etc/resolv.conf"
chroot "$R" apt-get -q -q -y --no-install-recommends -o Dpkg::Options::=--path-exclude='/usr/share/doc/*' install linux-image-amd64 > "$W/kernel.log" 2>&1 || { tail "$W/kernel.log" >&2; exit 1; }
chroot "$R" apt-get clean
chroot "$R" localedef -i de_DE -f UTF-8 de_DE.UTF-8
rm -rf "$R"/var/lib/apt/lists/* "$R"/usr/share/doc/* "$R"/usr/share/man/* "$R"/usr/share/i18n
find "$R/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name de -exec rm -rf {} +
umount "$R/proc" "$R/sys"

UUID=$(blkid -p -s UUID -o value "$LOOP")
printf 'UUID=%s / ext4 errors=remount-ro 0 1\n' "$UUID" > "$R/etc/fstab"
mkdir -p "$R/boot/extlinux" "$R/application"
K=$(basename "$R"/boot/vmlinuz-*)
printf 'DEFAULT debian\nPROMPT 0\nLABEL debian\n LINUX /boot/%s\n INITRD /boot/initrd.img-%s\n APPEND root=UUID=%s ro quiet console=tty0 console=ttyS0,115200\n' \
    "$K" "${K#vmlinuz-}" "$UUID" > "$R/boot/extlinux/extlinux.conf"
extlinux --install "$R/boot/extlinux" > "$W/extlinux.log" 2>&1

echo sandbox-01 > "$R/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 sandbox-01\n' > "$R/etc/hosts"
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' > "$R/etc/systemd/network/10-all.network"
echo 'nameserver 10.0.2.3' > "$R/etc/resolv.conf"
chroot "$R" systemctl -q enable systemd-networkd ssh
chroot "$R" systemctl -q disable systemd-networkd-wait-online 2>/dev/null || true
chroot "$R" useradd -m -u 1000 -s /bin/bash scientist
echo 'scientist ALL=(ALL) NOPASSWD: ALL' > "$R/etc/sudoers.d/scientist"; chmod 440 "$R/etc/sudoers.d/scientist"
for home in root home/scientist; do mkdir -p "$R/$home/.ssh"; cp "$OUT/key.pub" "$R/$home/.ssh/authorized_keys"; done
chown -R 1000:1000 "$R/home/scientist"
printf 'UseDNS no\nPermitRootLogin prohibit-password\n' > "$R/etc/ssh/sshd_config.d/guest.conf"
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer man-db.timer; do
    ln -sf /dev/null "$R/etc/systemd/system/$unit"
done
rm -f "$R/etc/machine-id"; : > "$R/etc/machine-id"
umount "$R"; losetup -d "$LOOP"; trap - EXIT
qemu-img convert -O qcow2 "$W/os.raw" "$OUT/os.qcow2.new"
rm -rf "$W"
mv "$OUT/os.qcow2.new" "$OUT/os.qcow2" # its name says that it is whole

# look: tell what this machine is and has; changes nothing. Each part begins with the line "$MARK name"
# (MARK is given by the other side: random, so that nothing in a file can pass for it).
part() { printf '\n%s %s\n' "$MARK" "$1"; }
# plainly ESCAPED: set $path to a name as it really is (fstab(5), proc(5): \040 for a space)
plainly() { path=$(printf '%b' "$(printf '%s' "$1" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')x"); path=${path%x}; }
soon() { if have timeout; then timeout 60 "$@"; else "$@"; fi; }

part os; cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null
part release; cat /etc/redhat-release /etc/SuSE-release /etc/debian_version /etc/alpine-release 2>/dev/null | head -n 3
part kernel; uname -r
part architecture; uname -m
part hostname; cat /proc/sys/kernel/hostname
part user; id -u
part mountinfo; cat /proc/self/mountinfo
part fstab; cat /etc/fstab 2>/dev/null
# mount points of fstab that lead elsewhere, because a folder on their way is a link
part places
awk '$1 !~ /^#/ && $2 ~ /^\// && $3 !~ /^(nfs|cifs|smb|ceph|gluster|9p|fuse)/ { print $2 }' /etc/fstab 2>/dev/null | while read -r escaped; do
    plainly "$escaped"
    real=$(soon readlink -f "$path"); if [ -n "$real" ] && [ "$real" != "$path" ]; then echo "$escaped $real"; fi
done
part units; grep -H -E "^Where=" /etc/systemd/system/*mount /run/systemd/system/*mount /usr/local/lib/systemd/system/*mount 2>/dev/null
part cmdline; cat /proc/cmdline
part firmware; if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi
part shell_tools
for t in rsync unshare setsid mount blkid getfattr setfacl cp find awk sha256sum stat; do if have "$t"; then echo "$t"; fi; done
case $(cp --version 2>/dev/null) in *GNU*) echo gnu-cp ;; esac

# the space of every mounted file system that is not made up by the kernel and not at the other end of a network
part space
awk '{ for (i = 7; $i != "-"; i++); print $5, $(i + 1) }' /proc/self/mountinfo | while read -r escaped type; do
    case $type in
    nfs* | cifs | smb* | fuse.* | ceph | gluster* | lustre | 9p | afs | beegfs | gpfs | davfs | virtiofs) continue ;;
    proc | sysfs | tmpfs | ramfs | devtmpfs | devpts | cgroup* | overlay | squashfs | autofs | rootfs) continue ;;
    mqueue | hugetlbfs | debugfs | tracefs | securityfs | pstore | bpf | configfs | fusectl | binfmt_misc | nsfs | efivarfs | selinuxfs | rpc_pipefs) continue ;;
    esac
    plainly "$escaped"
    echo "$escaped $(stat -f -c '%S %b %f %a %c %d' "$path") $(stat -c '%u:%U' "$path")"
done

# btrfs mounts with further subvolumes in them (the top of each is number 256); each is a file system of its own
part subvolumes
awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "btrfs") print $5 }' /proc/self/mountinfo | while read -r escaped; do
    plainly "$escaped"
    if [ -n "$(soon find "$path" -mindepth 1 -xdev -type d -inum 256 2>/dev/null | head -n 1)" ]; then echo "$escaped"; fi
done

# which whole disks each device number lies on (a partition's parent, what is below LVM or LUKS)
part disks
disk_of() {
    _d=$(readlink -f "/sys/dev/block/$1") || return
    if [ -d "$_d/slaves" ] && [ -n "$(ls "$_d/slaves")" ]; then
        for _s in "$_d"/slaves/*; do (disk_of "$(cat "$_s/dev")"); done
    elif [ -f "$_d/partition" ]; then basename "${_d%/*}"
    else basename "$_d"; fi
}
awk '{ for (i = 7; $i != "-"; i++); print $3, $(i + 2) }' /proc/self/mountinfo | sort -u | while read -r number source; do
    case $number in 0:*)
        [ -b "$source" ] || continue
        real=$(stat -L -c '%t %T' "$source"); real=$((0x${real% *})):$((0x${real#* })) ;;
    *) real=$number ;;
    esac
    echo "$number $(disk_of "$real" 2>/dev/null | sort -u | tr '\n' ' ')"
done
part mappers; for d in /sys/block/dm-*; do if [ -d "$d" ]; then echo "$(cat "$d/dm/uuid") $(cat "$d/dm/name")"; fi; done; cat /proc/mdstat 2>/dev/null | grep '^md'

part virtio
kernel=$(uname -r)
if grep -q virtio_blk "/lib/modules/$kernel/modules.builtin" 2>/dev/null; then echo yes
elif have lsinitramfs && [ -r "/boot/initrd.img-$kernel" ]; then
    if soon lsinitramfs "/boot/initrd.img-$kernel" 2>/dev/null | grep -q virtio_blk; then echo yes; else echo no; fi
elif have lsinitrd && [ -r "/boot/initramfs-$kernel.img" ]; then
    if soon lsinitrd "/boot/initramfs-$kernel.img" 2>/dev/null | grep -q virtio_blk; then echo yes; else echo no; fi
fi
part cloud_init; if have cloud-init; then echo yes; fi; ls /etc/cloud/cloud-init.disabled 2>/dev/null
part static
grep -l -E '^[[:space:]]*iface .* inet static' /etc/network/interfaces /etc/network/interfaces.d/* 2>/dev/null
grep -l -i -E '^IPADDR' /etc/sysconfig/network-scripts/ifcfg-* /etc/sysconfig/network/ifcfg-* 2>/dev/null | grep -v 'ifcfg-lo$'
grep -l -E '^[[:space:]]*addresses:[[:space:]]*(\[[^]]*[0-9]|$)' /etc/netplan/*.yaml 2>/dev/null
grep -l -E '^method=manual' /etc/NetworkManager/system-connections/* 2>/dev/null
grep -l -E '^Address=' /etc/systemd/network/*.network 2>/dev/null
part nic_rules; ls /etc/udev/rules.d/*persistent-net* 2>/dev/null
part selinux; cat /sys/fs/selinux/enforce /selinux/enforce 2>/dev/null | head -n 1

# what lies hidden below the mount points, seen in a mount namespace of our own (nothing is mounted for anybody else)
part hidden
if [ "$(id -u)" = 0 ] && have unshare && [ -d /mnt ]; then
    unshare -m sh -c 'mount --make-rprivate / && mount --bind / /mnt || exit
        awk "{ for (i = 7; \$i != \"-\"; i++); if (\$(i + 2) ~ /^\/dev\//) print \$5 }" /proc/self/mountinfo | while read -r escaped; do
            path=$(printf "%b" "$(printf "%s" "$escaped" | sed "s/\\\\\([0-7][0-7][0-7]\)/\\\\0\1/g")x"); path=${path%x}
            case $path in / | /mnt | /mnt/*) continue ;; esac
            if [ -n "$(ls -A "/mnt$path" 2>/dev/null)" ]; then echo "$escaped"; fi
        done' 2>/dev/null
fi
part journal; for STATE in $(find_state); do if [ -s "$STATE/journal" ]; then echo "${STATE##*/}"; fi; done
part end

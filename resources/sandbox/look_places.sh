# look_places: what is mounted where, and what mounts it. Cheap: the merge asks for it alone (places.sh).
look_places() {
    part mountinfo; cat /proc/self/mountinfo
    part fstab; cat /etc/fstab 2>/dev/null
    part places; elsewhere
    part units; grep -H -E "^Where=" /etc/systemd/system/*mount /run/systemd/system/*mount /usr/local/lib/systemd/system/*mount 2>/dev/null

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
}

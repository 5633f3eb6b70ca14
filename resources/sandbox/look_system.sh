# look_system: what this machine is
look_system() {
    part os; { cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release; } | some 8000
    part release
    for f in /etc/redhat-release /etc/centos-release /etc/system-release /etc/SuSE-release /etc/alpine-release /etc/arch-release /etc/debian_version; do
        if [ -s "$f" ] && first "$f"; then printf '%.200s\n' "$_first"; fi
    done
    part kernel; uname -r
    part architecture; uname -m
    part hostname; cat /proc/sys/kernel/hostname
    part user; id -u
    part userland; for f in /lib64/ld-linux-x86-64.so.2 /usr/lib64/ld-linux-x86-64.so.2 /lib/ld-musl-x86_64.so.1; do if [ -e "$f" ]; then echo 64; break; fi; done
    part firmware; if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi
    part secure_boot; for f in /sys/firmware/efi/efivars/SecureBoot-*; do if [ -e "$f" ]; then tail -c 1 "$f" | od -An -tu1; fi; done
    part maker; text /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name /sys/class/dmi/id/chassis_asset_tag /sys/hypervisor/type
    part uptime; cut -d. -f1 /proc/uptime
    part pending
    if [ -d /lib/modules ] && [ ! -d "/lib/modules/$(uname -r)" ] && [ -s /proc/modules ]; then echo kernel-gone; fi
    if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then echo asked; fi
    part shell_tools
    for t in rsync unshare setsid mount blkid getfattr setfacl cp find awk sha256sum stat; do if have "$t"; then echo "$t"; fi; done
    case $(cp --version 2>/dev/null) in *GNU*) echo gnu-cp ;; esac
    # the state that the kernel keeps of errors, and what it told lately
    part troubles
    for f in /sys/fs/ext4/*/errors_count; do if [ -r "$f" ] && first "$f" && [ "$_first" != 0 ]; then f=${f%/*}; echo "ext4 ${f##*/} $_first"; fi; done
    dmesg 2>/dev/null | grep -i -E 'EXT[234]-fs error|XFS .*(corrupt|metadata I/O error)|BTRFS.*(corrupt|error)|I/O error, dev [a-z]|remount.*read-only' | tail -n 5 | cut -c1-200
    part hardware
    if [ -d /proc/driver/nvidia ] || grep -q -E '^(nvidia|amdgpu|i915|habanalabs) ' /proc/modules 2>/dev/null; then
        for d in /sys/class/drm/card[0-9] /proc/driver/nvidia/gpus/*; do if [ -e "$d" ]; then echo "gpu ${d##*/}"; fi; done
    fi
    for d in /sys/class/infiniband/*; do if [ -e "$d" ]; then echo "infiniband ${d##*/}"; fi; done
}

# look_boot: boot loader, what each menu entry names as root, and which drivers every kernel's start-up image has
WANTED='virtio_blk|virtio_pci|virtio_scsi|virtio_net|ahci|nvme|ata_piix|xen-blkfront|vmw_pvscsi|mptspi|mptsas|hv_storvsc|sd_mod'

# unpacked FILE SKIP: what is in a start-up image from byte SKIP on, told by its first bytes (kernel: lib/decompress.c)
unpacked() {
    case $(tail -c +$(($2 + 1)) "$1" | head -c 6 | od -An -tx1 | tr -d ' \n') in
    1f8b*) tail -c +$(($2 + 1)) "$1" | gzip -dc ;;
    28b52ffd*) have zstd && tail -c +$(($2 + 1)) "$1" | zstd -dc ;;
    fd377a585a00) have xz && tail -c +$(($2 + 1)) "$1" | xz -dc ;;
    5d0000*) { have lzma || have xz; } && tail -c +$(($2 + 1)) "$1" | { if have xz; then xz -dc --format=lzma; else lzma -dc; fi; } ;;
    425a68*) have bzip2 && tail -c +$(($2 + 1)) "$1" | bzip2 -dc ;;
    0221*) { have lz4 || have unlz4; } && tail -c +$(($2 + 1)) "$1" | { if have lz4; then lz4 -dc; else unlz4 -c; fi; } ;;
    894c5a4f*) have lzop && tail -c +$(($2 + 1)) "$1" | lzop -dc ;;
    *) return 1 ;;
    esac
}
# payload FILE: where the compressed part begins, behind any archives of processor code that stand plain before it
# (kernel: Documentation/driver-api/early-userspace/buffer-format.rst); nothing when all of it is plain
payload() {
    case $(head -c 6 "$1") in 070701 | 070702) ;; *) echo 0; return ;; esac
    for _at in $(grep -a -b -o 'TRAILER!!!' "$1" 2>/dev/null | cut -d: -f1 | head -n 4); do
        _zeros=$(tail -c +$((_at + 11)) "$1" | head -c 4096 | od -An -v -tx1 | tr -s ' ' '\n' | awk 'NF && $1 != "00" { print n + 0; exit } NF { n++ }')
        [ -n "$_zeros" ] || continue
        case $(tail -c +$((_at + 11 + _zeros)) "$1" | head -c 6) in 070701 | 070702) continue ;; esac
        echo $((_at + 10 + _zeros))
        return
    done
}
# drivers_in FILE: the wanted drivers whose names stand in it (a cpio archive keeps names plain); fails when it cannot be read
drivers_in() {
    _skip=$(payload "$1")
    if [ -n "$_skip" ]; then
        _names=$(unpacked "$1" "$_skip" | tr -c 'A-Za-z0-9_./-' '\n' | grep -o -E "(^|/)($WANTED)\.ko|TRAILER" | sort -u)
    else
        _names=$(tr -c 'A-Za-z0-9_./-' '\n' < "$1" | grep -o -E "(^|/)($WANTED)\.ko|TRAILER" | sort -u)
    fi
    case $_names in *TRAILER*) ;; *) return 1 ;; esac
    echo "$_names" | sed -n 's,^/*\(.*\)\.ko$,\1,p' | tr '_' '-' | tr '\n' ' '
}
# image_of VERSION: the start-up image of a kernel
image_of() {
    for _i in "/boot/initrd.img-$1" "/boot/initramfs-$1.img" "/boot/initrd-$1" "/boot/initrd-$1.img" "/boot/initramfs-$1" /boot/*/"$1"/initrd /boot/efi/*/"$1"/initrd; do
        if [ -f "$_i" ]; then echo "$_i"; return; fi
    done
}
kernels() {
    for _k in /boot/vmlinuz-* /boot/vmlinux-* /boot/Image-* /boot/kernel-*; do
        case $_k in *rescue* | *'*' | *.hmac | *.old | *kdump*) continue ;; esac
        _v=${_k##*/}; echo "${_v#*-}"
    done
    for _k in /boot/????????????????????????????????/*/linux /boot/efi/????????????????????????????????/*/linux; do if [ -f "$_k" ]; then _k=${_k%/linux}; echo "${_k##*/}"; fi; done
}
look_boot() {
    part cmdline; cat /proc/cmdline
    # what is there of each boot loader
    part loaders
    for f in /boot/grub2/grub.cfg /boot/grub/grub.cfg; do if [ -f "$f" ]; then echo "grub2 $f"; fi; done
    for f in /boot/grub/menu.lst /boot/grub/grub.conf /etc/grub.conf; do if [ -f "$f" ] && [ ! -L "$f" ]; then echo "grub1 $f"; fi; done
    for f in /boot/extlinux/extlinux.conf /boot/extlinux.conf /boot/syslinux/syslinux.cfg; do if [ -f "$f" ]; then echo "extlinux $f"; fi; done
    for f in /boot/loader/loader.conf /boot/efi/loader/loader.conf /efi/loader/loader.conf; do if [ -f "$f" ]; then echo "systemd-boot $f"; fi; done
    if [ -f /etc/lilo.conf ]; then echo "lilo /etc/lilo.conf"; fi
    for f in /boot/efi/EFI/Linux/*.efi /boot/EFI/Linux/*.efi /efi/EFI/Linux/*.efi; do if [ -f "$f" ]; then echo "uki $f"; fi; done
    if [ -e /boot/efi/EFI/BOOT/BOOTX64.EFI ] || [ -e /boot/efi/EFI/boot/bootx64.efi ] || [ -e /boot/EFI/BOOT/BOOTX64.EFI ] || [ -e /efi/EFI/BOOT/BOOTX64.EFI ]; then echo "fallback efi"; fi
    # every line that names a root file system, with the file that it stands in
    part entries
    MOST=600000 lines '.*(root=|resume=)' /boot/grub2/grub.cfg /boot/grub/grub.cfg /boot/grub/menu.lst /boot/grub/grub.conf /boot/efi/EFI/*/grub.cfg \
        /boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf /boot/extlinux/extlinux.conf \
        /boot/extlinux.conf /boot/syslinux/syslinux.cfg /boot/grub2/grubenv /boot/grub/grubenv /etc/lilo.conf |
        grep -v -E '^[^:]*:[[:space:]]*(#|search|set |if |font)' | cut -c1-1000 | some
    part boot_options; lines 'GRUB_CMDLINE_LINUX|GRUB_TERMINAL|GRUB_ENABLE_BLSCFG|GRUB_DISABLE_UUID|GRUB_DISABLE_LINUX_UUID' /etc/default/grub /etc/default/grub.d/*.cfg; text /etc/kernel/cmdline
    part modules; ls /lib/modules 2>/dev/null | head -n 30
    # "VERSION IMAGE built-in: … image: …"; an image that could not be read has "unread" there
    part kernels
    for v in $(kernels | sort -u | head -n 12); do
        echo "kernel $v"
        for b in "/lib/modules/$v/modules.builtin" "/usr/lib/modules/$v/modules.builtin"; do
            if [ -r "$b" ]; then echo "builtin $(grep -o -E "/($WANTED)\.ko" "$b" | sed 's,^/,,; s,\.ko$,,' | sort -u | tr '_' '-' | tr '\n' ' ')"; break; fi
        done
        for b in "/boot/config-$v" "/lib/modules/$v/config"; do
            if [ -r "$b" ]; then grep -E '^CONFIG_(VIRTIO_BLK|VIRTIO_PCI|XEN|PARAVIRT|KVM_GUEST|SATA_AHCI|BLK_DEV_NVME)=|^# CONFIG_VIRTIO_BLK is' "$b"; break; fi
        done
        image=$(image_of "$v")
        case $v in lts | virt | linux* | hardened) [ -n "$image" ] || image=$(ls "/boot/initramfs-$v" "/boot/initramfs-$v.img" 2>/dev/null | head -n 1) ;; esac
        if [ -z "$image" ]; then echo "image -"; continue; fi
        echo "image $image"
        if seen=$(drivers_in "$image"); then echo "drivers $seen"; else echo unread; fi
    done
}

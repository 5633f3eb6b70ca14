# One big ext4 root, MBR; very many small files on a disk that is known by its label, with a program that works there all
# the time; a disk that may only be read. SMALL_FILES=200000 is what is measured by hand: minutes where nothing is
# emulated, most of an hour in a guest without KVM.
disk 0 6144; disk 1 1600; disk 2 100
echo '2048,,83,*' | sfdisk -q "$W/disk0"
room 0 $MIB $((6143 * MIB)) ext4 / "-O ^64bit,^metadata_csum"
system
dd if=/usr/lib/EXTLINUX/mbr.bin of="$W/disk0" bs=440 count=1 conv=notrunc status=none
sed -i "s/root=UUID=[^ ]*/root=UUID=$(uuid /)/" "$R/boot/extlinux/extlinux.conf"
quiet extlinux --install "$R/boot/extlinux"
room 1 0 $((1600 * MIB)) ext4 /application "-L CIOP_APP -N 260000"
tree /application 21
python3 - "$R/application/small" "${SMALL_FILES:-6000}" <<'P'
import os, random, sys
dice = random.Random(1)
for folder in range(100):
    place = f"{sys.argv[1]}/run-{folder:03}"
    os.makedirs(place)
    for n in range(int(sys.argv[2]) // 100):
        with open(f"{place}/sample-{n:04}.csv", "wb") as file:
            file.write(dice.randbytes(dice.randrange(300)))
P
mkdir "$R/application/big"
for n in 1 2 3; do head -c 40000000 /dev/urandom > "$R/application/big/$n"; done
mkdir "$R/application/busy"
room 2 0 $((100 * MIB)) ext4 /reference ""
tree /reference 22
cat > "$R/etc/fstab" <<F
UUID=$(uuid /) / ext4 errors=remount-ro 0 1
LABEL=CIOP_APP /application ext4 defaults,nofail 0 2
UUID=$(uuid /reference) /reference ext4 ro,nofail 0 2
F
cp "$HERE/busy.py" "$R/usr/local/bin/busy"
printf '[Service]\nExecStart=python3 /usr/local/bin/busy /application/busy /run/busy\n[Install]\nWantedBy=multi-user.target\n' > "$R/etc/systemd/system/busy.service"

# machine.sh FOLDER PORT: process 1 of a small machine whose root disk is FOLDER/root.img and whose data disks are FOLDER/*.data.
# Started in mount and process namespaces of its own, so that everything here is gone when it ends.
set -e
T=$1 PORT=$2 R=$1/root
mount --make-rprivate /
mkdir -p "$R"
mount -o "loop,$(cat "$T/root.options" 2>/dev/null || echo nobarrier)" "$T/root.img" "$R"
(cd "$R" && mkdir -p usr proc sys dev run tmp old root home mnt var/lib var/tmp var/empty etc/ssh)
mount -t overlay -o "lowerdir=$T/over:/usr" overlay "$R/usr"
if [ ! -e "$R/bin" ]; then
    ln -s usr/bin usr/sbin usr/lib usr/lib64 "$R"
    set --
    for f in ld.so.cache ld.so.conf ld.so.conf.d alternatives pam.d security nsswitch.conf login.defs os-release; do
        [ ! -e "/etc/$f" ] || set -- "$@" "/etc/$f"
    done
    cp -a "$@" "$T/etc/." "$R/etc/"
    chmod 755 "$R" "$R/etc" "$R/var" "$R/var/lib" "$R/home"; chmod 700 "$R/root"
    chmod 440 "$R/etc/sudoers"; chmod 600 "$R/etc/shadow" "$R"/etc/ssh/host
    mkdir -p "$R/home/scientist"; chown 1000:1000 "$R/home/scientist"
    [ ! -x "$T/first" ] || "$T/first" "$R"
fi
mount -t proc proc "$R/proc"; mount -t sysfs sysfs "$R/sys"; mount -t devtmpfs dev "$R/dev"
mkdir -p "$R/dev/pts"; mount -t devpts -o newinstance,ptmxmode=666 devpts "$R/dev/pts"
mount -t tmpfs -o mode=755 run "$R/run"; mount -t tmpfs -o mode=1777,noexec tmp "$R/tmp"; mkdir -p "$R/run/sshd"
# the data disks are attached whether fstab names them or not; a loop device goes when the last process lets go of it
for image in "$T"/*.data; do
    [ -e "$image" ] || continue
    loop=$(losetup -f --show "$image")
    exec 9< "$loop"
    losetup -d "$loop"
    sleep infinity &
    exec 9<&-
    echo "$loop" > "${image%.data}.loop"
done
# fstab in the order it has, as at any start; a device that is missing is passed over (nofail)
sed 's/#.*//' "$R/etc/fstab" | while read -r device place type options rest; do
    case $device in UUID=*) image=$(grep -l "^${device#UUID=}$" "$T"/*.uuid) || continue ;; *) continue ;; esac
    [ -e "${image%.uuid}.data" ] || continue
    loop=$(cat "${image%.uuid}.loop")
    place=$R$(printf '%b' "$place")
    [ -d "$place" ] || mkdir -p "$place"
    case $type in ext4) options=$options,nobarrier ;; esac
    mount -t "$type" -o "$options" "$loop" "$place"
done
cat /proc/sys/kernel/random/uuid > "$R/run/boot_id"
mount --bind "$R/run/boot_id" "$R/proc/sys/kernel/random/boot_id"
cd "$R"
pivot_root . old
umount -l old
rmdir old
exec chroot . /usr/sbin/sshd -D -e -p "$PORT" -f /etc/ssh/config

# tables: what decides which disks this machine mounts when it starts; read just before the merge. Changes nothing.
# Each part begins with the line "$MARK name", as in look.sh.

part mountinfo; cat /proc/self/mountinfo
part fstab; cat /etc/fstab 2>/dev/null
part crypttab; if [ -r /etc/crypttab ]; then cat /etc/crypttab; fi
part places; elsewhere
# unit files of systemd that somebody has written: the first line of each part is its name
n=0
for d in /etc/systemd/system /usr/local/lib/systemd/system; do
    for f in "$d"/*mount "$d"/*mount.d/*.conf; do
        [ -f "$f" ] || continue
        n=$((n + 1)); part "unit$n"; printf '%s\n' "$f"; cat "$f"
    done
done
part end

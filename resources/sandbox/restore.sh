# restore: put the machine back as it was before the merge, from the journal in $STATE alone. Safe to repeat.
# The order matters: fstab first (a power cut now boots with the data disk), then the mount, then the hidden copy.
WORK=restore
STATE=${0%/*}
JOB=${STATE##*/}

mounted() { [ -d "$1" ] && [ "$(device_of "$1")" != "$(device_of /)" ]; }

# disk_of M: the device of the mount M, if its disk is attached
disk_of() {
    id=$(cat "$1/id"); source=$(value "$1/source")
    if [ -n "$id" ] && [ -e "/dev/disk/by-uuid/$id" ]; then readlink -f "/dev/disk/by-uuid/$id"; return; fi
    if [ -n "$id" ]; then blkid -o device -t "UUID=$id" 2>/dev/null | grep . && return; fi
    [ -b "$source" ] && [ "$(fs_id "$source")" = "$id" ] && echo "$source"
}

# all_there: every merged data disk is still attached. If not, this may be the exported copy, where the hidden
# folder is the only one: then nothing at all may be touched. Nor while something is mounted in the hidden folder
# itself, as after a restart with the edited fstab.
all_there() {
    for m in "$STATE"/m[0-9][0-9]; do
        [ -e "$m/saved" ] || continue
        path=$(value "$m/path")
        mounted "$path" || [ -n "$(disk_of "$m")" ] || fail away "$path"
        below=$(mounted_below "$path" | head -n 1)
        [ -z "$below" ] || fail below "$below"
    done
}

unmask_fstab() {
    [ -f "$STATE/fstab.path" ] || return 0
    f=$(value "$STATE/fstab.path"); was=$f.sandhopper-$JOB
    rm -f "$was.new"
    if cmp -s "$f" "$STATE/fstab.before"; then
        if [ "$f" -ef "$was" ]; then rm -f "$was"; elif [ -e "$was" ]; then mv -f "$was" "$f"; fi
    elif [ ! -e "$f" ] || cmp -s "$f" "$STATE/fstab.after"; then
        if [ ! -e "$was" ]; then cp -a "$STATE/fstab.before" "$was" && flush "$was" || fail fstab; fi
        mv -f "$was" "$f" || fail fstab
    elif grep -q "^#sandhopper-$JOB# " "$f"; then # somebody edited it meanwhile: only our own mark goes
        cp -a "$f" "$was.new" && sed "s/^#sandhopper-$JOB# //" "$f" > "$was.new" && flush "$was.new" || fail fstab
        mv -f "$was.new" "$f" && rm -f "$was" || fail fstab
    fi
    flush "${f%/*}"
    time_back "${f%/*}" "$STATE/etc.ref" "$STATE/etc.names"
}

# mount_back M: after a reboot with the edited fstab the data disk is not mounted
mount_back() {
    path=$(value "$1/path")
    if [ ! -e "$1/saved" ] || mounted "$path"; then return; fi
    mount "$path" 2>/dev/null || mount "$(disk_of "$1")" "$path" || fail unmounted "$path"
    mounted "$path" || fail unmounted "$path"
    : > "$1/remounted"
}

# take_back M: empty the hidden folder and give it its old looks
take_back() {
    if [ ! -e "$1/saved" ] || [ -e "$1/inside" ]; then return; fi
    path=$(value "$1/path"); place=$VIEW$path
    mounted "$path" || fail unmounted "$path"
    guard "$place"
    cd "$place" || fail elsewhere "$place"
    [ "$(device_of .)" = "$(device_of /)" ] && [ "$(device_of .)" != "$(device_of "$path")" ] || fail elsewhere "$place"
    if ! noted "empty ${1##*/}"; then # once we delete, hard links get new times of their own
        if [ -e "$1/copied" ]; then keep_newer "$1"; fi
        note empty "${1##*/}"
    fi
    clear_here
    cd /
    is_empty "$place" || fail stuck "$path"
    looks_back "$1" "$place"
}

# clear_here: delete everything below the folder that we are in. find's own -delete never follows a folder that
# somebody swaps for a link between its finding and its deleting; an old busybox may lack it.
clear_here() {
    if find "$STATE/boot" -name nothing -delete 2>/dev/null; then find . -xdev -depth ! -name . -delete; return; fi
    find . -xdev -depth ! -type d -exec rm -f -- {} +
    find . -xdev -depth -type d ! -name . -exec rmdir -- {} +
}

# keep_newer M: what was written into the hidden folder after the copy (it was in the open once) is the person's
keep_newer() {
    kept="$VIEW$path.sandhopper-$JOB"
    newer "$1/copied" 'kept=$1; shift; for f; do mkdir -p "$kept/${f%/*}" && mv -f -- "$f" "$kept/$f" || exit 1; done' \
        "$kept" || fail kept "$path"
    if [ -d "$kept" ]; then keep "$1/kept" "$path.sandhopper-$JOB"; fi
}

looks_back() {
    if have rsync && rsync -aAX --numeric-ids "$1/twin/" "$2/" 2>/dev/null; then :; else
        have setfacl && setfacl -b "$2" 2>/dev/null
        cp -a "$1/twin/." "$2/"
    fi
    set -- "$1" "$2" $(cat "$1/stat")
    chown "$4:$5" "$2"; chmod ug-s,o-t "$2"; chmod "$3" "$2" # chmod alone leaves a folder its set-group bit
    touch -r "$1/ref" "$2"
    flush "$2"
    [ "$(stat -c '%a %u %g %y' "$2")" = "$(cat "$1/stat")" ] || lines="$lines
differs $(value "$1/path")"
}

restore_all() {
    lines=
    for m in "$STATE"/m[0-9][0-9]; do take_back "$m"; done
    keep "$STATE/places" "$lines"
}

# prove: what can be seen now, against what was noted before
prove() {
    numbers=; [ "$(cat "$STATE/boot")" != "$(boot_id)" ] || numbers=1
    if [ -f "$STATE/fstab.path" ]; then
        f=$(value "$STATE/fstab.path")
        if ! cmp -s "$f" "$STATE/fstab.before"; then echo "edited $f"
        elif [ "$(stat -c '%a %u %g %s %y' "$f")" != "$(cat "$STATE/fstab.stat")" ]; then echo "differs $f"
        elif [ -f "$STATE/fstab.xattr" ] && ! getfattr -h -d -m - -e hex --absolute-names "$f" 2>/dev/null | cmp -s - "$STATE/fstab.xattr"; then echo "differs $f"
        else echo "equal $f"; fi
    fi
    for m in "$STATE"/m[0-9][0-9]; do
        if [ -e "$m/saved" ]; then echo "empty $(value "$m/path")"; fi
        if [ -e "$m/kept" ]; then echo "kept $(value "$m/kept")"; fi
        if [ -e "$m/remounted" ]; then echo "remounted $(value "$m/path")"; fi
    done
    if [ -n "$numbers" ]; then data_mounts 1 > "$STATE/mounts.now"; cp "$STATE/mounts" "$STATE/mounts.then"
    else data_mounts "" > "$STATE/mounts.now"; awk '{ $1 = "-"; print }' "$STATE/mounts" | sort > "$STATE/mounts.then"; fi
    if cmp -s "$STATE/mounts.now" "$STATE/mounts.then"; then echo "mounts equal"; else echo "mounts differ"; fi
    cat "$STATE/places"
}

if [ "$1" = view ]; then
    shift
    open_view
    "$@"
    exit
fi
begin_work
stop_work merge || fail stuck
close_view || fail view
all_there
note restore
unmask_fstab
for m in "$STATE"/m[0-9][0-9]; do mount_back "$m"; done
in_view restore_all || exit 1
prove > "$STATE/report.new" && mv -f "$STATE/report.new" "$STATE/report"
note restored
sync

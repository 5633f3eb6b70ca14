# merge: copy each data mount into the folder below its mount point, prove it, then take its line out of fstab.
# Runs detached as $STATE/merge; may be killed at any moment and started again, or undone by restore.
WORK=merge
STATE=${0%/*}
JOB=${STATE##*/}
SPARE_KB=51200 # never leave the machine less than this

# save_place M: remember the folder below the mount point before anything is written into it
save_place() {
    path=$(value "$1/path"); place=$VIEW$path
    [ -d "$path" ] && [ "$(device_of "$path")" != "$(device_of /)" ] || fail unmounted "$path"
    if [ -e "$1/saved" ] || [ -e "$1/inside" ]; then return; fi
    guard "$place"
    is_empty "$place" || fail occupied "$path"
    note place "${1##*/}"
    touch -r "$place" "$1/ref"
    stat -c '%a %u %g %y' "$place" > "$1/stat"
    rmdir "$1/twin" 2>/dev/null
    cp -a "$place" "$1/twin" || fail view
    looks_of "$place" > "$1/looks"
    flags_of "$place" > "$1/flags"
    flush "$1/twin"; flush "$1"; sync
    keep "$1/saved" yes
}

# check_room: bytes and files that still have to come, with a margin, against what the root file system has left
check_room() {
    need=0; files=0; there=0
    for m in "$STATE"/m[0-9][0-9]; do
        path=$(value "$m/path")
        need=$((need + $(du -xsk "$path" | cut -f1)))
        files=$((files + $(find "$path" -xdev | wc -l)))
        if [ -e "$m/saved" ]; then there=$((there + $(du -xsk "$VIEW$path" | cut -f1))); fi
    done
    set -- $(stat -f -c '%S %a %c %d' /)
    free=$(($1 / 512 * $2 / 2))
    keep "$STATE/facts" "files $files
bytes $((need * 1024))
"
    want=$((need + need / 10 + 102400 - there))
    [ "$want" -le "$free" ] || fail room "$want" "$free"
    [ "$3" -eq 0 ] || [ "$there" -gt 100 ] || [ $((files + files / 10 + 100)) -le "$4" ] || fail inodes "$files" "$4"
    total=$need
}

# tick PID: tell how far the copy is, and end it before it fills the machine up
tick() {
    while :; do
        set -- "$1" $(stat -f -c '%S %f %a' /)
        keep "$STATE/merge.progress" "$phase $((there + begun - $2 / 512 * $3 / 2)) $total"
        if [ $(($2 / 512 * $4 / 2)) -lt $SPARE_KB ]; then keep "$STATE/merge.problem" "full"; kill "$1"; fi
        sleep 1
    done
}

# watched COMMAND …: run it with a tick
watched() {
    "$@" & child=$!
    tick $child & ticker=$!
    wait $child; code=$?
    kill $ticker 2>/dev/null; wait $ticker 2>/dev/null
    [ ! -e "$STATE/merge.problem" ] || exit 1
    return $code
}

# source_of PATH: where to read from. A view of our own: read-only, leaves no access times, shows no mounts inside.
source_of() {
    src=$1
    [ -n "$SANDHOPPER_ALONE" ] || return 0
    mount --bind "$1" "$STATE/source" || return 0
    if mount -o remount,bind,ro,noatime "$STATE/source" && [ "$(device_of "$STATE/source")" = "$(device_of "$1")" ]; then
        src=$STATE/source
    else
        umount "$STATE/source"
    fi
}

copy_place() {
    path=$(value "$1/path"); place=$VIEW$path
    guard "$place"
    case $(flags_of "$place") in *[ia]*) chattr -ia "$place" || fail protected "$path" ;; esac # restore sets them again
    note copy "${1##*/}"
    source_of "$path"
    if exact_rsync || { have rsync && ! gnu_tools; }; then rounds_of by_rsync "$1"; else rounds_of by_cp "$1"; fi
    if [ "$src" = "$STATE/source" ]; then umount "$src" || umount -l "$src"; fi
}

# untouched M: nobody has written into the copy since it was finished (the machine may have been restarted meanwhile)
untouched() {
    path=$(value "$1/path"); place=$VIEW$path
    [ -e "$1/copied" ] || return 0
    guard "$place"
    [ -z "$(cd "$place" && newer "$1/copied" 'shift; printf "%s" "$@"')" ] || fail touched "$path"
}

# rounds_of HOW M: copy, then compare all content and copy what differs, until nothing does (or three times)
rounds_of() {
    phase=copying
    watched "$1" first "$2" || $1_bearable first $? || fail copy "$(tail -n 3 "$2/errors")"
    phase=comparing
    for round in 1 2 3; do
        note round $round
        code=0; watched "$1" again "$2" || $1_bearable again $? || code=1
        if [ $code = 0 ] && [ ! -s "$2/changed" ]; then return 0; fi
    done
    [ $code = 0 ] || fail copy "$(tail -n 3 "$2/errors")"
}

# Only from 3.1.3 on does rsync compare times to the nanosecond (--modify-window=-1); without that, links and folders
# made within the same second keep the wrong one. Older ones (CentOS 6 and 7) are passed over for cp.
exact_rsync() {
    have rsync && rsync --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] * 10000 + v[2] * 100 + v[3] >= 30103) }'
}
gnu_tools() { case $(cp --version 2>/dev/null)$(find --version 2>/dev/null) in *GNU*GNU*) ;; *) false ;; esac }

by_rsync() {
    all=-aHAXS; window=--modify-window=-1
    exact_rsync || { window=--modify-window=0; lose "times below a second"; }
    case $(rsync --version) in *"no ACLs"*) all=-aHXS; lose ACLs ;; esac
    case $(rsync --version) in *"no xattrs"*) all=${all%XS}S; lose "extended attributes" ;; esac
    if [ "$1" = first ]; then
        exec nice -n 5 rsync $all $window --numeric-ids --one-file-system "$src/" "$place/" 2> "$2/errors"
    fi
    exec nice -n 5 rsync $all $window --numeric-ids --one-file-system -c --delete -i "$src/" "$place/" > "$2/changed" 2> "$2/errors"
}
# rsync(1): 24 is files that went away meanwhile; 23 some not copied, which the next round tells again
by_rsync_bearable() { case $1:$2 in *:24 | first:23) return 0 ;; esac; return 1; }

# Without rsync: GNU cp keeps the same promises, and lists of both sides show what differs.
by_cp() {
    gnu_tools || fail norsync
    if [ "$1" = again ]; then
        listing "$src" "$2/list.source"; listing "$place" "$2/list.place"
        sort "$2/list.source" "$2/list.place" | uniq -u | cut -f2 | sort -u > "$2/changed"
        [ -s "$2/changed" ] || return 0
        (cd "$place" && [ "$(device_of .)" = "$(device_of /)" ] && remove_changed "$2")
    fi
    exec nice -n 5 cp -a -u -x --sparse=always "$src/." "$place/" 2> "$2/errors"
}
by_cp_bearable() { [ "$1" = first ]; } # files went away meanwhile, perhaps; the next round tells
# remove_changed M: in the copy, drop the files that differ (cp -u would keep a newer one) and folders that are gone
remove_changed() {
    tr '\n\001' '\0\n' < "$1/changed" | xargs -0 -r sh -c 'for f; do [ -d "$f" ] && [ ! -L "$f" ] || rm -f -- "$f"; done' sh
    cut -f2 "$1/list.source" | sort -u > "$1/names"
    grep '^d' "$1/list.place" | cut -f2 | sort -r -u | grep -v -x -F -f "$1/names" | tr '\n\001' '\0\n' | xargs -0 -r rmdir --
}
# listing FOLDER FILE: a line a thing: what it is, a tab, its name (\001 for a newline); another with each file's digest
listing() {
    (cd "$1" && {
        find . -xdev -type d -printf '%y %m %U %G %T@\t%p\0' -o -type f -printf '%y %m %U %G %s %T@ %n\t%p\0' \
            -o -printf '%y %m %U %G %T@ %l\t%p\0' | tr '\n\0' '\001\n'
        find . -xdev -type f -print0 | xargs -0 -r sha256sum | awk '{ d = $1; n = substr($0, length(d) + 3)
            if (sub(/^\\/, "", d)) { gsub(/\\n/, "\001", n); gsub(/\\\\/, "\\", n) } print d "\t" n }'
        if have getfattr; then
            find . -xdev -print0 | xargs -0 -r getfattr -h -d -m - -e hex 2>/dev/null |
                awk 'BEGIN { RS = ""; FS = "\n" } { n = $1; sub(/^# file: /, "", n); $1 = ""; print $0 "\t./" n }'
        fi
    }) | sort > "$2"
}

lose() { grep -q -x -F "lost $1" "$STATE/facts" || echo "lost $1" >> "$STATE/facts"; }

# mask_fstab: give the edited fstab its name in one step; the first one keeps its inode under another name beside it
mask_fstab() {
    [ -f "$STATE/fstab.after" ] || return 0
    f=$(value "$STATE/fstab.path"); was=$f.sandhopper-$JOB
    if cmp -s "$f" "$STATE/fstab.after"; then return 0; fi
    cmp -s "$f" "$STATE/fstab.before" || fail fstab-changed
    note mask
    [ -e "$was" ] || ln "$f" "$was" || fail fstab
    cp -a "$f" "$was.new" && cat "$STATE/fstab.after" > "$was.new" && flush "$was.new" || fail fstab
    mv -f "$was.new" "$f" || fail fstab
    flush "${f%/*}"
    note masked
}

merge_all() {
    for m in "$STATE"/m[0-9][0-9]; do save_place "$m"; done
    check_room
    begun=$(free_kb)
    for m in "$STATE"/m[0-9][0-9]; do untouched "$m"; done
    rm -f "$STATE"/m[0-9][0-9]/copied; sync
    for m in "$STATE"/m[0-9][0-9]; do copy_place "$m"; done
    sync
    for m in "$STATE"/m[0-9][0-9]; do : > "$m/copied"; flush "$m/copied"; done # one moment for all: some lie inside others
    note copied
}

if [ "$1" = view ]; then
    shift
    open_view
    "$@"
    exit
fi
begin_work
in_view merge_all || exit 1
mask_fstab
sync
note "done"

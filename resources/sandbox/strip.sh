# strip: take secrets out of the hidden copy of merged data disks, which is ours; the data disks are not touched.
# Runs as $STATE/strip; before this text comes the function `secrets`, which calls `leave_out PATH` for each.
WORK=strip
STATE=${0%/*}
JOB=${STATE##*/}
NOFOLLOW=
if dd if=/dev/null of=/dev/null oflag=nofollow 2>/dev/null; then NOFOLLOW=oflag=nofollow; fi

# leave_out PATH: overwrite its bytes, then delete it; the folder that it was in keeps its time
leave_out() {
    folder=$VIEW${1%/*}; name=${1##*/}
    cd -P "$folder" 2>/dev/null || return 0 # gone by itself
    [ "$(pwd -P)" = "$folder" ] && [ "$(device_of .)" = "$(device_of /)" ] || fail elsewhere "${1%/*}"
    if [ ! -e "./$name" ] && [ ! -L "./$name" ]; then return; fi
    case $1 in */) fail elsewhere "$1" ;; esac
    touch -r . "$STATE/strip.ref"
    if [ -d "./$name" ] && [ ! -L "./$name" ]; then
        find "./$name" -xdev -type f -exec sh -c 'for f; do head -c "$(stat -c %s "$f")" /dev/zero | dd of="$f" bs=65536 conv=notrunc,fsync $NOFOLLOW 2>/dev/null; done' sh {} +
        find "./$name" -xdev -depth ! -type d -exec rm -f -- {} +
        find "./$name" -xdev -depth -type d -exec rmdir -- {} +
    else
        if [ -f "./$name" ] && [ ! -L "./$name" ] && [ "$(stat -c %h "./$name")" = 1 ]; then
            head -c "$(stat -c %s "./$name")" /dev/zero | dd of="./$name" bs=65536 conv=notrunc,fsync $NOFOLLOW 2>/dev/null
        fi
        rm -f -- "./$name"
    fi
    [ ! -e "./$name" ] && [ ! -L "./$name" ] || fail stuck "$1"
    touch -r "$STATE/strip.ref" .
    flush .
}

strip_all() {
    for m in "$STATE"/m[0-9][0-9]; do [ -e "$m/copied" ] || fail elsewhere "$(value "$m/path")"; done
    note strip
    secrets
    cd /
    for m in "$STATE"/m[0-9][0-9]; do : > "$m/copied"; flush "$m/copied"; done # what we changed is no stranger's doing
}

export NOFOLLOW
if [ "$1" = view ]; then
    shift
    open_view
    "$@"
    exit
fi
rm -f "$STATE/strip.problem"
in_view strip_all

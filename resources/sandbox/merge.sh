# merge: copy each data mount into the folder below its mount point, prove it, then take its line out of fstab.
# Runs detached as $STATE/merge; may be killed at any moment and started again, or undone by restore.
WORK=merge
STATE=${0%/*}
JOB=${STATE##*/}
WAITING_KB=32768 # more than this is written to the disk while the copy goes on

# save_place M: remember the folder below the mount point before anything is written into it
save_place() {
    fetch "$1/path"; path=$_v place=$VIEW$_v
    [ -d "$path" ] && ! same_device "$path" / || fail unmounted "$path"
    if [ -e "$1/saved" ] || [ -e "$1/inside" ]; then return; fi
    guard "$place"
    if [ ! -d "$1/aside" ]; then
        note place "${1##*/}"
        touch -r "$place" "$1/ref"
        stat -c '%a %u %g %y' "$place" > "$1/stat"
        looks_of "$place" > "$1/looks"
        printf '%s' "$_own" > "$1/flags"
    fi
    if [ -d "$1/aside" ] || ! is_empty "$place"; then flush "$1"; unprotected "$place"; put_aside "$1"; fi
    if [ -d "$1/twin" ]; then rmdir "$1/twin"; fi
    cp -a "$place" "$1/twin" || fail view
    settle
    : > "$1/saved" && flush "$1/saved" || fail full
}
unprotected() { case $(flags_of "$1") in *[ia]*) chattr -ia "$1" || fail protected "$path" ;; esac; } # restore sets them again

# check_room: bytes and files that still have to come, with a margin, against what the root file system has left.
# What statfs(2) tells is enough where even one more block a file would fit; else everything is counted.
check_room() {
    need=0; files=0; there=0; most=0; set -- $(stat -f -c '%S %a %c %d %f' /)
    block=$1 free=$(($1 / 512 * $2 / 2)) inodes=$3 left=$4 begun=$(($1 / 512 * $5 / 2))
    for m in "$STATE"/m[0-9][0-9]; do
        fetch "$m/path"; path=$_v
        set -- $(stat -f -c '%S %b %f %c %d %T' "$path")
        need=$((need + $1 / 512 * ($2 - $3) / 2)); files=$((files + $4 - $5))
        most=$((most + $1 / 512 * ($2 - $3) / 2 + ($4 - $5) * block / 1024))
        case $6 in ext*) ;; *) most=$((most + free)) ;; esac # others share blocks between files, or press them together
        if [ -e "$m/saved" ] && ! is_empty "$VIEW$path"; then there=$((there + $(du -xsk "$VIEW$path" | cut -f1))); fi
    done
    if [ $((most + most / 10 + 102400 - there)) -gt "$free" ]; then count_all; fi
    printf 'files %s\nbytes %s\n' "$files" $((need * 1024)) > "$STATE/facts"
    want=$((need + need / 10 + 102400 - there))
    [ "$want" -le "$free" ] || fail room "$want" "$free"
    [ "$inodes" -eq 0 ] || [ "$there" -gt 100 ] || [ $((files + files / 10 + 100)) -le "$left" ] || fail inodes "$files" "$left"
    total=$need
}
# count_all: the same, file by file, in blocks of the root file system
count_all() {
    need=0; files=0
    for m in "$STATE"/m[0-9][0-9]; do
        fetch "$m/path"; path=$_v
        if find / -maxdepth 0 -printf '' 2>/dev/null; then
            set -- $(find "$path" -xdev -printf '%i %n %b %s\n' | awk -v block="$block" '{ n++ } $2 > 1 && seen[$1]++ { next }
                { b = int(($3 * 512 + block - 1) / block) * block; if (b == 0 && $4 > 0 && $4 <= block) b = block; s += b }
                END { printf "%.0f %d\n", s / 1024, n }')
        else
            set -- "$(du -xsk "$path" | cut -f1)" "$(find "$path" -xdev | wc -l)"
        fi
        need=$((need + $1)); files=$((files + $2))
    done
}

# tick PID: tell every second or two how far the copy is, and end it before it fills the machine up: looked at as often
# as two gigabytes a second could do that. What was copied is written to the disk meanwhile, so that neither one long
# write at the end nor a memory full of waiting data holds the machine's own work up. Where only everything could be
# written, other disks and shares too, it is left.
tick() {
    untold=10 written=0 writer=
    while :; do
        set -- "$1" $(stat -f -c '%S %f %a' /)
        if [ $untold -ge 10 ]; then
            far=$((there + begun - $2 / 512 * $3 / 2))
            echo "$phase $far $total" > "$STATE/merge.progress" # one write
            untold=0
            if [ $((far - written)) -gt $WAITING_KB ] && { [ -z "$writer" ] || ! kill -0 "$writer" 2>/dev/null; }; then
                sync -f "$VIEW" 2>/dev/null & writer=$! written=$far
            fi
        fi
        margin=$(($2 / 512 * $4 / 2 - SPARE_KB))
        if [ $margin -lt 0 ]; then blocked full; kill "$1"; return; fi
        tenths=$((margin / 209715))
        if [ $tenths -ge 10 ]; then untold=10; sleep $((1 + (tenths >= 20))); continue; fi
        if [ $tenths -lt 1 ]; then tenths=1; fi
        untold=$((untold + tenths)); sleep 0.$tenths 2>/dev/null || { untold=10; sleep 1; }
    done
}

# watched COMMAND …: run it with a tick
watched() {
    "$@" & child=$!
    tick $child & ticker=$!
    wait $child; code=$?
    kill $ticker 2>/dev/null; wait $ticker 2>/dev/null
    [ ! -e "$STATE/merge.problem" ] || end_others
    return $code
}
# end_others: nothing that was begun here goes on writing; again, for one may have begun another just before its end
end_others() {
    _lead=$(cat "$STATE/merge.pid")
    for _try in 1 2 3 4 5 6 7 8 9; do
        _hit=
        for p in $(ours merge); do if [ "$p" != "$_lead" ] && kill -9 "$p" 2>/dev/null; then _hit=1; fi; done
        [ -n "$_hit" ] || break
    done
    exit 1
}

# source_of PATH: where to read from. A view of our own: read-only, leaves no access times, shows no mounts inside.
source_of() {
    src=$1
    [ -n "$SANDHOPPER_ALONE" ] || return 0
    if mounts_at "$STATE/source"; then umount "$STATE/source" || umount -l "$STATE/source"; fi
    mount -o bind,ro,noatime "$1" "$STATE/source" || return 0
    if { only_read "$STATE/source" || mount -o remount,bind,ro,noatime "$STATE/source"; } && same_device "$STATE/source" "$1"; then
        src=$STATE/source
    else
        umount "$STATE/source"
    fi
}

# only_read PATH: mount(8) before 2.27 makes a bind mount without its options
only_read() {
    while read -r _id _up _dev _top _at _how _rest; do
        if [ "$_at" = "$1" ]; then case ,$_how, in *,ro,*noatime,*) return 0 ;; esac; fi
    done < /proc/self/mountinfo
    return 1
}

copy_place() {
    fetch "$1/path"; path=$_v place=$VIEW$_v
    guard "$place"
    fetch "$1/flags"
    case $_v in *[ia]*) unprotected "$place" ;; esac
    note copy "${1##*/}"
    source_of "$path"
    covered "$path"
    if gnu_tools; then copy_exactly "$1"
    elif have rsync; then rounds_of "$1"
    else fail norsync; fi
}
# covered PATH: set $inner to find's patterns for what lies in PATH but is covered by other merged mounts
covered() {
    inner=
    for m in "$STATE"/m[0-9][0-9]; do
        fetch "$m/path"; other=$_v
        case $other in "$1"/*) inner="$inner
.$(printf '%s' "${other#"$1"}" | sed 's/[][*?\\]/\\&/g')/*" ;; esac
    done
}

# untouched M: nobody has written into the copy since it was finished (the machine may have been restarted meanwhile)
untouched() {
    fetch "$1/path"; path=$_v place=$VIEW$_v
    [ -e "$1/copied" ] || return 0
    guard "$place"
    [ -z "$(cd "$place" && newer "$1/copied" 'shift; printf "%s" "$@"')" ] || fail touched "$path"
}

# rounds_of M: for a machine without GNU's cp and find: rsync, twice at least, the second time comparing all content.
# Before 3.1.3 it compares times by the second only (no --modify-window=-1), and links and folders keep a wrong one.
rounds_of() {
    all=-aHAXS; window=--modify-window=-1; inner=
    rsync --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] * 10000 + v[2] * 100 + v[3] >= 30103) }' ||
        { window=--modify-window=0; lose "times below a second"; }
    case $(rsync --version) in *"no ACLs"*) all=-aHXS; lose ACLs ;; esac
    case $(rsync --version) in *"no xattrs"*) all=${all%XS}S; lose "extended attributes" ;; esac
    phase=copying
    watched by_rsync "$1"
    phase=comparing
    for round in 1 2 3; do
        note round $round
        code=0; watched by_rsync "$1" -c --delete -i || [ $? = 24 ] || code=1 # rsync(1): 24 is files that went away meanwhile
        if [ $code = 0 ] && [ ! -s "$1/changed" ]; then return 0; fi
    done
    [ $code = 0 ] || fail copy "$(tail -n 3 "$1/errors")"
    mv -f "$1/changed" "$1/unsteady.l"
}
by_rsync() {
    _m=$1; shift
    exec rsync $all $window --numeric-ids --one-file-system "$@" "$src/" "$place/" > "$_m/changed" 2> "$_m/errors"
}

uptime() { read -r _up _ < /proc/uptime; _up=${_up%.*}; }
merge_all() {
    uptime; began=$_up
    for m in "$STATE"/m[0-9][0-9]; do save_place "$m"; done
    check_room
    for m in "$STATE"/m[0-9][0-9]; do untouched "$m"; done
    for m in "$STATE"/m[0-9][0-9]; do if [ -e "$m/copied" ]; then rm -f "$m/copied"; settle; fi; done
    for m in "$STATE"/m[0-9][0-9]; do copy_place "$m"; done
    if short; then fail full; fi # what was copied last was quicker than the last tick
    settle
    for m in "$STATE"/m[0-9][0-9]; do : > "$m/copied"; flush "$m/copied"; done # one moment for all: some lie inside others
    note copied
    tell_facts
}
# tell_facts: what was copied, all together and disk by disk
tell_facts() {
    for m in "$STATE"/m[0-9][0-9]; do if [ -s "$m/total" ]; then read -r total < "$m/total"; fetch "$m/path"; echo "each $total $_v"; fi; done > "$STATE/each"
    uptime
    { if [ -s "$STATE/each" ]; then
          n=0 s=0; while read -r _ files bytes _; do n=$((n + files)) s=$((s + bytes)); done < "$STATE/each"
          printf 'files %s\nbytes %s\n' "$n" "$s"
      else grep -E '^(files|bytes) ' "$STATE/facts"; fi
      while read -r line; do case $line in "lost "*) printf '%s\n' "$line" ;; esac; done < "$STATE/facts"
      echo "seconds $((_up - began))"; if [ -s "$STATE/each" ]; then value "$STATE/each"; fi; } > "$STATE/facts.new"
    mv -f "$STATE/facts.new" "$STATE/facts"
}

if [ "$1" = view ]; then
    shift
    renice -n 10 -p $$ > /dev/null 2>&1 # and with it what waits for the disk (ioprio_set(2))
    open_view
    "$@"
    exit
fi
begin_work
in_view merge_all || exit 1
note mask
for p in $(edits); do mask "$p"; done
note masked
note "done"

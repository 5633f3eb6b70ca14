# Sandhopper on the sandbox: what every script here shares. POSIX sh; needs coreutils (or busybox), find, awk, mount.
#
# The state of one export lies in $STATE = HOME/JOB (mode 700, on the root file system):
#   journal            one event a line, written and flushed before the act that it names
#   fstab.path …  the small files that are edited (edits.sh); mounts, services, hardware, boot: how it was before
#   m01, m02 …         one folder a mount: path, source, id, inside, ref, stat, looks, flags, disk, unit, twin/, saved, aside/, copied, unsteady.l
#   view, source       empty folders; only inside our own mount namespace something is mounted there
#   ballast            room that restore can have when the disk is full
#   merge, restore     the detached programs; with .pid .status .progress .problem .log. `sh STATE/restore` works by itself
# Nothing here ever deletes a folder recursively by its name: what lies in "view" is the whole machine.
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
_behind= _whole= # whether the last line of the journal is known to be whole
HOMES="/var/lib/sandhopper /root/.sandhopper"
RUN=/run
if [ ! -d /run ]; then RUN=/var/run; fi # CentOS 6

have() { command -v "$1" >/dev/null 2>&1; }
NEWLINE='
'
# fetch FILE: set $_v to all that is in it (text), without a process: starting one takes long on a small machine
fetch() {
    _v=
    [ -r "$1" ] || return 1
    while IFS= read -r _line; do _v=$_v$_line$NEWLINE; done < "$1"
    _v=$_v$_line
}
value() { fetch "$1" && printf '%s' "$_v"; }
device_of() { stat -L -c %d "$1"; }
# same_device PATH PATH: both are there, on one file system
same_device() {
    set -- $(stat -L -c %d "$1" "$2")
    [ $# = 2 ] && [ "$1" = "$2" ]
}
free_kb() { set -- $(stat -f -c '%S %f' /); echo $(($1 / 512 * $2 / 2)); }
flush() { sync "$@" 2>/dev/null || sync; }
settle() { sync -f "$STATE" 2>/dev/null || sync; } # the root file system only, where the tool can: a share may hang
digest() { sha256sum < "$1" | cut -d' ' -f1; }
boot_id() { read -r _boot < /proc/sys/kernel/random/boot_id; echo "$_boot"; }

# copy_of FILE COPY: with all its looks; cp(1) of busybox 1.35 keeps whole seconds only, its touch(1) all
copy_of() { cp -a "$1" "$2" && touch -c -r "$1" "$2"; }

# keep FILE TEXT: write a small file so that it is whole or not there at all
keep() { printf '%s' "$2" > "$1.new" && flush "$1.new" && mv -f "$1.new" "$1"; }

# note EVENT …: one journal line, on the disk before we go on
note() {
    if [ -z "$_whole" ] && torn "$STATE/journal"; then echo >> "$STATE/journal"; fi
    printf '%s\n' "$*" >> "$STATE/journal" && _whole=1 && flush "$STATE/journal" && return
    _whole=
    [ "$WORK" != merge ] || fail readonly # the way back goes on: it makes room
    return 1
}
# torn FILE: whether its last line has no end, as after a power cut
torn() {
    _line=
    [ -s "$1" ] && { while read -r _line; do _line=; done < "$1"; [ -n "$_line" ]; }
}
# opened: whether something may have been changed already, even if the journal itself is lost
opened() { [ -s "$STATE/journal" ] || ls "$STATE"/m[0-9][0-9]/saved /etc/*.sandhopper-"${STATE##*/}" 2>/dev/null | grep -q .; }
# sound: nobody has put a link into the state folder, which would lead our deleting somewhere else
sound() {
    for _f in "$STATE" "$STATE"/* "$STATE"/m[0-9][0-9]/*; do [ ! -L "$_f" ] || return 1; done
    set -- $(stat -c '%u %d' "$STATE" /)
    [ $# = 4 ] && [ "$1" = 0 ] && [ "$2" = "$4" ]
}
noted() {
    [ -r "$STATE/journal" ] || return 1
    while IFS= read -r _line || [ -n "$_line" ]; do if [ "$_line" = "$1" ]; then return 0; fi; done < "$STATE/journal"
    return 1
}

# blocked WORD …: say why it cannot go on in a way the other side understands, on a full disk too
blocked() { keep "$STATE/$WORK.problem" "$*" || { rm -f "$STATE/ballast"; keep "$STATE/$WORK.problem" "$*"; }; }
fail() { blocked "$@"; exit 1; }

# names FOLDER: what lies in it (inode and name), but for our own things and the files that we edit, whose inode changes
names() {
    _skip=
    for _n in "$STATE"/*.path; do if [ -f "$_n" ] && fetch "$_n"; then _skip=$_skip${_v##*/}$NEWLINE; fi; done
    ls -1iA "$1" | skip="$_skip" awk 'BEGIN { n = split(ENVIRON["skip"], s, "\n"); for (i in s) mine[s[i]] = 1 }
        { name = $0; sub(/^ *[0-9]* /, "", name) } name !~ /sandhopper/ && !(name in mine)' | sha256sum
}
# time_back FOLDER REF NAMES: its time as it was, unless somebody else has changed something in it
time_back() { [ ! -e "$2" ] || [ "$(names "$1")" != "$(cat "$3" 2>/dev/null)" ] || touch -r "$2" "$1"; }

# find_state: print the state folders that lie on this machine, one a line
find_state() {
    for _h in $HOMES; do
        _h=$(cd -P "$_h" 2>/dev/null && pwd -P) || continue
        for _s in "$_h"/*; do if [ -d "$_s" ]; then echo "$_s"; fi; done
    done
}

# alone: one of us at a time talks to this machine. The lock is a folder that exists anyway; it ends with the process.
alone() {
    have flock && [ -d /var/lib ] || return 0
    exec 9< /var/lib
    _try=0
    until flock -n 9; do
        _try=$((_try + 1)); [ $_try -lt 60 ] || answer problem busy
        sleep 0.5 2>/dev/null || sleep 1
    done
}

# marked PID WORK: whether that process belongs to the detached program WORK, told by the environment it began with
marked() { tr '\0' '\n' 2>/dev/null < "/proc/$1/environ" | grep -q -x -F "SANDHOPPER_WORK=$STATE/$2"; } 2>/dev/null
# ours WORK: its processes, whatever became of the shell that began them
ours() {
    set -- "$1" /proc/[0-9]*/environ
    # one grep instead of two processes for each that runs, where it looks on behind a NUL (busybox's does not)
    if [ -z "$_behind" ]; then _behind=no; if printf 'a\0b' | grep -q -s -F b; then _behind=yes; fi; fi
    if [ $_behind = yes ]; then set -- "$1" $(_w=$1; shift; grep -l -s -F "SANDHOPPER_WORK=$STATE/$_w" "$@"); fi
    _w=$1; shift
    for _p; do
        _p=${_p#/proc/} _p=${_p%/environ}
        if [ "$_p" != "$$" ] && marked "$_p" "$_w"; then echo "$_p"; fi
    done
}
# alive WORK: whether the shell that leads it still runs
alive() { [ -s "$STATE/$1.pid" ] && fetch "$STATE/$1.pid" && [ -d "/proc/${_v%"$NEWLINE"}" ] && marked "${_v%"$NEWLINE"}" "$1"; }

# stop_work WORK: end it and everything it began; each process is looked at again before it is killed
stop_work() {
    for _try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        _found=$(ours "$1")
        [ -n "$_found" ] || return 0
        if [ "$_try" -lt 4 ]; then kill $_found 2>/dev/null; else kill -9 $_found 2>/dev/null; fi
        sleep 0.5 2>/dev/null || sleep 1
    done
    return 1
}

# start_work WORK: run $STATE/WORK so that it outlives this login
start_work() {
    rm -f "$STATE/$1.status" "$STATE/$1.problem" "$STATE/$1.progress" "$STATE/$1.pid"
    _keep=nohup
    if have setsid; then _keep=setsid; fi
    SANDHOPPER_WORK="$STATE/$1" $_keep sh "$STATE/$1" < /dev/null > "$STATE/$1.log" 2>&1 9<&- &
    _try=0
    while [ $_try -lt 100 ] && kill -0 $! 2>/dev/null; do # a busy machine takes its time
        sleep 0.1 2>/dev/null || sleep 1
        [ ! -s "$STATE/$1.pid" ] && [ ! -s "$STATE/$1.status" ] || return 0
        _try=$((_try + 1))
    done
}
# root: whether we may do everything here
root() {
    while read -r _word _real _uid _rest; do if [ "$_word" = Uid: ]; then [ "$_uid" = 0 ]; return; fi; done < /proc/self/status
    return 1
}

# begin_work: the first act of a detached program. What a power cut leaves of an unflushed file may be zero bytes, which
# would be read as the status of an end.
begin_work() { keep "$STATE/$WORK.pid" "$$"; trap 'keep "$STATE/$WORK.status" "$?"' EXIT; trap 'exit 143' TERM HUP INT; }

# in_view COMMAND …: run a function of ours where "view" shows the root file system without what is mounted on it.
# In a mount namespace of our own nobody else ever sees that, and it is gone with the process, even after kill -9.
# Without one (unshare missing) it is a private bind mount, because a shared one would show later mounts too.
in_view() {
    _whole= # what it notes we do not see
    for _d in "$STATE/view" "$STATE/source"; do [ -d "$_d" ] || mkdir "$_d"; done
    if have unshare && unshare -m mount --make-rprivate / 2>/dev/null; then
        unshare -m sh -c 'mount --make-rprivate / && SANDHOPPER_ALONE=1 exec sh "$@"' sh "$STATE/$WORK" view "$@"
    else
        sh "$STATE/$WORK" view "$@"
        _code=$?
        close_view && return $_code
    fi
}
open_view() {
    VIEW=$(cd -P "$STATE/view" && pwd -P) || fail view
    close_view || fail view
    mount --bind / "$VIEW" || fail view
    [ -n "$SANDHOPPER_ALONE" ] || mount --make-private "$VIEW" || fail view # there, all is private
    same_device "$VIEW" / || fail view
}
# mounts_at START: whether there is a mount point whose name begins so; without a process, for it is asked often
mounts_at() {
    while read -r _id _up _dev _top _at _rest; do case $_at in "$1"*) return 0 ;; esac; done < /proc/self/mountinfo
    return 1
}
close_view() {
    mounts_at "$STATE/" || return 0
    for _w in view source; do
        _tries=0
        while grep -q -F " $STATE/$_w " /proc/self/mountinfo; do
            umount "$STATE/$_w" || return 1
            _tries=$((_tries + 1)); [ "$_tries" -lt 9 ] || return 1
        done
    done
}

# guard PLACE: it is a real folder of the root file system inside the view and nothing is mounted at or below the view
guard() {
    [ -d "$1" ] && [ ! -L "$1" ] && [ "$(cd -P "$1" && pwd -P)" = "$1" ] || fail elsewhere "$1"
    same_device "$1" / || fail elsewhere "$1"
    if mounts_at "$VIEW/"; then fail elsewhere "$1"; fi
}
is_empty() { for _e in "$1"/* "$1"/.[!.]* "$1"/..?*; do if [ -e "$_e" ] || [ -L "$_e" ]; then return 1; fi; done; }

# newer STAMP SCRIPT ARG …: run a shell script (its $1: ARG, then names) on what changed below here since STAMP was made
newer() {
    _stamp=$1 _limit=$(stat -c %z "$1") _script=$2 _arg=$3
    if find "$_stamp" -cnewer "$_stamp" > /dev/null 2>&1; then # busybox cannot; then one file at a time
        find . -xdev ! -type d -cnewer "$_stamp" -exec sh -c "$_script" sh "$_arg" {} +
        return
    fi
    find . -xdev ! -type d -exec sh -c 'limit=$1 script=$2 arg=$3; shift 3
        for f; do [ ! "$(stat -c %z "$f")" \> "$limit" ] || sh -c "$script" sh "$arg" "$f"; done' sh "$_limit" "$_script" "$_arg" {} +
}

# mounted_below PATH: what is mounted on the root file system's own folders below PATH, one a line; it may be covered
mounted_below() {
    awk '$5 == "/" { top = $1 } { up[NR] = $2; at[NR] = $5 } END { for (i = 1; i <= NR; i++) if (up[i] == top) print at[i] }' /proc/self/mountinfo |
        while read -r _at; do
            case $_at in *\\*) _at=$(printf '%b' "$(printf '%s' "$_at" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')") ;; esac
            case $_at in "$1"/*) echo "$_at" ;; esac
        done
}

# forget_state: remove the state folder file by file, the journal last, and give the folder above its time back
forget_state() {
    sound && close_view || return 1
    for _m in "$STATE"/m[0-9][0-9]; do # what waits there is the person's
        if [ -d "$_m/aside" ]; then rmdir "$_m/aside" || return 1; fi
    done
    _home=${STATE%/*}
    for _m in "$STATE"/m[0-9][0-9]; do
        if [ -d "$_m" ]; then if [ -d "$_m/twin" ]; then rmdir "$_m/twin" 2>/dev/null; fi; rm -f "$_m"/*; rmdir "$_m"; fi
    done
    rmdir "$STATE/view" "$STATE/source" 2>/dev/null
    set --
    for _f in "$STATE"/*; do if [ "$_f" != "$STATE/journal" ]; then set -- "$@" "$_f"; fi; done
    rm -f "$@" # the journal is the last
    rm -f "$STATE/journal"
    rmdir "$STATE" || return 1
    forget_home "$_home"
}
# make_home HOME: the folder of all states. Until the time of the folder above is safe in a file of it, that time is its
# name: else a power cut right here would lose it.
make_home() {
    _time=$(time_of "${1%/*}")
    _names=$(names "${1%/*}")
    touch -r "${1%/*}" $RUN/sandhopper.ref 2>/dev/null
    mkdir "$1.$_time" && echo "$_names" > "$1.$_time/.names" && touch -r $RUN/sandhopper.ref "$1.$_time/.ref" &&
        flush "$1.$_time/.ref" "$1.$_time/.names" "$1.$_time" && mv "$1.$_time" "$1"
    rm -f $RUN/sandhopper.ref
}
time_of() { # seconds since 1970, as exact as stat(1) of this machine tells them
    _t=$(stat -c '%Y %y' "$1"); _nano=${_t#*.}
    case $_t in *.*) echo "${_t%% *}.${_nano%% *}" ;; *) echo "${_t%% *}" ;; esac
}
# forget_half_home HOME: what a power cut left of that; somebody else's change of the folder above keeps its time
forget_half_home() {
    for _half in "$1".[0-9]*; do
        [ -d "$_half" ] && [ ! -L "$_half" ] || continue
        _late=$(($(stat -c %Y "${1%/*}") - $(stat -c %Z "$_half")))
        forget_times "$_half"
        rmdir "$_half" && [ "$_late" -le 2 ] && touch -d "@${_half#"$1".}" "${1%/*}"
    done
}
# forget_times HOME: the hidden files in it, which tell how folders were (.vault: of a vault's, vault.sh)
forget_times() { rm -f "$1/.ref" "$1/.names" "$1/.vault.ref" "$1/.vault.names"; }
# forget_home HOME: remove the folder of all states when none is left. Its end and the time of the folder above follow
# each other at once, so that a power cut hardly ever comes between them.
forget_home() {
    [ -d "$1" ] && [ ! -L "$1" ] && [ -z "$(ls "$1")" ] || return 0
    touch -r "$1/.ref" $RUN/sandhopper.ref 2>/dev/null; cp "$1/.names" $RUN/sandhopper.names 2>/dev/null
    _ref=$RUN/sandhopper.ref
    if [ -s $RUN/sandhopper.names ] && [ "$(names "${1%/*}")" != "$(cat $RUN/sandhopper.names)" ]; then _ref=/dev/null; fi
    if [ -f "$_ref" ]; then # under the name of the time, as it was made: else it could be lost with the file of it
        _time=$(time_of "$_ref")
        mv "$1" "$1.$_time" && forget_times "$1.$_time"; rmdir "$1.$_time" && touch -r "$_ref" "${1%/*}"
    else forget_times "$1"; rmdir "$1"; fi
    rm -f $RUN/sandhopper.ref $RUN/sandhopper.names
    flush "${1%/*}"
}

# fs_id DEVICE: the identity of the file system on it, empty where that cannot be seen
fs_id() { have blkid && blkid -p -s UUID -o value "$1" 2>/dev/null || blkid -s UUID -o value "$1" 2>/dev/null; }

# look_kit: what the looks at the machine share (check-up, tables, disks, secrets). It changes nothing on the machine and writes nothing, not even in /tmp.
# Each part begins with the line "$MARK name" (MARK is given by the other side: random, so that nothing in a file can
# pass for it). What could not be seen has no part at all, which is another thing than an empty one.
part() { printf '\n%s %s\n' "$MARK" "$1"; }
# plainly ESCAPED: set $path to a name as it really is (fstab(5), proc(5): \040 for a space)
plainly() {
    case $1 in *\\*) ;; *) path=$1; return ;; esac
    path=$(printf '%b' "$(printf '%s' "$1" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')x"); path=${path%x}
}
# elsewhere: mount points of fstab that lead elsewhere, because a folder on their way is a link
elsewhere() {
    awk '$1 !~ /^#/ && $2 ~ /^\/./ && $3 !~ /^(nfs|cifs|smb|ceph|gluster|9p|fuse)/ { print $2 }' /etc/fstab 2>/dev/null | while read -r escaped; do
        plainly "$escaped"
        if straight "$path"; then continue; fi
        real=$(soon readlink -f "$path"); if [ -n "$real" ] && [ "$real" != "$path" ]; then echo "$escaped $real"; fi
    done
}
# straight PATH: surely no folder on its way is a link; told without a process
straight() {
    case $1/ in *//* | */./* | */../*) return 1 ;; esac
    _way= _rest=${1#/}
    while [ -n "$_rest" ]; do
        _way=$_way/${_rest%%/*}
        [ ! -L "$_way" ] || return 1
        case $_rest in */*) _rest=${_rest#*/} ;; *) _rest= ;; esac
    done
}
# soon COMMAND …: at most a minute (or $SOON seconds) where the machine can measure that
soon() { if have timeout; then timeout "${SOON:-60}" "$@"; else "$@"; fi; }
# first FILE: set $_first to its first line, without a process
first() { _first=; read -r _first < "$1"; [ -n "$_first" ]; } 2>/dev/null
# some [BYTES]: the first of what comes in, so that no file can flood us
some() { head -c "${1:-60000}"; }
# plain FILE …: how many plain files are among them, in $_plain; most often none, and then no process is needed
plain() {
    _plain=0
    for _f; do case $_f in *"$NEWLINE"*) ;; *) if [ -f "$_f" ] && [ -r "$_f" ]; then _plain=$((_plain + 1)); fi ;; esac; done
}
# text FILE …: the plain files among them, each line with the name of its file before it; at most $MOST bytes. One
# program for all of them: what stands in a file cannot pass for the line with $MARK that a file begins with.
text() {
    plain "$@"
    [ $_plain -gt 0 ] || return 0
    for _f; do
        case $_f in *"$NEWLINE"*) continue ;; esac
        if [ -f "$_f" ] && [ -r "$_f" ]; then printf '%s file %s\n' "$MARK" "$_f"; head -c 100000 "$_f"; echo; fi
    done | tr -d '\000\r' | begins="$MARK file " awk -v most="${MOST:-60000}" 'BEGIN { b = ENVIRON["begins"] }
        function tell(line) { n += length(f) + length(line) + 2; if (n > most) exit; print f ":" line }
        index($0, b) == 1 { f = substr($0, length(b) + 1); empty = 0; next } # the line end behind a file is ours
        empty { empty = 0; tell("") } $0 == "" { empty = 1; next } { tell($0) }'
}
# lines REGEX FILE …: as text, but only the lines that fit, and no comments
lines() {
    _r=$1; shift
    plain "$@"
    if [ $_plain -gt 0 ]; then text "$@" | grep -E "^[^:]*:[[:space:]]*($_r)"; fi
}
# bounded SECONDS FUNCTION: give it up when it hangs (a dead network folder, a broken disk). A process that the kernel
# holds cannot be killed, so the function talks through a pipe whose reader can, and nobody waits for the function.
bounded() {
    _seconds=$1; shift
    # redirected by exec: a shell keeps a copy of what a function's own redirection covers, and with it the login
    # and a group of its own: dash waits for all of a pipeline, also for the part that hangs
    (LOOKING=$MARK; export LOOKING; (exec < /dev/null 2> /dev/null; "$@") | cat) &
    _reader=$!
    (
        trap 'kill $_sleep 2>/dev/null; exit' TERM
        sleep "$_seconds" & _sleep=$!
        wait $_sleep
        kill -9 $_reader
    ) > /dev/null 2>&1 < /dev/null &
    _watcher=$!
    wait $_reader 2>/dev/null || { printf '\n%s late\n%s\n' "$MARK" "$1"; let_go; }
    kill $_watcher 2>/dev/null
    wait $_watcher 2>/dev/null
}
# let_go: end what was begun and hangs, as far as it can be ended
let_go() {
    for _p in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null < "$_p/environ" | grep -q -x -F "LOOKING=$MARK"; then kill -9 "${_p#/proc/}"; fi
    done 2>/dev/null
}

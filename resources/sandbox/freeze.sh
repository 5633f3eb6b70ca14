# freeze: hold all writing to the file systems PLACES (one a line, the root file system last) for at most LIMIT seconds.
# Runs in the foreground of one SSH session and answers line by line: problem WORD … | frozen | thawed CENTISECONDS | proved.
# A line on its input, or the input's end (a cut line, a killed client), thaws at once.
#
# While / is frozen every write to it blocks and cannot be killed, so from then on nothing here writes or logs: the state
# lies on a tmpfs, and two watchers that are running already do the thawing, in sessions of their own, out of the login's
# cgroup, spared by the OOM killer. One is a perl or python that has the file systems open and needs to start nothing more;
# it ends by LIMIT or as soon as this shell is gone, whoever killed it. The other sleeps a second longer and runs fsfreeze.
# Both count sleep, not the clock. ioctl numbers: FIFREEZE, FITHAW of Linux include/uapi/linux/fs.h.
trap '' HUP INT TERM QUIT PIPE
DIR=; in_use=
stop() { echo "problem $*"; clean; exit 0; }
clean() { if [ -n "$DIR" ]; then rm -f "$DIR"/*; rmdir "$DIR" 2>/dev/null; fi; }
up() { read -r _up _ < /proc/uptime; _now=${_up%.*}${_up#*.}; }
in_memory() { case $(stat -f -c %T "$1" 2>/dev/null) in tmpfs | ramfs) return 0 ;; esac; return 1; }

PERL='$SIG{$_} = "IGNORE" for qw(HUP INT TERM QUIT PIPE);
my ($seconds, $told, @places) = @ARGV; my @open;
for (@places) { open(my $h, "<", $_) or exit 3; push @open, $h }
open(my $up, "<", "/proc/uptime") or exit 3; open(my $out, ">", "$told.new") or exit 3;
my ($wait, $word) = ("", ""); vec($wait, 0, 1) = 1;
exit 0 if select($wait, undef, undef, $seconds) > 0 && sysread(STDIN, $word, 1) && $word eq "d";
ioctl($_, 0xC0045878, 0) for reverse @open;
print $out scalar <$up>; close $out; rename "$told.new", $told;'
PYTHON='import fcntl, os, select, signal, sys
for number in (1, 2, 3, 13, 15): signal.signal(number, signal.SIG_IGN)
told, places = sys.argv[2], [os.open(place, os.O_RDONLY) for place in sys.argv[3:]]
up, out = open("/proc/uptime"), open(told + ".new", "w")
if select.select([0], [], [], float(sys.argv[1]))[0] and os.read(0, 1) == b"d": os._exit(0)
for place in reversed(places):
    try: fcntl.ioctl(place, 0xC0045878, 0)
    except (IOError, OSError): pass
out.write(up.read()); out.close(); os.rename(told + ".new", told)'
SHELL_ONLY=': > "$2.new"; read -r word; [ "$word" != d ] || exit 0
told=$2; shift 2; for place; do fsfreeze -u "$place"; done 2>/dev/null; cat /proc/uptime > "$told.new"; mv "$told.new" "$told"'

# apart COMMAND …: run it where the end of the login does not reach it
apart() {
    for _c in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/systemd/cgroup.procs; do
        if [ -w "$_c" ]; then echo 0 2>/dev/null > "$_c"; fi
    done
    echo -1000 2>/dev/null > /proc/self/oom_score_adj || echo -17 2>/dev/null > /proc/self/oom_adj
    if have setsid; then exec setsid "$@"; else exec "$@"; fi
}
# first SECONDS PLACE …: the watcher that is told by the pipe on its input
first() {
    _s=$1; shift
    if [ "$TOOL" = perl ]; then apart perl -e "$PERL" "$_s" "$DIR/thawed" "$@"
    elif [ -n "$TOOL" ]; then apart "$TOOL" -c "$PYTHON" "$_s" "$DIR/thawed" "$@"
    else apart sh -c "$SHELL_ONLY" sh "$_s" "$DIR/thawed" "$@"; fi
}
second() {
    if have fsfreeze; then
        apart sh -c 'trap "" HUP INT TERM QUIT PIPE; sleep "$1"; shift; for place; do fsfreeze -u "$place"; done' sh "$@"
    else
        _s=$1; shift
        sleep $((_s + 9)) | first "$_s" "$@" # an input that never tells anything
    fi
}
hold() { if have fsfreeze; then fsfreeze -f "$1"; else by_tool 0xC0045877 "$1"; fi; }
thaw() { if have fsfreeze; then fsfreeze -u "$1"; else by_tool 0xC0045878 "$1"; fi; }
by_tool() {
    if [ "$TOOL" = perl ]; then perl -e 'my $h; open($h, "<", $ARGV[1]) && ioctl($h, hex $ARGV[0], 0) or die "$!\n"' "$1" "$2"
    else "$TOOL" -c 'import fcntl, os, sys
fcntl.ioctl(os.open(sys.argv[2], os.O_RDONLY), int(sys.argv[1], 16), 0)' "$1" "$2"; fi
}

[ "$(id -u)" = 0 ] || stop not-root
TOOL=; later=$LIMIT
for t in python python2 python3; do if have $t && $t -c '' 2>/dev/null; then TOOL=$t; fi; done
if have perl && perl -e 1 2>/dev/null; then TOOL=perl; fi
if [ -n "$TOOL" ]; then later=$((LIMIT + 1)); fi
have fsfreeze || [ -n "$TOOL" ] || stop no-tool
for d in $RUN /dev/shm; do
    if in_memory "$d" && mkdir -m 700 "$d/sandhopper-freeze" 2>/dev/null; then DIR=$d/sandhopper-freeze; break; fi
    [ ! -d "$d/sandhopper-freeze" ] || in_use=$d/sandhopper-freeze
done
if [ -z "$DIR" ] && [ -n "$in_use" ]; then # another one's, or what a killed one has left
    if other=$(cat "$in_use/pid" 2>/dev/null) && [ -d "/proc/$other" ]; then stop busy /; fi
    DIR=$in_use; rm -f "$DIR"/*
fi
[ -n "$DIR" ] || stop no-memory
echo $$ > "$DIR/pid"
set --
while IFS= read -r p; do if [ -n "$p" ]; then set -- "$@" "$p"; fi; done <<END
$PLACES
END
back=; n=$#
while [ $n -gt 0 ]; do eval "back=\"\$back \\\"\\\${$n}\\\"\""; n=$((n - 1)); done # the same, the root file system first

# everything that will be run is run once now, so that it is in memory
thaw "$DIR" 2>/dev/null; sleep 0
mkfifo "$DIR/line" || stop no-memory
for p; do sync -f "$p" 2>/dev/null || { sync; break; }; done
first "$LIMIT" "$@" < "$DIR/line" > /dev/null 2>&1 & one=$!
second "$later" "$@" < /dev/null > /dev/null 2>&1 & two=$!
exec 3> "$DIR/line"
end_watchers() {
    echo d >&3; wait $one
    kill -9 -$two 2>/dev/null || kill -9 $two 2>/dev/null
    wait $two
} 2>/dev/null
n=0
while [ ! -e "$DIR/thawed.new" ] && [ $n -lt 50 ]; do n=$((n + 1)); sleep 0.2 2>/dev/null || sleep 1; done
[ -e "$DIR/thawed.new" ] && kill -0 $one 2>/dev/null && kill -0 $two 2>/dev/null || { end_watchers; stop no-watcher; }

up; since=$_now
held=
for p; do
    if hold "$p" 2> "$DIR/error" 3>&-; then held="$p"; continue; fi
    read -r why < "$DIR/error"
    if [ -n "$held" ]; then echo t >&3; wait $one; fi
    end_watchers
    case $why in *busy*) stop busy "$p" ;; *) stop refused "$p" "$why" ;; esac
done
echo frozen
read -r word
echo t >&3; wait $one 2>/dev/null
eval "set -- $back"
for p; do thaw "$p" 2>/dev/null; done
up; until=$_now
if read -r told _ < "$DIR/thawed" 2>/dev/null; then until=${told%.*}${told#*.}; fi
kill -9 -$two 2>/dev/null || kill -9 $two 2>/dev/null
wait $two 2>/dev/null
echo "thawed $((until - since))"
exec 3>&-

# prove it: each is frozen no more, and a byte reaches the disk
for p; do if thaw "$p" 2>/dev/null; then stop still "$p"; fi; done
for d in /var/tmp /tmp /root /; do
    if [ -d "$d" ] && [ "$(device_of "$d")" = "$(device_of /)" ]; then
        touch -r "$d" "$DIR/ref"
        soon=; if have timeout; then soon="timeout 30"; fi
        $soon dd if=/dev/zero of="$d/.sandhopper-thawed" bs=1 count=1 conv=fsync 2>/dev/null || stop still "$d"
        rm -f "$d/.sandhopper-thawed"; touch -r "$DIR/ref" "$d"
        echo proved
        break
    fi
done
clean

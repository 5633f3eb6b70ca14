# poll: how the detached program WORK of JOB is. First line: alive | ended STATUS | dead | gone
# One that has not told its number yet is only starting; one that is gone may have ended since we looked for its status.
starting() { [ ! -s "$STATE/$1.pid" ] && [ -n "$(ours "$1")" ]; }
# ended WORK: its last journal line is there; it was killed between that and telling its status
ended() { case $1 in merge) noted "done" ;; restore) noted restored && [ -s "$STATE/report" ] ;; esac; }
# wait_for PID TENTHS: until that process has ended, but no longer. One process, where tail(1) is GNU's.
wait_for() {
    timeout "$(($2 / 10)).$(($2 % 10))" tail --pid="$1" -s 0.1 -f /dev/null 2>/dev/null
    case $? in 0 | 124) ;; *) nap_for "$@" ;; esac
}
nap_for() {
    tries=$2 nap=1 # what ends soon is seen soon, and a long work is not disturbed
    while [ "$tries" -gt 0 ] && [ ! -s "$STATE/$WORK.status" ] && [ -d "/proc/$1" ]; do
        tries=$((tries - nap)); sleep 0.$nap 2>/dev/null || { sleep 1; tries=0; }
        if [ $nap -lt 4 ]; then nap=$((nap + 1)); fi
        if [ $nap -gt "$tries" ]; then nap=$tries; fi
    done
}
for STATE in $(find_state); do
    [ "${STATE##*/}" = "$JOB" ] || continue
    tries=${PATIENCE:-0} # tenths of a second: one long look is quicker than many short ones, for both sides
    pid=
    if [ "$tries" -gt 0 ] && [ ! -s "$STATE/$WORK.status" ] && alive "$WORK"; then read -r pid < "$STATE/$WORK.pid"; fi
    if [ -n "$pid" ]; then wait_for "$pid" "$tries"; fi
    if [ ! -s "$STATE/$WORK.status" ] && { alive "$WORK" || starting "$WORK"; }; then echo alive
    elif [ -s "$STATE/$WORK.status" ]; then fetch "$STATE/$WORK.status"; echo "ended $_v"
    elif ended "$WORK"; then echo "ended 0"
    elif [ -s "$STATE/$WORK.problem" ]; then echo "ended 1" # there was no room for its status
    else echo dead; fi
    if [ -s "$STATE/$WORK.progress" ]; then fetch "$STATE/$WORK.progress"; echo "progress ${_v%"$NEWLINE"}"; fi
    if [ -s "$STATE/$WORK.problem" ]; then echo "problem $(tr '\n' ' ' < "$STATE/$WORK.problem")"; fi
    if [ "$WORK" = merge ] && { noted restore || [ -e "$STATE/restore.pid" ]; }; then echo recalled; fi
    if [ -s "$STATE/facts" ]; then value "$STATE/facts"; fi
    for m in "$STATE"/m[0-9][0-9]; do
        if [ -s "$m/unsteady.l" ]; then head -n 20 "$m/unsteady.l" | tr '\003' '?' | awk -v p="$(value "$m/path")" '{ sub(/^\.\//, "/"); print "unsteady " p $0 }'; fi
    done
    if [ "$WORK" = restore ] && [ -s "$STATE/report" ]; then while IFS= read -r line; do printf 'report %s\n' "$line"; done < "$STATE/report"; fi
    if [ -s "$STATE/$WORK.log" ]; then tail -n 5 "$STATE/$WORK.log" | sed 's/^/log /'; fi
    exit 0
done
echo gone

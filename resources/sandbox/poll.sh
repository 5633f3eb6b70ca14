# poll: how the detached program WORK of JOB is. First line: alive | ended STATUS | dead | gone
# One that has not told its number yet is only starting; one that is gone may have ended since we looked for its status.
starting() { [ ! -s "$STATE/$1.pid" ] && [ -n "$(ours "$1")" ]; }
for STATE in $(find_state); do
    [ "${STATE##*/}" = "$JOB" ] || continue
    if [ ! -s "$STATE/$WORK.status" ] && { alive "$WORK" || starting "$WORK"; }; then echo alive
    elif [ -s "$STATE/$WORK.status" ]; then echo "ended $(cat "$STATE/$WORK.status")"
    else echo dead; fi
    if [ -s "$STATE/$WORK.progress" ]; then echo "progress $(cat "$STATE/$WORK.progress")"; fi
    if [ -s "$STATE/$WORK.problem" ]; then echo "problem $(tr '\n' ' ' < "$STATE/$WORK.problem")"; fi
    if [ "$WORK" = merge ] && noted restore; then echo recalled; fi
    if [ -s "$STATE/facts" ]; then cat "$STATE/facts"; fi
    for m in "$STATE"/m[0-9][0-9]; do if [ -s "$m/changed" ]; then head -n 20 "$m/changed" | sed 's/^/unsteady /'; fi; done
    if [ "$WORK" = restore ] && [ -s "$STATE/report" ]; then sed 's/^/report /' "$STATE/report"; fi
    if [ -s "$STATE/$WORK.log" ]; then tail -n 5 "$STATE/$WORK.log" | sed 's/^/log /'; fi
    exit 0
done
echo gone

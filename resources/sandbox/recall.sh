# recall: start (or find running) the restore of JOB, or of whatever is open here when JOB is empty. BODY: its program.
# Answers with one line: nothing | started ID | running ID | restored ID | problem WORD …
answer() { echo "$*"; exit 0; }
[ "$(id -u)" = 0 ] || answer problem not-root
for STATE in $(find_state); do
    if [ -n "$JOB" ] && [ "${STATE##*/}" != "$JOB" ]; then continue; fi
    if [ ! -s "$STATE/journal" ]; then forget_state; continue; fi
    noted "version 1" || answer problem version
    if alive restore; then answer running "${STATE##*/}"; fi
    if noted restored; then answer restored "${STATE##*/}"; fi
    stop_work restore || answer problem stuck
    rm -f "$STATE/ballast"
    keep "$STATE/restore" "$BODY" || answer problem readonly
    start_work restore
    answer started "${STATE##*/}"
done
answer nothing

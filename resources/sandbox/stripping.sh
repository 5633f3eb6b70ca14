# stripping: run strip (BODY) on the merged copy of JOB. Answers stripped | problem WORD …
answer() { echo "$*"; exit 0; }
[ "$(id -u)" = 0 ] || answer problem not-root
alone
for STATE in $(find_state); do
    [ "${STATE##*/}" = "$JOB" ] || continue
    noted "done" || break
    keep "$STATE/strip" "$BODY" || answer problem readonly
    if sh "$STATE/strip" < /dev/null > "$STATE/strip.log" 2>&1; then sync; answer stripped; fi
    answer problem "$(cat "$STATE/strip.problem" 2>/dev/null || tail -n 2 "$STATE/strip.log" | tr '\n' ' ')"
done
answer problem unmerged

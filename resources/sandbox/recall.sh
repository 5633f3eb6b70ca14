# recall: start (or find running) the restore of JOB, or of whatever is open here when JOB is empty. BODY: its program.
# Answers: nothing | started ID | running ID | restored ID | problem WORD …, then what is known of it, a line a fact.
answer() {
    echo "$*"
    case $1 in started | running | restored) tell_of ;; esac
    exit 0
}
tell_of() {
    echo "since $(stat -c %Y "$STATE/boot" 2>/dev/null)"
    for _m in "$STATE"/m[0-9][0-9]; do if [ -e "$_m/saved" ]; then echo "place $(value "$_m/path")"; fi; done
    _did=
    while read -r _e; do case $_e in place* | copied* | masked*) _did="$_did ${_e%% *}" ;; esac; done < "$STATE/journal"
    for _e in place copied masked; do case $_did in *" $_e"*) echo "did $_e" ;; esac; done
    if [ -n "$stopped" ]; then echo "stopped merge"; fi
}
# newest first: what was changed last is taken back first
by_age() {
    _all=$(find_state)
    case $_all in *"$NEWLINE"*) ;; *) echo "$_all"; return ;; esac
    find_state | while read -r _s; do echo "$(stat -c %Y "$_s/boot" 2>/dev/null || echo 0) $_s"; done | sort -rn | cut -d' ' -f2-
}
# writable: told by trying, since a disk error may leave “rw” in the table of mounts
writable() {
    case $( (: > "$STATE/try") 2>&1) in *ead-only* | *nput/output*) return 1 ;; esac
    rm -f "$STATE/try"
}
# make_room: what restore does not need, for a disk that is full to the last byte
make_room() {
    rm -f "$STATE/ballast"
    if ! keep "$STATE/room" "$BODY"; then rm -f "$STATE"/merge "$STATE"/merge.log "$STATE"/m[0-9][0-9]/list.* "$STATE"/m[0-9][0-9]/errors; fi 2>/dev/null
    rm -f "$STATE/room" "$STATE/room.new"
}
# bring: put our restore program there; what a newer version of us began is put back by the program that it left
bring() {
    _version=
    while read -r _e; do case $_e in "version "*) _version=$_e; break ;; esac; done < "$STATE/journal"
    case $_version in
    "" | "version 1") ;;
    *) [ -s "$STATE/restore" ] || answer problem version; return 0 ;;
    esac
    make_room
    keep "$STATE/restore" "$BODY" || [ -s "$STATE/restore" ] || answer problem readonly
}

root || answer problem not-root
alone
for STATE in $(by_age); do
    if [ -n "$JOB" ] && [ "${STATE##*/}" != "$JOB" ]; then continue; fi
    sound || answer problem tampered "$STATE"
    writable || answer problem read-only
    opened || { forget_state; continue; }
    if alive restore; then answer running "${STATE##*/}"; fi
    if noted restored && [ -s "$STATE/report" ]; then answer restored "${STATE##*/}"; fi
    stopped=$(ours merge)
    stop_work restore || answer problem stuck
    bring
    start_work restore
    answer started "${STATE##*/}"
done
for _h in $HOMES; do forget_half_home "$_h"; forget_home "$_h"; done
answer nothing

# begin: open the journal of JOB (or find it open), then start the merge, which goes on without us.
# Given by the other side: JOB, BODY (the merge program), BACK (the restore program), save_mounts and save_edits.
# Answers with one line: started | running | merged | restoring | problem WORD …
answer() { echo "$*"; exit 0; }

open_journal() {
    [ "$(free_kb)" -gt 4096 ] || answer problem readonly
    for _h in $HOMES; do
        _parent=${_h%/*}
        [ -d "$_parent" ] && same_device "$_parent" / || continue
        case $(stat -f -c %T "$_parent") in tmpfs | ramfs) continue ;; esac
        forget_half_home "$_h"
        [ -e "$_h" ] || make_home "$_h"
        if mkdir -p "$_h/$JOB" 2>/dev/null && chmod 700 "$_h" "$_h/$JOB"; then STATE=$_h/$JOB; break; fi
    done
    [ -n "$STATE" ] || answer problem readonly
    sound || answer problem tampered "$STATE"
    STATE=$(cd -P "$STATE" && pwd -P)
    limited true # finds out how, before two shells ask at once
    services > "$STATE/services" & _services=$! # takes long
    save_edits || { wait $_services; forget_state; answer problem fstab-changed; }
    save_edits_looks
    boot_id > "$STATE/boot"
    save_mounts
    save_witness & _witness=$!
    printf '%s' "$BACK" > "$STATE/restore" # the way back lies here too: for another version of us, or for nobody but a shell
    # what restore needs if somebody fills the disk up meanwhile; recall deletes it first of all
    head -c 1048576 /dev/zero > "$STATE/ballast"
    wait $_services $_witness
    printf '%s' "$BODY" > "$STATE/merge" && settle && note version 1 && note begin "$JOB" || { forget_state; answer problem readonly; }
}

# save_mount NAME PATH SOURCE INSIDE: what to merge; INSIDE is not empty when it lies in another mount that is merged
save_mount() {
    mkdir -p "$STATE/$1" "$STATE/view" "$STATE/source"
    printf '%s' "$2" > "$STATE/$1/path"
    printf '%s' "$3" > "$STATE/$1/source"
    fs_id "$3" > "$STATE/$1/id"
    if [ -n "$4" ]; then : > "$STATE/$1/inside"; fi
    true
}

root || answer problem not-root
alone
for STATE in $(find_state); do
    sound || answer problem tampered "$STATE"
    opened || { forget_state; continue; }
    [ "${STATE##*/}" = "$JOB" ] || answer problem open "${STATE##*/}"
    if [ ! -s "$STATE/journal" ]; then answer restoring; fi # lost in a power cut, but something was done
    noted "version 1" || answer problem version
    if noted restore; then answer restoring; fi
    if alive merge; then answer running; fi
    if noted "done"; then answer merged; fi
    stop_work merge || answer problem stuck
    undisturbed || answer restoring # somebody may have written into the open copy, which going on would delete
    close_view || answer problem view
    keep "$STATE/merge" "$BODY" || answer problem readonly
    mark_start; start_work merge
    answer started
done
STATE=
open_journal
mark_start; start_work merge
answer started

# finish: the restore of JOB has been told to the person; remove the journal. Answers with: gone | problem stuck, and what differs.
answer() { echo "$*"; exit 0; }
alone
for STATE in $(find_state); do
    [ "${STATE##*/}" = "$JOB" ] && noted restored || continue
    _above=${STATE%/*/*}
    _was=$(stat -c %y "${STATE%/*}/.ref" 2>/dev/null); _names=$(cat "${STATE%/*}/.names" 2>/dev/null)
    forget_state || answer problem stuck "$STATE"
    if [ -n "$_was" ] && [ ! -e "${STATE%/*}" ] && [ "$(stat -c %y "$_above")" != "$_was" ] && [ "$(names "$_above")" = "$_names" ]; then
        echo "differs $_above"
    fi
done
echo gone

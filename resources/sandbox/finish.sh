# finish: the restore of JOB has been told to the person; remove the journal.
for STATE in $(find_state); do
    if [ "${STATE##*/}" = "$JOB" ] && noted restored; then forget_state || { echo problem stuck; exit 0; }; fi
done
echo gone

# secrets: find what opens doors elsewhere. Changes nothing, not even access times where that can be had; no content
# leaves this machine. Given by the other side: MARK; LIMIT and LONGEST (seconds for one place, and for all); KEEP (bytes
# of answer); JUDGE and MAIN (programs: judge.sh and search.sh with what they are to look for).
# The part "secrets": records KIND tab UID:USER tab SIZE tab PATH, each ended by NUL. Remarks are of the kinds
# !late (its time was over), !network (on another computer: not looked at), and !done, always the last.
export LIMIT LONGEST JUDGE MAIN

part secrets
{
    if have unshare && unshare -m sh -c 'mount --make-rprivate /' 2>/dev/null; then
        SANDHOPPER_ALONE=1 unshare -m sh -c 'mount --make-rprivate / && eval "$MAIN"'
    else
        sh -c 'eval "$MAIN"'
    fi < /dev/null 2>/dev/null
    printf '!done\t\t\t/\0'
} | head -c "$KEEP"
part end

# vault: put secrets of the root disk aside for the moment of a snapshot (DO=aside), or back (DO=back). Safe to repeat.
# Given by the other side: JOB, DO, BODY (this program, to be kept beside the vault), and for aside `candidates` and
# `secrets`, functions that call `candidate PATH` and `secret NUMBER PATH`.
# The vault is a folder MOUNT/.sandhopper-JOB on another disk than the root disk, so no copy of the root disk has it:
#   path, inode, looks, copy   of each secret, in 001, 002 …    journal, back (this program), report
# A note of where it is lies on the root disk: HOME/vault-JOB, one line: open (nothing is emptied yet), used or over
# (everything is back), and the place. The secret's file is emptied, never removed: its name,
# owner, mode, access lists and hard links stay as they are, and only bytes and time have to be put back.
answer() { echo "$*"; exit 0; }
refuse() { echo "problem $*"; [ -n "$BEGUN" ] || undo_empty; exit 0; }
# such a journal may be long: grep reads it sooner than the shell does
noted() { grep -q -x -F -e "$1" "$STATE/journal" 2>/dev/null; }
NOFOLLOW=
no_links() { if dd if=/dev/null of=/dev/null oflag=nofollow 2>/dev/null; then NOFOLLOW=oflag=nofollow; fi; }
MOST=67108864 # bytes of a secret; more is no secret but data

candidate() {
    if [ -n "$VAULT" ] || [ ! -d "$1" ] || [ "$(device_of "$1")" = "$(device_of /)" ]; then return; fi
    case $(stat -f -c %T "$1") in tmpfs | ramfs | msdos | vfat | exfat | ntfs* | fuseblk | nfs* | cifs | smb* | fuse*) return ;; esac
    [ "$(set -- $(stat -f -c '%S %a' "$1"); echo $(($1 / 512 * $2 / 2048)))" -gt 16 ] || return
    [ -w "$1" ] && VAULT=$(cd -P "$1" && pwd -P)/.sandhopper-$JOB
}

# open_vault: where it is, or a new one; the note on the root disk comes first
open_vault() {
    note_of "$JOB"
    if [ "$WORD" = over ]; then answer again; fi
    if [ "$WORD" = open ] && [ ! -e "$VAULT" ]; then forget_note; VAULT=; fi
    if [ -n "$VAULT" ]; then trusted || refuse vault-away "${VAULT%/*}"; return; fi
    for _n in /var/lib/sandhopper/vault-* /root/.sandhopper/vault-*; do [ ! -e "$_n" ] || refuse open "${_n##*/vault-}"; done
    candidates
    [ -n "$VAULT" ] || refuse no-vault
    for _h in $HOMES; do
        _parent=${_h%/*}
        [ -d "$_parent" ] && [ "$(device_of "$_parent")" = "$(device_of /)" ] || continue
        forget_half_home "$_h"
        [ -e "$_h" ] || make_home "$_h"
        [ -d "$_h" ] && chmod 700 "$_h" || continue
        if keep "$_h/vault-$JOB" "open $VAULT"; then NOTE=$_h/vault-$JOB; break; fi
    done
    [ -n "$NOTE" ] || refuse readonly
    names "${VAULT%/*}" > "${NOTE%/*}/.vault.names"; touch -r "${VAULT%/*}" "${NOTE%/*}/.vault.ref"
    sync # after a power cut, too, the time of MOUNT is known
    mkdir -m 700 "$VAULT" && trusted || refuse no-vault
}
# note_of JOB: set NOTE, JOB, WORD and VAULT from the note on the root disk; JOB empty: whichever there is
note_of() {
    NOTE=; VAULT=; WORD=
    for _h in $HOMES; do
        for _n in "$_h"/vault-*; do
            if [ -f "$_n" ] && [ ! -L "$_n" ] && { [ -z "$1" ] || [ "${_n##*/vault-}" = "$1" ]; }; then
                NOTE=$_n; JOB=${_n##*/vault-}; VAULT=$(value "$_n"); WORD=${VAULT%% *}; VAULT=${VAULT#* }; return
            fi
        done
    done
}
# trusted: the vault is a folder of root's own, on another disk
trusted() {
    [ -d "$VAULT" ] && [ ! -L "$VAULT" ] && [ "$(stat -c '%u %a' "$VAULT")" = "0 700" ] &&
        [ "$(device_of "$VAULT")" != "$(device_of /)" ]
}

# at PATH: go into its folder, if no link leads there and it lies on the root disk's own file system
at() {
    folder=${1%/*}; folder=${folder:-/}; name=${1##*/}
    cd -P "$folder" 2>/dev/null && [ "$(pwd -P)" = "$folder" ] && [ "$(device_of .)" = "$(device_of /)" ]
}
looks() { stat -c '%a %u %g %s %y' "$1"; }

# secret NUMBER PATH: see whether it can be put aside, and copy it; nothing is changed yet
secret() {
    e=$VAULT/$1
    if [ -e "$e/copy" ]; then return; fi
    at "$2" || refuse secret-place "$2"
    if [ ! -e "./$name" ] && [ ! -L "./$name" ]; then return; fi # gone by itself
    [ -f "./$name" ] && [ ! -L "./$name" ] && [ "$(device_of "./$name")" = "$(device_of /)" ] || refuse secret-kind "$2"
    case $(stat -f -c %T .) in btrfs | zfs) refuse secret-old "$2" ;; esac
    [ "$(stat -c %s "./$name")" -le $MOST ] || refuse secret-big "$2"
    if printf '%s\n' "$OPEN" | grep -q -x -F -e "$2"; then refuse secret-open "$2"; fi
    mkdir -p "$e"
    printf '%s' "$2" > "$e/path"; stat -c %i "./$name" > "$e/inode"; looks "./$name" > "$e/looks"
    copy_of "./$name" "$e/copy.new" && cmp -s "./$name" "$e/copy.new" && flush "$e/copy.new" || refuse secret-copy "$2"
    mv "$e/copy.new" "$e/copy"
}

# empty_one E: overwrite its bytes where they are on the disk, then cut it to nothing
empty_one() {
    n=${1##*/}; path=$(value "$1/path")
    if noted "gone $n" || noted "back $n"; then return; fi
    at "$path" && [ -f "./$name" ] && [ ! -L "./$name" ] || refuse secret-place "$path"
    if ! noted "aside $n"; then
        cmp -s "./$name" "$1/copy" && [ "$(stat -c %i "./$name")" = "$(cat "$1/inode")" ] || refuse secret-changed "$path"
        note aside "$n"
    fi
    head -c "$(stat -c %s "$1/copy")" /dev/zero | dd of="./$name" bs=65536 conv=notrunc,fsync $NOFOLLOW 2>/dev/null &&
        dd if=/dev/null of="./$name" $NOFOLLOW 2>/dev/null || refuse secret-copy "$path"
    touch -c -r "$1/copy" "./$name"
    flush "./$name"
    note gone "$n"
}

# back_one E: its bytes and its time
back_one() {
    n=${1##*/}; path=$(value "$1/path")
    if noted "back $n"; then return; fi
    if ! at "$path"; then
        mkdir -p -- "$folder" 2>/dev/null && at "$path" || { lost "$1"; return; }
    fi
    if [ -L "./$name" ] || { [ -e "./$name" ] && [ ! -f "./$name" ]; }; then lost "$1"; return; fi
    if [ ! -e "./$name" ]; then
        copy_of "$1/copy" "./$name.sandhopper-$JOB.new" && flush "./$name.sandhopper-$JOB.new" && mv "./$name.sandhopper-$JOB.new" "./$name" || refuse secret-copy "$path"
        said remade "$path"
    elif ! cmp -s "./$name" "$1/copy"; then
        if ! ours_still "$1"; then
            copy_of "./$name" "./$name.sandhopper-$JOB" && flush "./$name.sandhopper-$JOB" || refuse secret-copy "$path"
            said both "$path"
        fi
        note writing "$n"
        dd if="$1/copy" of="./$name" bs=65536 conv=fsync $NOFOLLOW 2>/dev/null || refuse secret-copy "$path"
    fi
    touch -c -r "$1/copy" "./$name"
    flush "./$name"
    cmp -s "./$name" "$1/copy" || refuse secret-copy "$path"
    if [ "$(looks "./$name")" = "$(cat "$1/looks")" ]; then said equal "$path"; else said differs "$path"; fi
    note back "$n"
}
# ours_still E: what is in the file is our own doing: nothing, or a part of what we were overwriting or writing back
ours_still() {
    [ "$(stat -c %i "./$name")" = "$(cat "$1/inode")" ] || return 1
    _size=$(stat -c %s "./$name")
    if [ "$_size" = 0 ]; then return; fi
    if noted "writing $n" && head -c "$_size" "$1/copy" | cmp -s - "./$name"; then return; fi
    noted "aside $n" && ! noted "gone $n" && [ "$_size" = "$(stat -c %s "$1/copy")" ]
}
# lost E: its folder or name is something else now; its content is kept for the person
lost() {
    _to=/root/sandhopper-$JOB-$n
    [ -e "$_to" ] || { copy_of "$1/copy" "$_to.new" && flush "$_to.new" && mv "$_to.new" "$_to"; } || refuse secret-copy "$path"
    said elsewhere "$path"; note back "$n"
}
said() { printf '%s %s\n' "$1" "$(printf '%s' "$2" | od -A n -t x1 | tr -d ' \n')" >> "$VAULT/report"; }

# undo_empty: nothing has been put aside yet: leave no trace
undo_empty() {
    [ -n "$NOTE" ] && [ "$WORD" != used ] || return 0
    if [ -e "$VAULT" ]; then forget_vault; else forget_note; fi
}
forget_vault() {
    cd /
    keep "$NOTE" "over $VAULT"
    for _e in "$VAULT"/[0-9]*; do if [ -d "$_e" ]; then rm -f "$_e/path" "$_e/inode" "$_e/looks" "$_e/copy" "$_e/copy.new"; rmdir "$_e"; fi; done
    rm -f "$VAULT/report" "$VAULT/back" "$VAULT/back.new" "$VAULT/journal"
    rmdir "$VAULT" 2>/dev/null || [ ! -e "$VAULT" ] || answer problem stuck "$VAULT"
    forget_note
}
forget_note() {
    cd /
    _home=${NOTE%/*}
    if [ -e "$_home/.vault.names" ] && [ -d "${VAULT%/*}" ] && [ "$(device_of "${VAULT%/*}")" != "$(device_of /)" ]; then
        time_back "${VAULT%/*}" "$_home/.vault.ref" "$_home/.vault.names"
        flush "${VAULT%/*}"
    fi
    rm -f "$NOTE" "$NOTE.new" "$_home/.vault.ref" "$_home/.vault.names"
    forget_home "$_home"
}

put_aside() {
    BEGUN=
    open_vault
    STATE=$VAULT
    if noted put-aside; then answer aside; fi
    if grep -q '^aside ' "$VAULT/journal" 2>/dev/null; then BEGUN=1; fi
    OPEN=$(find /proc/[0-9]*/fd -type l -exec readlink {} + 2>/dev/null | sort -u) || OPEN=$(ls -l /proc/[0-9]*/fd 2>/dev/null | sed -n 's/.* -> //p')
    secrets
    keep "$VAULT/back" "$BODY"
    sync
    note version 1
    keep "$NOTE" "used $VAULT" && sync || refuse readonly
    BEGUN=1
    no_links
    for e in "$VAULT"/[0-9]*; do if [ -e "$e/copy" ]; then empty_one "$e"; fi; done
    sync
    note put-aside
    answer aside
}

put_back() {
    BEGUN=1
    note_of "$JOB"
    if [ -z "$NOTE" ]; then
        for _h in $HOMES; do forget_half_home "$_h"; forget_home "$_h"; done # one that was only begun
        answer nothing
    fi
    if [ "$WORD" != used ] && [ ! -e "$VAULT" ]; then forget_note; answer nothing; fi
    trusted || refuse vault-away "${VAULT%/*}"
    STATE=$VAULT
    if [ "$WORD" != used ]; then forget_vault; answer nothing; fi
    no_links
    for e in "$VAULT"/[0-9]*; do if [ -e "$e/copy" ]; then back_one "$e"; fi; done
    sync
    cat "$VAULT/report" 2>/dev/null
    forget_vault
    answer back
}

root || answer problem not-root
alone
case $DO in aside) put_aside ;; back) put_back ;; esac

# edits: small files that are changed for the copy (fstab, crypttab, units of systemd), each known by a word P:
# P.path P.before P.after P.looks, and the folder around it: P.ref P.names P.folder. Without P.after it is only watched.
edits() { for _p in "$STATE"/*.path; do if [ -f "$_p" ]; then _p=${_p##*/}; echo "${_p%.path}"; fi; done; }

# save_edit P PATH SHA256 AFTER: note a file as it is. Fails when it is not the one that the other side has read.
save_edit() {
    _f=$(readlink -f "$2")
    if [ ! -f "$_f" ]; then return 0; fi
    touch -r "${_f%/*}" "$STATE/$1.ref"
    copy_of "$_f" "$STATE/$1.before" && [ "$(digest "$STATE/$1.before")" = "$3" ] || return 1
    if [ -n "$4" ]; then printf '%s' "$4" > "$STATE/$1.after"; fi
    printf '%s' "$_f" > "$STATE/$1.path"
}
# save_edits_looks: what all of them and their folders look like; after the last save_edit, because names passes over each
save_edits_looks() {
    for _e in $(edits); do
        fetch "$STATE/$_e.path"; _f=$_v
        looks_of "$_f" > "$STATE/$_e.looks"
        names "${_f%/*}" > "$STATE/$_e.names"
        looks_of "${_f%/*}" > "$STATE/$_e.folder"
    done
}

# mask P: give the edited file its name in one step; the first one keeps its inode under another name beside it
mask() {
    [ -f "$STATE/$1.after" ] || return 0
    fetch "$STATE/$1.path"; f=$_v was=$_v.sandhopper-$JOB
    if ! cmp -s "$f" "$STATE/$1.before"; then
        cmp -s "$f" "$STATE/$1.after" && return 0
        fail fstab-changed "$f"
    fi
    [ -e "$was" ] || ln "$f" "$was" || fail fstab "$f"
    cp -a "$f" "$was.new" && cat "$STATE/$1.after" > "$was.new" && flush "$was.new" || fail fstab "$f"
    mv -f "$was.new" "$f" || fail fstab "$f"
    flush "${f%/*}"
}
# unmask P: the first file again, with its inode; one that somebody else has edited meanwhile only loses our own marks
unmask() {
    fetch "$STATE/$1.path"; f=$_v was=$_v.sandhopper-$JOB
    if [ ! -f "$STATE/$1.after" ] && [ ! -e "$was" ]; then return 0; fi
    rm -f "$was.new"
    if cmp -s "$f" "$STATE/$1.before"; then
        if [ "$f" -ef "$was" ]; then rm -f "$was"; elif [ -e "$was" ]; then mv -f "$was" "$f"; fi
    elif [ ! -e "$f" ] || cmp -s "$f" "$STATE/$1.after"; then
        if [ ! -e "$was" ]; then copy_of "$STATE/$1.before" "$was.new" && flush "$was.new" && mv -f "$was.new" "$was" || fail fstab "$f"; fi
        mv -f "$was" "$f" || fail fstab "$f"
    elif grep -q "^#sandhopper-$JOB# " "$f"; then
        cp -a "$f" "$was.new" && unmarked "$f" > "$was.new" && flush "$was.new" || fail fstab "$f"
        mv -f "$was.new" "$f" && rm -f "$was" || fail fstab "$f"
    fi
    flush "${f%/*}"
    time_back "${f%/*}" "$STATE/$1.ref" "$STATE/$1.names"
}
# unmarked FILE: without what app/sandbox/edits.py adds: our mark before a line, and the lines between begin and end
unmarked() { sed -e "/^#sandhopper-$JOB# begin\$/,/^#sandhopper-$JOB# end\$/d" -e "s/^#sandhopper-$JOB# //" "$1"; }

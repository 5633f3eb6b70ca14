# aside: files that lie hidden in the folder below a mount point wait in M/aside while the copy takes their place.
# They are renamed, never copied: each keeps its inode, owner and times. Both sides are named through the view, because
# the kernel does not rename between two mounts.

entries_of() { for _e in "$1"/* "$1"/.[!.]* "$1"/..?*; do if [ -e "$_e" ] || [ -L "$_e" ]; then echo 1; fi; done | wc -l; }
# rename_all FROM TO: what lies in FROM into TO; a name that TO has already stays where it is
rename_all() {
    for _e in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        if [ ! -e "$_e" ] && [ ! -L "$_e" ]; then continue; fi
        if [ -e "$2/${_e##*/}" ] || [ -L "$2/${_e##*/}" ]; then continue; fi
        mv -- "$_e" "$2/" || return 1
    done
    is_empty "$1"
}
# renames FROM TO: whether a rename between these folders is one (between btrfs subvolumes or quota projects it is not)
renames() {
    _probe=.sandhopper-$JOB
    rmdir "$1/$_probe" "$2/$_probe" 2>/dev/null
    mkdir "$1/$_probe" || return 1
    _inode=$(stat -c %i "$1/$_probe")
    mv "$1/$_probe" "$2/" && [ "$(stat -c %i "$2/$_probe")" = "$_inode" ]
    _code=$?
    rmdir "$1/$_probe" "$2/$_probe" 2>/dev/null
    return $_code
}
# put_aside M: what is in $place; the folder's own time was noted before
put_aside() {
    note aside "${1##*/}"
    mkdir -p "$1/aside"
    flush "$1"
    renames "$place" "$VIEW$1/aside" || fail occupied "$path"
    rename_all "$place" "$VIEW$1/aside" || fail occupied "$path"
    flush "$1/aside"; flush "$place"
}
# bring_back M: all of it into $place again, which is empty but for what was brought back before a power cut
bring_back() {
    [ -d "$1/aside" ] || return 0
    rmdir "$place/.sandhopper-$JOB" "$1/aside/.sandhopper-$JOB" 2>/dev/null
    sign "$1" back
    rename_all "$VIEW$1/aside" "$place" || fail kept "$path"
    flush "$place"
    rmdir "$1/aside" && flush "$1"
}

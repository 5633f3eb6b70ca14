# carry: one file system copied into a folder of another one, and both compared. bash; runs in the machine of libguestfs
# (coreutils, findutils, attr, gawk). carry.sh WORK FROM TO TIME; TIME is find's word for a time: %T@, or %Ts where the
# receiving file system keeps whole seconds only.
set -o pipefail
export LC_ALL=C
from=$2 to=$3 time=$4

# all FOLDER: everything about every file, the same for the same content, each line ended by NUL or newline
all() {
    cd "$1" && {
        find . -type f -printf "%P\t%y %m %U %G $time %s\0" -o -printf "%P\t%y %m %U %G $time %l\0" | sort -z &&
        find . \( -type b -o -type c \) -exec stat --printf '%n\t%t:%T\0' {} + | sort -z &&
        find . ! -type d -links +1 -printf '%i/%P\0' | sort -z -t / -k 2 | links &&
        find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z -- &&
        find . -print0 | sort -z | xargs -0 -r getfattr -h -d -m - -e hex -- | attributes
    } || echo "could not be read: $1"
}
# names of one inode: each names the first of them, for numbers of inodes differ between both sides
links() {
    gawk -v RS='\0' -v ORS='\0' '{ n = index($0, "/"); i = substr($0, 1, n - 1); name = substr($0, n + 1)
        if (i in first) print name "\tis " first[i]; else first[i] = name }'
}
# XFS shows an ACL once more under names of its own; btrfs has properties that no other file system knows
attributes() { gawk '/^# file: / { f = substr($0, 9); next } /^(trusted\.SGI_ACL|btrfs\.)/ { next } NF { print f "\t" $0 }'; }
readable() { tr '\n\0' '?\n'; }

case $1 in
measure) # bytes, files
    du -s --block-size=1 -- "$from" | cut -f1 && find "$from" -printf x | wc -c ;;
copy)
    cp -a -- "$from/." "$to/" && sync && echo 3 > /proc/sys/vm/drop_caches ;;
compare)
    if cmp -s <(all "$from") <(all "$to"); then echo equal
    else
        # stopped by head when there is a lot, and then by no other fault
        { diff --text <(all "$from" | readable) <(all "$to" | readable) | sed -n 's/^[<>] //p' | cut -f1 | uniq | head -n 5; } 2> /dev/null || :
    fi ;;
esac

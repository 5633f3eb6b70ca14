# copying.sh FOLDER FROM TO TREE LISTING: in a mount namespace of its own, fill a FROM file system, copy it exactly into a TO
# one, and write JSON listings of both. $BEFORE runs in the source once it is filled, $DURING once everything was copied.
set -e
cd "$1"
mount --make-rprivate /
for side in from to; do
    type=$2; [ $side = from ] || type=$3
    truncate -s 400M $side.img
    case $type in
    ext4) mkfs.ext4 -q -b 4096 $side.img ;;
    ext3) mkfs.ext3 -q -b 4096 -I 128 $side.img ;; # it counts whole seconds
    xfs) mkfs.xfs -q $side.img ;;
    btrfs) mkfs.btrfs -q $side.img ;;
    esac
    mkdir -p $side; mount -o loop $side.img $side
done
mkdir to/place; chmod g+s to/place # as the folder has it that a mount point in a shared folder lies in
python3 "$4" "$1/from" 3
(cd from && eval "$BEFORE")
mkdir -p state/m01 state/source
STATE=$1/state WORK=merge SANDHOPPER_ALONE=1
: > state/facts
mount --bind from state/source; mount -o remount,bind,ro,noatime state/source
set +e
. ./program
device_of() { case $1 in . | /) echo same ;; *) stat -L -c %d "$1" ;; esac; } # there, the copy is not on the root disk
note() { echo "$*" >> "$HERE/rounds"; }
watched() {
    if [ "$1" = compared ] && [ ! -e "$HERE/changed" ]; then : > "$HERE/changed"; (cd "$HERE/from" && eval "$DURING"); fi
    "$@"
}
HERE=$1 src=$STATE/source place=$1/to/place inner=
copy_exactly "$STATE/m01" || exit 1
cd "$HERE"
cat state/m01/unsteady.l > unsteady
command python3 "$5" from > from.json && command python3 "$5" to/place > to.json

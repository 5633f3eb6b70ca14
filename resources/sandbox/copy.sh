# copy: make the folder $place equal to the folder $src (on file systems of their own), and prove it: copy_exactly M.
# First GNU cp, several side by side; then lists of both sides (all that stat(2) tells, hard links, extended attributes),
# and the content of what may have changed since the copy began; then only what differs again, until nothing does.
# All content is compared where change times do not tell (kernel_times), where cp failed, and where an interrupted copy
# goes on; else cp is believed.
#
# Names are ./a/b, each with a zero byte behind it; where lines are needed (files called *.l), \001 \002 stands for
# \001, \001 \004 for \003, and \003 for a newline. What is removed or written in $place is always a name that find
# has just seen, so that no symbolic link there can lead out of it.
# Sets: unsteady names in M/unsteady.l (empty: all is equal). $inner: merged mounts inside $src, as find patterns.
ROUNDS=6
SPARE_KB=51200 # never leave the machine less than this
REFUSED='Operation not supported\|etting attribute' # what cp and setfattr say when a file system cannot keep something
SIDE_BY_SIDE=262144 # kilobytes; less than that, in few files, is copied by one process: starting many takes longer
MANY=5000 # files
LATELY='2 seconds ago' # since then a file may have changed again in the same second, and some file systems count no less
FEW=3000 # more names than that are copied again by one walk through everything

gnu_tools() { case $(cp --version 2>/dev/null)$(find --version 2>/dev/null) in *GNU*GNU*) ;; *) false ;; esac; }
SIGNS=$(printf 's/\001/\001\002/g; s/\003/\001\004/g')
UNSIGNS=$(printf 's/\001\004/\003/g; s/\001\002/\001/g')
lined() { sed "$SIGNS" | tr '\n\0' '\003\n'; }
unlined() { tr '\n\003' '\0\n' | sed "$UNSIGNS"; }
processes() {
    _n=$(nproc 2>/dev/null || grep -c '^processor' /proc/cpuinfo)
    if [ "$_n" -lt 2 ]; then echo 2; elif [ "$_n" -lt 5 ]; then echo "$_n"; else echo 5; fi # one reads while another writes
}
lose() { grep -q -x -F "lost $1" "$STATE/facts" 2>/dev/null || echo "lost $1" >> "$STATE/facts"; }
# walk EXPRESSION: find in this folder, on its own file system, without what other merged mounts cover
walk() {
    _ifs=$IFS; IFS='
'
    for _i in $inner; do set -- -path "$_i" -prune -o "$@"; done
    IFS=$_ifs
    find . -xdev "$@"
}
copier() { cp -a -x --preserve=xattr "$@"; } # told so, it says when it cannot keep an extended attribute

# units M: how the tree is cut into pieces that are copied side by side: M/units, and M/tied, which share hard links.
# Fails where one process has to do it alone.
units() {
    [ "${total:-$SIDE_BY_SIDE}" -ge $SIDE_BY_SIDE ] || [ "$files" -ge $MANY ] || return 1
    [ "$src" = "$STATE/source" ] && attributable || return 1
    for depth in 1 2 3 4; do
        (cd "$src" && find . -xdev -mindepth $depth -maxdepth $depth -print0 -fprintf "$1/units.count" .) > "$1/units.all"
        _dots=; read -r _dots < "$1/units.count"; pieces=${#_dots}
        [ "$pieces" -lt 24 ] || break
    done
    [ "$pieces" -gt 1 ] && [ "$pieces" -lt 20000 ] || return 1
    (cd "$src" && find . -xdev -mindepth 1 -maxdepth $((depth - 1)) ! -type d -print0) >> "$1/units.all"
    if [ ! -s "$1/linked" ]; then : > "$1/tied"; mv -f "$1/units.all" "$1/units"; return; fi
    lined < "$1/linked" | awk -v depth=$((depth + 1)) '
        { i = $1; sub(/^[0-9]* /, ""); n = split($0, part, "/"); u = part[1]
          for (k = 2; k <= depth && k <= n; k++) u = u "/" part[k]
          if (!(i in of)) of[i] = u; else if (of[i] != u) { tied[u] = 1; tied[of[i]] = 1 } }
        END { for (u in tied) print u }' | sort | unlined > "$1/tied"
    [ "$(wc -c < "$1/tied")" -lt 100000 ] || return 1
    sort -z "$1/units.all" "$1/tied" | uniq -zu > "$1/units"
}

# kernel_times: whether nobody but this machine's kernel sets the change times of files in $src, at every change
kernel_times() { case $type in ext* | xfs | btrfs | f2fs | jfs | reiserfs) ;; *) false ;; esac; }
# survey M: in M/times the change times of all there is, in M/recent the names of those where that does not tell yet, in
# M/linked inode and name of those that have several
survey() {
    : > "$1/recent"; : > "$1/linked"
    (cd "$src" && walk \( ! -type d -links +1 -fprintf "$1/linked" '%i %p\0' , \
        -printf '%i %C@ %p\0' -type f -newerct "$LATELY" -fprintf "$1/recent" '%p\0' \)) > "$1/times"
}
# written: memory goes to the disk, for a page that waits for that can be written again, through mmap(2), without a new time
written() { sync -f "$src" 2>/dev/null || sync; }
surveyed() { survey "$1" && kernel_times && written; }

# copy_first M: everything, into an empty folder. Fails where something was refused; the comparison tells what.
copy_first() {
    if ! units "$1"; then
        [ ! -e "$1/units.all" ] || rm -f "$1/units.all"
        copier "$src/." "$place/" 2> "$1/errors"
        return
    fi
    cd "$src" || return
    { printf './\0'; find . -xdev -mindepth 1 -maxdepth $((depth - 1)) -type d -print0; } > "$1/tops"
    (cd "$place" && xargs -0 mkdir -p --) < "$1/tops"
    xargs -0 -r cp -a -x --preserve=xattr --parents -t "$place" -- < "$1/tied" 2> "$1/errors.tied" & _tied=$!
    xargs -0 -r -P "$(processes)" -n $((pieces / 16 + 1)) cp -a -x --preserve=xattr --parents -t "$place" -- < "$1/units" 2> "$1/errors"
    _code=$?
    wait $_tied || _code=1
    cat "$1/errors.tied" >> "$1/errors"
    { attribute "$1" "$1/tops"; dress < "$1/tops"; } 2>> "$1/errors"
    return $_code
}

# listed FOLDER FILE: a sorted record a thing: what it is, " ./", its name, and behind "//" where it leads.
# In FILE.x the attributes, unless it is told WITHOUT; in FILE.times and FILE.recent what `survey` tells.
listed() {
    cd "$1" || return 1
    : > "$2.links"; : > "$2.nodes"; : > "$2.times"; : > "$2.recent"; : > "$2.x"
    _look=
    if [ -z "$3" ]; then attributes | sorted "$2.x" & _look=$!; fi
    things "$2" | sorted "$2" || return 1
    [ -z "$_look" ] || wait $_look
}
sorted() { sort -z > "$1"; }
things() {
    walk \( ! -type d -links +1 -fprintf "$1.links" '%i ./%P\0' , \( -type b -o -type c \) -fprintf "$1.nodes" '%p\0' , \
        -fprintf "$1.times" '%i %C@ %p\0' -type f -newerct "$LATELY" -fprintf "$1.recent" '%p\0' , \
        \( -type d -printf 'd %m %U %G %T@ ./%P\0' -o -type l -printf 'l %U %G %T@ ./%P//%l\0' -o \
        -type f -printf 'f %m %U %G %s %T@ ./%P\0' -o -printf '%y %m %U %G %T@ ./%P\0' \) \)
    if [ -s "$1.nodes" ]; then xargs -0 stat --printf 'node %t %T %n\0' < "$1.nodes"; fi
    if [ -s "$1.links" ]; then lined < "$1.links" | sort -u > "$1.groups.l"; else : > "$1.groups.l"; fi # by inode, then by name: the first name stands for the group
    if [ -s "$1.groups.l" ]; then
        awk '{ i = $1; sub(/^[0-9]* /, ""); if (i != last) first = $0; last = i; print "link " $0 "//" first }' "$1.groups.l" | unlined
    fi
}
# undivided: whether $src and $place show nothing of other file systems or of other merged mounts
undivided() { [ -z "$inner" ] && [ "$src" = "$STATE/source" ] && [ "$type" != btrfs ]; }
# bare: whether neither top has an attribute that the kernel hands on to what is made below it (ACLs, labels)
bare() { have getfattr && [ -z "$(getfattr -h -d -m - "$src/." "$place/." 2>/dev/null)" ]; }
# attributes: a record for each thing here that has any: "x name=value … ./name"
attributes() {
    if have getfattr; then # XFS shows its ACLs a second time, as SGI_ACL_; names are escaped: \012 for a newline
        if undivided; then getfattr -R -P -h -d -m - -e hex .; else walk -print0 | xargs -0 -r getfattr -h -d -m - -e hex; fi 2>/dev/null | awk 'BEGIN { RS = ""; FS = "\n" }
            { n = $1; sub(/^# file: /, "", n); if (n == ".") n = ""; all = ""
              for (i = 2; i <= NF; i++) if ($i !~ /^trusted\.SGI_ACL_/) all = all " " $i
              if (all == "") next
              gsub(/\001/, "\001\002", n); gsub(/\003/, "\001\004", n); gsub(/\\012/, "\003", n); gsub(/\\015/, "\r", n); gsub(/\\134/, "\\", n)
              print "x" all " ./" n }' | unlined
    elif have python3; then
        walk -print0 | python3 -SE -c '
import os, sys
for name in sys.stdin.buffer.read().split(b"\0")[:-1]:
    try:
        all = [(a, os.getxattr(name, a, follow_symlinks=False).hex()) for a in sorted(os.listxattr(name, follow_symlinks=False))]
    except OSError: continue
    told = " ".join(a + "=0x" + v for a, v in all if not a.startswith("trusted.SGI_ACL_"))
    if told: sys.stdout.buffer.write(b"x " + os.fsencode(told) + b" ./" + (b"" if name == b"." else name[2:]) + b"\0")'
    fi
}
# names FILE: the names of its records, as lines
names_of() { if [ -s "$1" ]; then lined < "$1" | awk '{ $0 = substr($0, index($0, " ./") + 1); i = index($0, "//"); print i ? substr($0, 1, i - 1) : $0 }' | sort -u; fi; }

# compared M COMMAND: both sides at this moment. In M/differ.l the names that differ, in their bytes as COMMAND finds or else.
compared() {
    _content=
    if [ "$2" = contents ]; then contents "$1" & _content=$!; fi # takes long
    lists "$1"
    if [ -n "$_content" ]; then wait $_content; else "$2" "$1"; fi
    if [ -s "$1/content.raw" ]; then sort -u "$1/content.raw" > "$1/content.l"; else : > "$1/content.l"; fi
    if [ -n "$inner" ] && [ -s "$1/content.l" ]; then # what other merged mounts cover is not ours to compare
        names_of "$1/from" | comm -12 - "$1/content.l" > "$1/content.own"
        mv -f "$1/content.own" "$1/content.l"
    fi
    : > "$1/again.l"; : > "$1/differ.l"
    if [ ! -s "$1/content.l" ] && [ ! -s "$1/differ.stat" ] && [ ! -s "$1/differ.x" ]; then return; fi
    sort -u "$1/content.l" "$1/differ.stat.l" > "$1/again.l"
    sort -u "$1/again.l" "$1/differ.x.l" > "$1/differ.l"
}
unread() { : > "$1/content.raw"; } # where names and dates are all that has to be known
lists() {
    # a copy just made of what has no attributes, below a folder without, has none: then one look is enough
    _without=; if [ $how = changed ] && [ ! -s "$1/before.l" ] && bare; then _without=1; fi
    (listed "$src" "$1/from") & _side=$!
    (listed "$place" "$1/to" $_without) || unlisted "the copy"
    wait $_side || unlisted "the source"
    if [ -n "$_without" ] && { [ -s "$1/from.x" ] || [ -s "$1/recent" ] || ! cmp -s "$1/times" "$1/from.times"; }; then
        (cd "$place" && attributes | sorted "$1/to.x") || unlisted "attributes"
    fi
    unlike "$1/from" "$1/to" > "$1/differ.stat"
    unlike "$1/from.x" "$1/to.x" > "$1/differ.x"
    names_of "$1/differ.x" > "$1/differ.x.l"
    if [ -s "$1/errors" ] && grep -q "$REFUSED" "$1/errors"; then : > "$1/differ.x"; : > "$1/differ.x.l"; fi
    names_of "$1/differ.stat" > "$1/differ.stat.l"
}

# unlisted WHAT: a list that could not be made, most likely for want of room
unlisted() {
    if short; then fail full; fi
    fail copy "no list of $1"
}
# short: whether the root file system has less left than it must have
short() {
    set -- $(stat -f -c '%S %a' /)
    [ $(($1 / 512 * $2 / 2)) -lt $SPARE_KB ]
}
# unlike FILE FILE: the records that only one of two sorted files has
unlike() { cmp -s "$1" "$2" || sort -z -m "$1" "$2" | uniq -zu; } # most often nothing is

# contents M: into M/content.raw the names of files with other bytes
contents() {
    if diff --no-dereference /dev/null /dev/null 2>/dev/null; then
        (cd "$src" && diff -rq --no-dereference -- . "$place/." > "$1/diff" 2> /dev/null)
        if differing "$1/diff" > "$1/content.raw"; then rm -f "$1/diff"; return; fi
        rm -f "$1/diff"
    fi
    by_digest "$1"
}
# differing FILE: the names of files that diff found other bytes in; fails where a name cannot be told from its words.
# A name may go over several lines: a record is whole once it has the same name twice.
differing() {
    p="$place/" awk 'BEGIN { p = ENVIRON["p"] }
        function whole(head, tail,  a) {
            a = (length(r) - length(head) - 5 - length(p) - length(tail)) / 2
            if (a < 1 || a != int(a)) return 0
            n = substr(r, length(head) + 1, a)
            return r == head n " and " p n tail
        }
        r == "" && (/^Only in / || / is a .* while file / || /^Symbolic links /) { next }
        { r = r == "" ? $0 : r "\n" $0 }
        length(r) > 20000 { exit }
        r !~ /^Files / { exit }
        whole("Files ", " differ") { gsub(/\001/, "\001\002", n); gsub(/\003/, "\001\004", n); gsub(/\n/, "\003", n); print n; r = "" }
        END { exit r != "" }' "$1"
}
# by_digest M: the same by SHA-256 of every file, for old tools and for odd names
by_digest() {
    for _s in "$src" "$place"; do (cd "$_s" && walk -type f -print0 | xargs -0 -r sha256sum --); done | awk '
        { d = $1; n = substr($0, length(d) + 3); gsub(/\001/, "\001\002", n); gsub(/\003/, "\001\004", n)
          if (sub(/^\\/, "", d)) { gsub(/\\\\/, "\005", n); gsub(/\\n/, "\003", n); gsub(/\\r/, "\r", n); gsub(/\005/, "\\", n) }
          print d "\t" n }' | sort | uniq -u | cut -f2- > "$1/content.raw"
}
# changed M: the same for those that may have changed since M/times was written, and for those that were copied again
changed() {
    if [ ! -s "$1/recent" ] && [ ! -s "$1/from.recent" ] && [ ! -s "$1/before.l" ] && cmp -s "$1/times" "$1/from.times"; then
        unread "$1"; return
    fi
    {
        if ! cmp -s "$1/times" "$1/from.times"; then
            cat "$1/times" "$1/from.times" | sorted "$1/from.moved" || unlisted "what changed"
            uniq -zu < "$1/from.moved" | lined | sed 's/^[^ ]* [^ ]* //'
            mv -f "$1/from.times" "$1/times"
        fi
        if [ -s "$1/recent" ]; then lined < "$1/recent"; fi
        if [ -s "$1/before.l" ]; then cat "$1/before.l"; fi
    } | sort -u > "$1/doubtful.l"
    if [ -s "$1/recent" ] || [ -s "$1/from.recent" ]; then mv -f "$1/from.recent" "$1/recent"; fi
    if [ -s "$1/doubtful.l" ] && [ "$(wc -l < "$1/doubtful.l")" -gt $FEW ]; then contents "$1"; else contents_of "$1" doubtful; fi
}
# mended M: the same for those that were copied again
mended() { if [ "$(wc -l < "$1/before.l")" -gt $FEW ]; then contents "$1"; else contents_of "$1" before; fi; }
# contents_of M LIST: the same for those in M/LIST.l only
contents_of() {
    if [ ! -s "$1/$2.l" ]; then unread "$1"; return; fi
    unlined < "$1/$2.l" | place=$place src=$src xargs -0 -r sh -c 'for n; do
        if [ -f "$src/$n" ] && [ ! -L "$src/$n" ] && [ -f "$place/$n" ] && [ ! -L "$place/$n" ]; then
            cmp -s -- "$src/$n" "$place/$n" || printf "%s\0" "$n"
        fi; done' sh | lined > "$1/content.raw"
}

# groups_of M SIDE: the lines of that side's hard-link groups that a name in M/again.l belongs to
groups_of() {
    [ -s "$1/$2.groups.l" ] && [ -s "$1/again.l" ] || return 0
    awk 'FNR == 1 { part++ } part == 1 { want[$0] = 1; next } { n = $0; sub(/^[0-9]* /, "", n) }
        part == 2 { if (n in want) hit[$1] = 1; next } $1 in hit' "$1/again.l" "$1/$2.groups.l" "$1/$2.groups.l"
}

# mend M: copy again what M/again.l names: away with it, and with the whole group of a hard link, then as it is now
mend() {
    groups_of "$1" from > "$1/link.groups.l"
    { groups_of "$1" to; cat "$1/link.groups.l"; } | sed 's/^[0-9]* //' | sort -u - "$1/again.l" > "$1/all.l"
    mv -f "$1/all.l" "$1/again.l"
    for _s in from to; do
        names_of "$1/$_s" > "$1/$_s.names.l"
        tr '\n\0' '\003\n' < "$1/$_s" | grep -a '^d ' | tr '\n\003' '\0\n' > "$1/$_s.dirs"
        names_of "$1/$_s.dirs" > "$1/$_s.dirs.l"
    done
    comm -12 "$1/again.l" "$1/to.names.l" > "$1/there.l"
    (cd "$place" && [ "$(device_of .)" = "$(device_of /)" ] || exit
        comm -23 "$1/there.l" "$1/to.dirs.l" | unlined | xargs -0 -r rm -f --
        comm -12 "$1/there.l" "$1/to.dirs.l" | comm -23 - "$1/from.dirs.l" | sort -r | unlined | xargs -0 -r rmdir --) 2> "$1/errors"
    comm -12 "$1/again.l" "$1/from.names.l" > "$1/come.l"
    if [ "$(wc -l < "$1/again.l")" -gt $FEW ] || ! attributable; then
        copier -u "$src/." "$place/" 2>> "$1/errors"
        comm -12 "$1/come.l" "$1/from.dirs.l" | unlined | dress
    else mend_few "$1" 2>> "$1/errors"; fi
    if [ -s "$1/differ.x.l" ]; then level "$1" 2>> "$1/errors"; fi
}
mend_few() {
    awk '{ i = $1; sub(/^[0-9]* /, ""); if (i == last) print first "\n" $0; else first = $0; last = i }' "$1/link.groups.l" > "$1/pairs.l"
    awk 'NR % 2 == 0' "$1/pairs.l" | sort -u > "$1/followers.l"
    cd "$src" || return
    comm -12 "$1/come.l" "$1/from.dirs.l" | unlined | (cd "$place" && xargs -0 -r mkdir -p --)
    comm -23 "$1/come.l" "$1/from.dirs.l" | comm -23 - "$1/followers.l" | unlined |
        xargs -0 -r cp -a -x --preserve=xattr --parents -t "$place" --
    unlined < "$1/pairs.l" | (cd "$place" && xargs -0 -r -n 2 ln -f --)
    { cat "$1/again.l"; sed 's/\/[^/]*$//; s/^\.$/.\//' "$1/again.l"; } | sort -u | comm -12 - "$1/from.dirs.l" | unlined | dress
}
# dress: give the folders that are named on standard input the looks of their originals
dress() {
    if ! have python3; then dress_each; return; fi
    src=$src place=$place python3 -SE -c '
import os, stat, sys
for name in sys.stdin.buffer.read().split(b"\0")[:-1]:
    a, b = os.path.join(os.environb[b"src"], name), os.path.join(os.environb[b"place"], name)
    try:
        want, had = os.lstat(a), os.lstat(b)
        if not stat.S_ISDIR(want.st_mode) or not stat.S_ISDIR(had.st_mode): continue
        if (want.st_uid, want.st_gid) != (had.st_uid, had.st_gid): os.chown(b, want.st_uid, want.st_gid)
        if want.st_mode != os.lstat(b).st_mode: os.chmod(b, stat.S_IMODE(want.st_mode))
        os.utime(b, ns=(want.st_atime_ns, want.st_mtime_ns))
    except OSError as why: print(why, file=sys.stderr)'
}
# dress_each: the same by the shell, a few processes a folder; chmod alone never takes a set-group bit
dress_each() {
    newline=$NEWLINE src=$src place=$place xargs -0 -r sh -c '
    # one stat for all; a line of another folder (one is gone, or has a line end in its name) is asked for by itself
    all=$(cd "$src" && stat -c "%a %u:%g %n" -- "$@" 2> /dev/null) had=$(cd "$place" && stat -c "%a %u:%g %n" -- "$@" 2> /dev/null)
    for d; do
        looks=${all%%"$newline"*} was=${had%%"$newline"*}
        if [ "${looks#* * }" = "$d" ]; then all=${all#*"$newline"} looks=${looks%" $d"}; else looks=$(stat -c "%a %u:%g" "$src/$d"); fi
        if [ "${was#* * }" = "$d" ]; then had=${had#*"$newline"} was=${was%" $d"}; else was=$(stat -c "%a %u:%g" "$place/$d"); fi
        if [ "$looks" != "$was" ]; then
            chown "${looks#* }" "$place/$d"; chmod ug-s,o-t "$place/$d"; chmod "${looks% *}" "$place/$d"
        fi
        touch -c -r "$src/$d" "$place/$d"
    done' sh
}
# level M: give what M/differ.x.l names the extended attributes of its original, and take away those that it lacks
level() {
    names_of "$1/from" | comm -12 - "$1/differ.x.l" | unlined > "$1/level"
    if have setfattr && have getfattr; then
        src=$src place=$place xargs -0 -r sh -c 'for n; do
            for a in $(getfattr -h -d -m - --absolute-names "$place/$n" 2>/dev/null | sed -n "s/^\([^#=]*\)=.*/\1/p"); do
                case $a in trusted.SGI_ACL_*) ;; *) getfattr -h -n "$a" "$src/$n" > /dev/null 2>&1 || setfattr -h -x "$a" "$place/$n" ;; esac
            done; done' sh < "$1/level"
    fi
    attribute "$1" "$1/level"
}
# attributable: whether a folder that we make ourselves can be given its ACL; else cp has to make each, in one walk
attributable() { { have getfattr && have setfattr; } || have python3; }
# attribute M FILE: what is named there gets the extended attributes of its original
attribute() {
    if have setfattr && have getfattr; then
        (cd "$src" && xargs -0 -r getfattr -h -d -m - -e hex < "$2" 2>/dev/null | grep -v '^trusted\.SGI_ACL_') > "$1/attributes"
        if [ -s "$1/attributes" ]; then (cd "$place" && setfattr -h --restore="$1/attributes"); fi
    elif have python3; then
        src=$src place=$place python3 -SE -c '
import os, sys
for name in sys.stdin.buffer.read().split(b"\0")[:-1]:
    a, b = os.path.join(os.environb[b"src"], name), os.path.join(os.environb[b"place"], name)
    want = {k: os.getxattr(a, k, follow_symlinks=False) for k in os.listxattr(a, follow_symlinks=False) if "SGI_ACL_" not in k}
    for k in os.listxattr(b, follow_symlinks=False):
        if k not in want and "SGI_ACL_" not in k: os.removexattr(b, k, follow_symlinks=False)
    for k, v in want.items(): os.setxattr(b, k, v, follow_symlinks=False)' < "$2"
    fi
}

# verdict M: what became of names that still differ: what the root disk cannot hold is lost, all else does not hold still
verdict() {
    if [ -s "$1/errors" ]; then blame "$1"; fi
    mv -f "$1/differ.l" "$1/unsteady.l"
}
blame() {
    if grep -q -e 'No space left' -e 'Disk quota' "$1/errors"; then fail full; fi
    if grep -q "$REFUSED" "$1/errors"; then lose "some extended attributes or access lists"; fi
    grep -v -e "$REFUSED" -e 'No such file' -e 'it was replaced' -e 'Directory not empty' -e 'Not a directory' \
        -e 'Is a directory' -e 'Stale file' "$1/errors" > "$1/bad"
    if [ -s "$1/bad" ] && [ -s "$1/differ.l" ]; then fail copy "$(tail -n 3 "$1/bad")"; fi
}

# copy_exactly M: $src into $place
copy_exactly() {
    TMPDIR=$1; export TMPDIR # sort(1) writes there: /tmp may be small, and nobody looks after its room
    : > "$1/before.l"; : > "$1/errors"
    phase=copying how=contents
    type=$(stat -f -c %T "$src")
    [ ! -g "$place" ] || chmod g-s "$place" # or new folders take it over, and cp(1) leaves it to them
    if is_empty "$place"; then
        if watched surveyed "$1"; then how=changed; fi
        watched copy_first "$1" || how=contents
    else watched compared "$1" unread; if [ -s "$1/differ.l" ]; then watched mend "$1"; fi; fi
    phase=comparing
    watched compared "$1" $how
    if [ $how = contents ]; then how=mended; fi
    round=1
    while [ -s "$1/differ.l" ] && [ $round -lt $ROUNDS ] && { [ $round -lt 3 ] || moved_on "$1"; }; do
        mv -f "$1/differ.l" "$1/before.l"
        note round $round
        if [ $how = changed ]; then watched written; fi
        watched mend "$1"
        watched compared "$1" $how
        round=$((round + 1))
    done
    verdict "$1"
    total_of "$1"
}
# moved_on M: whether something differs now that did not after the last round, in a folder whose own list of names held
# still. Else what goes on changing is the same, and under new names where a service makes and renames files.
moved_on() {
    awk 'FNR == 1 { part++ } part == 1 { before[$0] = 1; next } part == 2 { now[$0] = 1; next } $0 in before { next }
        { d = $0; sub(/\/[^\/]*$/, "", d); if (d == ".") d = "./"; if (!(d in before && d in now)) { moved = 1; exit } }
        END { exit !moved }' "$1/before.l" "$1/differ.l" "$1/differ.l"
}
# total_of M: add what was copied to the facts
total_of() {
    tr '\n\0' '\003\n' < "$1/from" | awk '/^[dflpscbD] / { n++; if ($1 == "f") s += $5 } END { printf "%d %.0f\n", n, s }' > "$1/total"
    _m=$1
    set -- "$_m"/units* "$_m/tied" "$_m/tops" "$_m/content.raw" "$_m/times" "$_m/recent" "$_m/linked" \
        "$_m/errors.tied" "$_m/level" "$_m/attributes" "$_m/bad"
    for _f in "$_m"/*.l "$_m"/sort*; do if [ "$_f" != "$_m/unsteady.l" ]; then set -- "$@" "$_f"; fi; done
    rm -f "$_m"/from "$_m"/from.* "$_m"/to "$_m"/to.* "$_m"/differ.* "$@"
}

# judge: tell the kind of each name that find has found (the arguments), in a shell of its own; after this text comes the
# function `judge`, made from resources/clean/kinds.toml. What is read here goes into grep's yes or no and nowhere else.
tell() { printf '%s\t%s\t%s\0' "$1" "$(stat -c '%u:%U	%s' "$f" 2>/dev/null)" "$f"; }
holds() { head -c 262144 "$f" 2>/dev/null | grep -a -q -i -E -e "$1"; }
key() { head -c 262144 "$f" 2>/dev/null | grep -a -q -E -e 'BEGIN .*PRIVATE KEY|PuTTY-User-Key-File|OpenVPN Static key'; }
# a line that gives a password, token or key a value; not one that names a file, switches something, or is a comment
gives() {
    head -c 262144 "$f" 2>/dev/null | grep -a -v -E '^[[:space:]]*(#|;|//|!)' |
        grep -a -i -E -e '(pass(word|wd|phrase)?|_pwd|secret|token|api_?key|(access|auth|account|private|encryption)_?key|_key|_pat|bindpw|authtok)["'\'']?[[:space:]]*[=:][[:space:]]*["'\'']?[^][:space:]"'\''$<>{(&|*/#;,]' |
        grep -a -v -q -i -E -e '[=:][[:space:]]*["'\'']?(true|false|yes|no|on|off|none|null|auto|ask|prompt|changeme|x+|[0-9]{1,3})?["'\'',;]*[[:space:]]*$'
}
core() { case $(head -c 18 "$f" 2>/dev/null | od -A n -t x1 | tr -d ' \n') in 7f454c46????????????????????????0400 | 7f454c46????????????????????????0004) ;; *) false ;; esac; }
filled() { [ -n "$(ls -A "$f" 2>/dev/null)" ]; }

# all_of_them: judge every argument; of many possible keys only those in which one is
all_of_them() {
    if [ "$0" = keys ] && [ $# -gt 16 ]; then
        for f; do if [ -s "$f" ]; then by_name; fi; done
        sift "$@"
    else
        for f; do if [ -s "$f" ]; then judge; fi; done
    fi
}
# sift FILE …: look into all at once, then into each half, and so on; most often one look is enough
sift() {
    grep -q -a -s -E -e 'PRIVATE KEY|PuTTY-User-Key-File|OpenVPN Static key' -- "$@" || return 0
    if [ $# -le 4 ]; then for f; do if [ -s "$f" ]; then judge; fi; done; return; fi
    first=; second=; i=0
    while [ $i -lt $# ]; do
        i=$((i + 1))
        if [ $i -le $(($# / 2)) ]; then first="$first \"\${$i}\""; else second="$second \"\${$i}\""; fi
    done
    eval "sift $first; sift $second"
}

# writers: the programs that have files open for writing, one a line: NAME, a tab, the file
ls -l /proc/[0-9]*/fd 2>/dev/null | awk '
    /^\/proc\// { split($0, p, "/"); pid = p[3]; next }
    $1 ~ /^l.w/ { at = index($0, " -> "); file = substr($0, at + 4)
        if (file ~ /^\// && file !~ /^\/(dev|proc|sys|run)\// && file !~ / \(deleted\)$/) print pid "\t" file }' |
    sort -u | while IFS='	' read -r pid file; do
        if read -r name < "/proc/$pid/comm"; then printf '%s\t%s\n' "$name" "$file"; fi
    done 2>/dev/null

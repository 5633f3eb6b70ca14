# look_rubbish: what is big and could be deleted first; each place has its own few seconds
look_rubbish() {
    part rubbish
    for d in /var/log /var/cache/apt /var/cache/yum /var/cache/dnf /var/cache/zypp /var/cache/pacman /var/cache/apk /var/crash /var/lib/systemd/coredump /tmp /var/tmp /root/.cache /home/*/.cache /home/*/.local/share/Trash; do
        [ -d "$d" ] && [ ! -L "$d" ] || continue
        if have timeout; then kb=$(timeout 4 du -skx "$d" 2>/dev/null); else kb=$(du -skx "$d" 2>/dev/null); fi
        kb=${kb%%[!0-9]*}
        if [ "${kb:-0}" -gt 102400 ]; then echo "$kb $d"; fi
    done
    find / /root /home/* -maxdepth 1 -type f '(' -name core -o -name 'core.[0-9]*' -o -name '*.hprof' ')' -size +20480k 2>/dev/null | head -n 10 | while read -r f; do echo "$(du -sk "$f" | cut -f1) $f"; done
}

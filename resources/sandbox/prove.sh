# prove: what can be seen now against what was noted before, one line a fact: a word, then what it is about.
# app/sandbox/proof.py makes sentences of them.
same_boot() { fetch "$STATE/boot" && [ "${_v%"$NEWLINE"}" = "$(boot_id)" ]; }

prove() {
    prove_edits
    for m in "$STATE"/m[0-9][0-9]; do
        fetch "$m/path"; path=$_v
        if [ -e "$m/saved" ]; then echo "empty $path"; fi
        if [ -e "$m/kept" ]; then fetch "$m/kept"; echo "kept $_v"; fi
        if [ -e "$m/remounted" ]; then echo "remounted $path"; fi
        prove_disk "$m"
    done
    if fetch "$STATE/places" && [ -n "$_v" ]; then printf '%s\n' "$_v"; fi
    prove_mounts
    prove_services
    if grep -q -F " $STATE/" /proc/self/mountinfo; then echo "view $STATE"; fi
}

prove_edits() {
    for _e in $(edits); do
        fetch "$STATE/$_e.path"; f=$_v
        if ! cmp -s "$f" "$STATE/$_e.before"; then echo "edited $f"
        elif [ "$(looks_of "$f")" != "$(value "$STATE/$_e.looks")" ]; then echo "differs $f"
        else echo "equal $f"; fi
        if [ -e "$f.sandhopper-$JOB" ]; then echo "original $f.sandhopper-$JOB"; fi
        # somebody else's new file there is no affair of ours, and neither is its time
        if [ "$(names "${f%/*}")" = "$(value "$STATE/$_e.names")" ] && [ "$(looks_of "${f%/*}")" != "$(value "$STATE/$_e.folder")" ]; then
            echo "differs ${f%/*}"
        fi
    done
}

# prove_disk M: the data disk itself, which we only ever read: the same one, as big, and not emptied
prove_disk() {
    fetch "$1/path"; path=$_v
    [ -s "$1/disk" ] && mounted "$path" || return 0
    fetch "$1/disk"
    set -- "$1" "$path" $_v $(disk_look "$path") # blocks files names looks, twice
    fetch "$1/id"; id=${_v%"$NEWLINE"}
    if [ "$3" != "$7" ] || { [ -n "$id" ] && [ "$id" != "$(fs_id "$(mounted_from "$2")")" ]; }; then echo "disk-other $2"
    elif { [ "$5" -gt 3 ] && [ "$9" -le 1 ]; } || [ "$8" -lt $(($4 / 2)) ]; then echo "disk-fewer $4 $8 $2"
    elif [ "$6" != "${10}" ]; then echo "disk-top $2"
    else echo "disk $8 $2"; fi
}

# mounted_from PATH: the device of what is mounted there now; its node may have another name than the table says
mounted_from() {
    set -- $(awk -v p="$(mount_escape "$1")" '$5 == p { for (i = 7; $i != "-"; i++); d = $3 " " $(i + 2) } END { print d }' /proc/self/mountinfo)
    if [ -e "/sys/dev/block/$1" ]; then _d=$(readlink -f "/sys/dev/block/$1"); echo "/dev/${_d##*/}"; else echo "$2"; fi
}

prove_mounts() {
    [ -e "$STATE/mounts" ] || return 0
    mount_table > "$STATE/mounts.now"
    numbers=; if same_boot; then numbers=1; fi
    awk -v numbers="$numbers" '{ fact = (numbers ? $1 : "") " " $2 " " $4 " " $5 }
        NR == FNR { was[$3] = was[$3] fact; next } { now[$3] = now[$3] fact }
        END { for (p in was) if (!(p in now)) print "mount-gone", p; else if (was[p] != now[p]) print "mount-changed", p; else n++
            for (p in now) if (!(p in was)) print "mount-new", p
            print "mounts", n + 0 }' "$STATE/mounts" "$STATE/mounts.now"
}

# What ends or fails by itself is no news: oneshots, what a timer, a socket or a call over the bus starts, logins.
prove_services() {
    [ -s "$STATE/services" ] || return 0
    services $(awk 'NR > 1 { print $1 }' "$STATE/services") > "$STATE/services.now"
    read -r was < "$STATE/services" && read -r now < "$STATE/services.now" && [ "$was" = "$now" ] || return 0
    boot=; if same_boot; then boot=1; fi
    awk -v boot="$boot" 'function good(s) { return s == "active/running" || s == "running" || s == "started" }
        function bad(s) { return s ~ /^failed\// || s == "crashed" || s ~ /\/auto-restart/ }
        function passing(n) { return n ~ /^(user@|user-runtime-dir@|getty@|serial-getty@|session-|run-|systemd-|autovt@)/ || $5 == "oneshot" || $7 ~ /\.timer/ }
        FNR == 1 { next }
        NR == FNR { state[$1] = $2; process[$1] = $3; next }
        { seen[$1] = 1; if (good($2)) n++
          if (passing($1)) next
          if (bad($2)) { if (!bad(state[$1])) print "service-failed", $1 }
          else if (good(state[$1]) && good($2)) { if (boot && $3 != process[$1]) print "service-restarted", $1 }
          else if (good(state[$1]) && $2 !~ /activating|start/ && $7 == "-" && ($6 == "-" || $4 ~ /^(enabled|generated)/)) print "service-stopped", $1 }
        END { for (s in state) if (good(state[s]) && !(s in seen)) print "service-stopped", s; if (n) print "services", n }' \
        "$STATE/services" "$STATE/services.now"
}

# look: tell what this machine is and has; changes nothing. The parts come one after the other, each with its own time.
bounded 60 look_places
bounded 20 look_system
bounded 30 look_disks
bounded 90 look_boot
bounded 20 look_network
bounded 30 look_software
bounded 30 look_rubbish

# what lies hidden below the mount points, seen in a mount namespace of our own (nothing is mounted for anybody else)
look_hidden() {
    if [ "$(id -u)" = 0 ] && have unshare && [ -d /mnt ]; then
        part hidden
        unshare -m sh -c 'mount --make-rprivate / && mount --bind / /mnt || exit
            awk "{ for (i = 7; \$i != \"-\"; i++); if (\$(i + 2) ~ /^\/dev\//) print \$5 }" /proc/self/mountinfo | while read -r escaped; do
                path=$escaped
                case $escaped in *\\*) path=$(printf "%b" "$(printf "%s" "$escaped" | sed "s/\\\\\([0-7][0-7][0-7]\)/\\\\0\1/g")x"); path=${path%x} ;; esac
                case $path in / | /mnt | /mnt/*) continue ;; esac
                if [ -n "$(ls -A "/mnt$path" 2>/dev/null)" ]; then echo "$escaped"; fi
            done' 2>/dev/null
    fi
}
bounded 20 look_hidden
part journal; for STATE in $(find_state); do if [ -s "$STATE/journal" ]; then echo "${STATE##*/}"; fi; done
part end

# witness: what the machine looks like, in a form that can be compared later: begin and merge write it down, restore looks again.
# Everything here only reads. What a machine has no tool for is left out on both sides.

_limits= # what `limited` runs commands by; a timeout(1) that knows no seconds but -t is none
limited() {
    if [ -z "$_limits" ]; then if timeout 9 true 2>/dev/null; then _limits="timeout 20"; else _limits=env; fi; fi
    $_limits "$@"
}

# looks_of PATH: kind, mode, owner, time, SELinux label, extended attributes (ACLs and capabilities are such), flags
looks_of() {
    stat -c "%F %a %u %g %y${NEWLINE}label %C" "$1" 2>/dev/null
    _all=
    if have getfattr; then _all=$(getfattr -h -d -m - -e hex --absolute-names "$1" 2>/dev/null); fi
    if [ -n "$_all" ]; then printf '%s\n' "$_all" | grep = | sort; fi
    own_flags "$1"
    echo "flags $_own"
}
# flags_of PATH: those that somebody sets (chattr(1)); others (e, I, N …) are the file system's own affair
flags_of() { own_flags "$1"; printf '%s' "$_own"; }
own_flags() {
    _all=$(lsattr -d "$1" 2>/dev/null) _own=
    _all=${_all%% *}
    while [ -n "$_all" ]; do
        _rest=${_all#?}; _flag=${_all%"$_rest"} _all=$_rest
        case $_flag in [acdijsuACDSTtPF]) _own=$_own$_flag ;; esac
    done
}

# mount_table: device number, root, place, type, how: of each mount that holds data
mount_table() {
    awk '{ for (i = 7; $i != "-"; i++); s = $(i + 2); split($(i + 3), how, ",")
        if ((s ~ /^\/dev\// || s ~ /:/ || s ~ /^\/\//) && index($5, "sandhopper") == 0)
            print $3, $4, $5, $(i + 1), $6 ":" how[1] }' /proc/self/mountinfo
}
# mount_escape PATH: as awk's -v must be given it to meet mountinfo's own way of writing it
mount_escape() {
    case $1 in *[!A-Za-z0-9/._-]*) ;; *) printf '%s' "$1"; return ;; esac
    printf '%s' "$1" | sed -e 's/\\/\\\\134/g' -e 's/ /\\\\040/g' -e 's/\t/\\\\011/g'
}
# mount_id PATH: as process 1 sees it; a mount namespace of ours has other numbers for the same mounts
mount_id() { awk -v p="$(mount_escape "$1")" '$5 == p { id = $1 } END { print id }' /proc/1/mountinfo; }

# disk_look PATH: size in blocks, files in use, names at the top, owner and mode of the top: enough to see a wrong or emptied disk
disk_look() {
    set -- "$1" $(stat -f -c '%S %b %c %d' "$1")
    echo "$(($2 / 512 * $3 / 2)) $(($4 - $5)) $(ls -A "$1" | wc -l) $(stat -c '%u:%g:%a' "$1")"
}

hardware() { value /sys/class/dmi/id/product_uuid || value /sys/hypervisor/uuid; } 2>/dev/null

# services [NAME …]: name, state, process, started how, type, bus name, triggers; those that run or failed, and NAMEs.
# The first line is the kind of service manager; without one that answers, the daemons' own pid files are looked at.
services() {
    if [ -d /run/systemd/system ] && have systemctl; then echo systemd; systemd_services "$@"
    elif [ -d /run/openrc ] && have rc-status; then echo openrc; openrc_services
    else echo plain; upstart_services; pid_files; fi 2>/dev/null | awk 'NR == 1 || !seen[$0]++'
}
systemd_services() {
    set -- $({
        printf '%s\n' "$@"
        limited systemctl list-units --all --full --type=service,mount --no-legend --no-pager |
            sed 's/^[^A-Za-z0-9_-]*//' | awk '$3 == "failed" || $4 == "running" || $4 == "auto-restart" { print $1 }'
    } | sort -u)
    [ $# -gt 0 ] || return 0
    limited systemctl show --no-pager -p Id -p Type -p MainPID -p ActiveState -p SubState -p UnitFileState -p BusName -p TriggeredBy "$@" |
        awk 'function told(name) { gsub(/ /, ",", v[name]); return v[name] == "" ? "-" : v[name] }
            function out() { if ("Id" in v) print told("Id"), told("ActiveState") "/" told("SubState"), told("MainPID"), told("UnitFileState"), told("Type"), told("BusName"), told("TriggeredBy"); split("", v) }
            NF == 0 { out(); next } { i = index($0, "="); v[substr($0, 1, i - 1)] = substr($0, i + 1) } END { out() }'
}
openrc_services() {
    limited rc-status -a | awk -F'[][]' 'NF > 2 { split($1, name, " "); split($2, state, " "); print name[1], state[1], 0, "enabled openrc - -" }'
}
upstart_services() {
    have initctl || return 0
    limited initctl list | awk '$2 == "start/running," && $3 == "process" { print $1, "running", $4, "enabled upstart - -" }'
}
pid_files() {
    for _f in "$RUN"/*.pid "$RUN"/*/*.pid; do
        _pid=
        if [ -f "$_f" ]; then read -r _pid < "$_f"; fi
        case $_pid in *[!0-9]*) _pid=$(printf '%s' "$_pid" | tr -dc 0-9) ;; esac
        [ -n "$_pid" ] && [ -d "/proc/$_pid" ] && read -r _word _name _rest < "/proc/$_pid/status" || continue
        echo "$_name running $_pid enabled $_f - -"
    done
}
# mount_unit PATH: the file that systemd knows this mount from; it forgets a line of fstab that was taken out
mount_unit() {
    [ -d /run/systemd/system ] && have systemctl || return 0
    limited systemctl show -p FragmentPath -- "$1" 2>/dev/null # systemctl(1): a path stands for its mount unit
}

# mark_start: which mounts the merge that is started now reads; one that is mounted anew later was away in between
mark_start() {
    rm -f "$STATE/restore.pid" # of a restore that could not be done
    for _m in "$STATE"/m[0-9][0-9]; do fetch "$_m/path"; mount_id "$_v" > "$_m/mountid"; done
    boot_id > "$STATE/merge.boot"
}
# undisturbed: nothing of that has changed
undisturbed() {
    [ "$(cat "$STATE/merge.boot" 2>/dev/null)" = "$(boot_id)" ] || return 1
    for _m in "$STATE"/m[0-9][0-9]; do
        [ "$(mount_id "$(value "$_m/path")")" = "$(cat "$_m/mountid" 2>/dev/null)" ] || [ -e "$_m/copied" ] || return 1
    done
}

# save_witness: all of it but the services, into the journal's folder
save_witness() {
    mount_table > "$STATE/mounts"
    hardware > "$STATE/hardware"
    for _m in "$STATE"/m[0-9][0-9]; do
        fetch "$_m/path"; _path=$_v; disk_look "$_path" > "$_m/disk"; mount_unit "$_path" > "$_m/unit"
    done
}

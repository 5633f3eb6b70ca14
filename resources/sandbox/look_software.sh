# look_software: what runs here and is tied to this cloud, to a licence, or to being the only one of its kind
look_software() {
    part cloud_init
    if have cloud-init || [ -d /etc/cloud ]; then
        if have cloud-init; then echo present; fi
        for d in /usr/lib/python*/site-packages/cloud_init-* /usr/lib/python*/dist-packages/cloud_init-* /usr/share/pyshared/cloud_init-*; do
            if [ -e "$d" ]; then d=${d##*/cloud_init-}; echo "version ${d%%-py*}" | sed 's/\.\(egg\|dist\)-info$//'; fi
        done
        if [ -e /etc/cloud/cloud-init.disabled ]; then echo disabled; fi
        if grep -q 'cloud-init=disabled' /proc/cmdline; then echo disabled; fi
        lines '(datasource_list|datasource|policy):' /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg /etc/cloud/ds-identify.cfg | some 4000
        grep -h -o -E '"datasource": *"[^"]*"' /run/cloud-init/result.json /var/lib/cloud/data/result.json 2>/dev/null | head -n 1
    fi
    part agents
    for a in waagent walinuxagent google_guest_agent google-guest-agent google_metadata_script_runner amazon-ssm-agent ec2-instance-connect nova-agent vmtoolsd xe-daemon qemu-ga VBoxService hv_kvp_daemon cloudbase-init rackspace-monitoring-agent aliyun-service qcloud; do
        if have "$a" || [ -e "/usr/lib/systemd/system/$a.service" ] || [ -e "/lib/systemd/system/$a.service" ] || [ -e "/etc/init.d/$a" ]; then echo "$a"; fi
    done
    for f in /opt/aws /opt/google /opt/VBoxGuestAdditions-* /snap/amazon-ssm-agent; do if [ -e "$f" ]; then echo "${f##*/}"; fi; done
    part selinux; cat /sys/fs/selinux/enforce /selinux/enforce 2>/dev/null | head -n 1; text /etc/selinux/config | grep -E ':SELINUX='
    part time_sync; for p in chronyd ntpd systemd-timesyn openntpd crond; do if runs "$p"; then echo "$p"; fi; done
    part licences
    if [ -e /etc/pki/consumer/cert.pem ]; then echo rhel; fi
    for f in /etc/zypp/credentials.d/SCC*; do if [ -e "$f" ]; then echo sles; break; fi; done
    for f in /etc/yum.repos.d/*rhui*; do if [ -e "$f" ]; then echo rhui; break; fi; done
    if [ -e /var/lib/regionservers ] || [ -e /etc/regionserverclnt.cfg ]; then echo sles-cloud; fi
    if [ -e /var/lib/ubuntu-advantage/private/machine-token.json ]; then echo ubuntu-pro; fi
    if [ -e /run/cloud-init/instance-data.json ]; then
        grep -h -o -E '"(marketplace[-_]product[-_]codes|product[-_]codes|devpay[-_]product[-_]codes)": *("[^"]+"|\[[^]]+\])' /run/cloud-init/instance-data.json 2>/dev/null | cut -c1-200 | head -n 3
        grep -h -A 3 '"plan": *{' /run/cloud-init/instance-data.json 2>/dev/null | tr -d '\n' | grep -o -E '"(name|product|publisher)": *"[^"]+"' | head -n 3
    fi
    for f in /usr/local/MATLAB /usr/local/flexlm /opt/flexlm; do if [ -d "$f" ]; then echo "program ${f##*/}"; fi; done
    # programs that write all the time, so that a copy taken meanwhile is as after a power cut
    part databases
    for p in postgres mysqld mariadbd mongod redis-server valkey-server influxd java-cassandra clickhouse-serv neo4j elasticsearch opensearch slapd couchdb beam.smp; do if runs "$p"; then echo "$p"; fi; done
    part containers
    for p in dockerd containerd podman crio kubelet k3s k3s-server lxd incusd libvirtd; do if runs "$p"; then echo "$p"; fi; done
    if [ -d /var/lib/docker ]; then readlink -f /var/lib/docker; for d in /var/lib/docker/volumes/*/; do if [ -d "$d" ]; then echo volume; fi; done | head -n 500; fi
    # timed jobs that reach for other machines would do so twice when the copy runs too
    part timed; grep -H -E '(ssh|scp|rsync|curl|wget|mail|aws|rclone|mysql|psql|s3cmd|swift|borg|restic)[ @]' /var/spool/cron/* /var/spool/cron/crontabs/* /etc/crontab /etc/cron.d/* 2>/dev/null | grep -v -E ':[[:space:]]*#' | cut -d: -f1 | sort | uniq -c | head -n 20
    part open_writers; writers | sort | uniq -c | sort -rn | head -n 40
}
# runs NAME: whether a program of that name runs (the kernel keeps 15 letters of it)
runs() {
    [ -n "$COMMS" ] || COMMS=$(cat /proc/[0-9]*/comm 2>/dev/null | sort -u)
    case "
$COMMS
" in *"
$1
"*) return 0 ;; *) return 1 ;; esac
}
# writers: "MOUNT NAME" for each file that is open for writing on a data mount (proc(5): fdinfo, flags in octal)
writers() {
    _places=$(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 2) ~ /^\/dev\// && $5 != "/" && $5 !~ /^\/(boot|efi|snap)/) print $5 }' /proc/self/mountinfo)
    [ -n "$_places" ] || return 0
    # one ls for all of them: three programs a process take half a minute on a busy machine with hundreds
    ls -l /proc/[0-9]*/fd 2>/dev/null | sed -n -e 's/^\(\/proc\/[0-9]*\)\/fd:$/\1/p' -e 's/^.* \([0-9]*\) -> \(\/.*\)$/\1 \2/p' | while read -r _fd _file; do
        case $_fd in /proc/*) _p=$_fd; continue ;; esac
        for _place in $_places; do
            case $_file in "$_place"/*)
                _name=
                while read -r _word _flags; do case $_word$_flags in flags:*[1256]) read -r _name < "$_p/comm" ;; esac; done < "$_p/fdinfo/$_fd"
                if [ -n "$_name" ]; then echo "$_place $_name"; fi ;;
            esac
        done
    done
}

# look_network: where the addresses come from, what is tied to this card or this place, and who may log in
look_network() {
    # names and addresses of the cards that are there; not those of bridges, tunnels and containers
    part cards
    for d in /sys/class/net/*; do
        case ${d##*/} in lo | docker* | veth* | virbr* | br-* | tun* | tap* | cni* | flannel* | cali* | bonding_masters) continue ;; esac
        if [ -e "$d/address" ]; then
            made=made; if [ -e "$d/device" ]; then made=real; fi
            first "$d/address"; echo "${d##*/} $_first $made"
        fi
    done
    # keys of all kinds of configuration that say how a card gets its address; nothing that may be a password
    part network_files
    lines 'iface |address |auto |allow-hotplug |hwaddress ' /etc/network/interfaces /etc/network/interfaces.d/*
    lines '(DEVICE|NAME|BOOTPROTO|IPADDR[0-9_]*|HWADDR|MACADDR|LLADDR|ONBOOT|STARTMODE|GATEWAY|NM_CONTROLLED)=' /etc/sysconfig/network-scripts/ifcfg-* /etc/sysconfig/network/ifcfg-* /etc/sysconfig/network
    lines '.*(dhcp4:|addresses:|macaddress:|set-name:|en[a-z0-9]+:|gateway4:|match:|renderer:|- *"?[0-9a-fA-F.:]+/[0-9]+)' /etc/netplan/*.yaml /run/netplan/*.yaml
    lines '\[ipv4\]|\[ipv6\]|\[connection\]|method=|address[0-9]*=|addresses=|mac-address=|interface-name=|autoconnect=' /etc/NetworkManager/system-connections/*
    lines '\[[A-Z]|DHCP=|Address=|Gateway=|MACAddress=|Name=' /etc/systemd/network/*.network /etc/systemd/network/*.link
    # an address that is in use but stands in no file may have come from the place itself
    part nic_rules; for f in /etc/udev/rules.d/*persistent-net* /etc/udev/rules.d/*net-name*; do if [ -s "$f" ] && grep -q '^[^#]*SUBSYSTEM' "$f"; then echo "$f"; fi; done
    part shares; awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^(nfs|cifs|smb|ceph|gluster|lustre|beegfs|gpfs|9p|virtiofs)/ || $(i + 1) ~ /^fuse\.(sshfs|s3fs|rclone|glusterfs|goofys|gcsfuse|blobfuse)/) print $5, $(i + 1), $(i + 2) }' /proc/self/mountinfo
    part sshd; lines '(PermitRootLogin|PasswordAuthentication|PubkeyAuthentication|AllowUsers|AllowGroups|DenyUsers|ListenAddress|AuthorizedKeysFile|Match)[[:space:]]' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf | some 4000
    # which accounts have a password for the console, and which have keys; never the passwords or keys themselves
    part console; awk -F: '$2 ~ /^\$|^[A-Za-z0-9.\/][A-Za-z0-9.\/]/ && length($2) > 12 { print $1 }' /etc/shadow 2>/dev/null | head -n 20
    part keyed; awk -F: '$7 !~ /(nologin|false)$/ { print $1 ":" $6 }' /etc/passwd | while IFS=: read -r user home; do if [ -s "$home/.ssh/authorized_keys" ]; then echo "$user"; fi; done | head -n 20
    part tcp_wrappers; lines '(sshd|ALL)[[:space:]]*:' /etc/hosts.deny | some 1000
    # what a firewall lets in is read from its files: asking iptables would load it into the kernel
    part firewall
    MOST=300000 lines ':INPUT |.*(dport|dpt:?|--dports)[[:space:]]+[^#]*(22|ssh)|.*policy drop|-A INPUT -j (DROP|REJECT)' /etc/sysconfig/iptables \
        /etc/iptables/rules.v4 /etc/iptables.rules /etc/nftables.conf /etc/sysconfig/nftables.conf /var/lib/iptables/rules-save | some 6000
    lines 'ENABLED=yes' /etc/ufw/ufw.conf
    lines '.*(22|ssh)' /etc/ufw/user.rules | some 4000
    # servers for names, time and packages that only this place has (addresses of its own network)
    part place_bound
    lines '(server|pool|peer)[[:space:]]+(169\.254\.|10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|metadata|time\.google)' /etc/chrony.conf /etc/chrony/chrony.conf /etc/chrony/conf.d/* /etc/chrony/sources.d/* /etc/ntp.conf
    lines 'NTP=.*(169\.254\.|metadata)' /etc/systemd/timesyncd.conf
    lines '.*(ec2\.archive\.ubuntu|azure\.archive|clouds\.archive|rhui|\.internal[/:]|169\.254\.)' /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/yum.repos.d/*.repo /etc/zypp/repos.d/*.repo | cut -c1-200 | head -n 10
}

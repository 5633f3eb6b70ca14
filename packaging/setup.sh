#!/usr/bin/env bash
# setup.sh run|test|bench|guest|cloud VENV: install what is missing: system packages (by apt where there is one, else they are named), then the virtual environment.
set -euo pipefail
what=$1 venv=$2

# package:what it brings (a program, a shared library or a file) - a package is asked for only when that is missing
run_packages="python3-venv:py:ensurepip qemu-utils:qemu-img qemu-system-x86:qemu-system-x86_64 openssh-client:ssh
 libegl1:lib:libEGL.so.1 libgl1:lib:libGL.so.1 libxkbcommon-x11-0:lib:libxkbcommon-x11.so.0 libdbus-1-3:lib:libdbus-1.so.3
 libfontconfig1:lib:libfontconfig.so.1 libxcb-cursor0:lib:libxcb-cursor.so.0 libxcb-icccm4:lib:libxcb-icccm.so.4
 libxcb-keysyms1:lib:libxcb-keysyms.so.1 libxcb-shape0:lib:libxcb-shape.so.0 libxcb-image0:lib:libxcb-image.so.0
 libxcb-render-util0:lib:libxcb-render-util.so.0 libxcb-xkb1:lib:libxcb-xkb.so.1 libglib2.0-0:lib:libglib-2.0.so.0
 fonts-dejavu-core:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
test_packages="git:git openssh-server:/usr/sbin/sshd vsftpd:/usr/sbin/vsftpd openssl:openssl curl:curl
 ovmf:/usr/share/OVMF/OVMF_CODE_4M.fd rsync:rsync sudo:sudo acl:setfacl attr:setfattr
 libcap2-bin:setcap e2fsprogs:mkfs.ext4 util-linux:unshare busybox-static:busybox tcsh:tcsh fish:fish zsh:zsh opendoas:doas cpio:cpio zstd:zstd lz4:lz4 xz-utils:xz diffutils:cmp xvfb:Xvfb procps:ps
 xfsprogs:mkfs.xfs btrfs-progs:mkfs.btrfs dosfstools:mkfs.vfat fdisk:sfdisk gawk:gawk attr:getfattr qemu-system-common:qemu-storage-daemon"
guest_packages="debootstrap:debootstrap extlinux:extlinux syslinux-common:/usr/lib/syslinux/modules/bios/menu.c32
 libguestfs-tools:guestfish libguestfs-xfs:any:/usr/lib/*/guestfs/supermin.d/zz-packages-xfs linux-image-cloud-amd64:any:/boot/vmlinuz-*
 grub-common:grub-mkimage grub-pc-bin:/usr/lib/grub/i386-pc/boot.img grub-efi-amd64-bin:/usr/lib/grub/x86_64-efi/moddep.lst
 mtools:mcopy lvm2:lvcreate gdisk:sgdisk"
cloud_packages="keystone:/usr/bin/keystone-wsgi-public glance-api:glance-api placement-api:/usr/bin/placement-api
 nova-api:nova-api nova-conductor:nova-conductor nova-scheduler:nova-scheduler nova-compute:nova-compute
 neutron-api:neutron-api neutron-rpc-server:neutron-rpc-server neutron-linuxbridge-agent:neutron-linuxbridge-agent
 neutron-dhcp-agent:neutron-dhcp-agent dnsmasq-base:dnsmasq cinder-api:cinder-api cinder-scheduler:cinder-scheduler
 cinder-volume:cinder-volume swift-proxy:swift-proxy-server swift-account:swift-account-server
 swift-container:swift-container-server swift-object:swift-object-server rabbitmq-server:rabbitmq-server
 mariadb-server-core:mariadbd mariadb-client-core:mariadb python3-pymysql:/usr/lib/python3/dist-packages/pymysql
 uwsgi-core:uwsgi uwsgi-plugin-python3:any:/usr/lib/uwsgi/plugins/python3_plugin.so"
bench_packages="lftp:lftp rclone:rclone"

has() {
  case $1 in
    lib:*) /sbin/ldconfig -p | grep -q "${1#lib:}" ;;
    py:*) python3 -c "import ${1#py:}" 2>/dev/null ;;
    any:*) compgen -G "${1#any:}" >/dev/null ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;;
  esac
}

wanted=$run_packages
[ "$what" = run ] || wanted="$wanted $test_packages"
[ "$what" = bench ] && wanted="$wanted $bench_packages"
[ "$what" = guest ] && wanted="$wanted $guest_packages"
[ "$what" = cloud ] && wanted="$wanted $cloud_packages"
missing=() root=()
for entry in $wanted; do has "${entry#*:}" || missing+=("${entry%%:*}"); done

root=()
if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then root=(sudo); fi

# install PACKAGE ...: by apt, without starting the servers among them: the tests start theirs themselves, on loopback
install() {
  if [ "$(id -u)" != 0 ] && [ ${#root[@]} = 0 ]; then echo "Please run as root: apt-get install $*" >&2; exit 1; fi
  echo "Installing: $*"
  local policy=/usr/sbin/policy-rc.d # invoke-rc.d(8)
  if [ "$what" != run ] && [ ! -e $policy ]; then
    trap '${root[@]+"${root[@]}"} rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | ${root[@]+"${root[@]}"} tee $policy >/dev/null
    ${root[@]+"${root[@]}"} chmod 755 $policy
  fi
  ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "This system has no apt. Please install what Debian calls: ${missing[*]}" >&2
    exit 1
  fi
  ${root[@]+"${root[@]}"} apt-get update -qq
  install "${missing[@]}"
fi

python=
for candidate in python3 python3.13 python3.12 python3.11; do
  if "$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { echo "Sandhopper needs Python 3.11 or newer, with its venv module." >&2; exit 1; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
extra=
[ "$what" = run ] || extra='[dev]'
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e ".$extra"

# unpacked NAME PROGRAM PACKAGE ...: Debian's ProFTPD conflicts with vsftpd, and Pure-FTPd asks for an inetd, but the tests want
# all three: these are only unpacked, beside the environment's programs
unpacked() {
  local place=$venv/$1 program=$2 unpack
  shift 2
  if [ -x "$place/usr/sbin/$program" ] || ! command -v apt-get >/dev/null || has "$program"; then return; fi
  apt-cache show "$@" >/dev/null 2>&1 || ${root[@]+"${root[@]}"} apt-get update -qq
  # shellcheck disable=SC2046 - words are wanted
  install $(apt-cache depends -i "$@" | sed -n 's/.*Depends: \(lib[^ :<>]*\)$/\1/p' | sort -u)
  unpack=$(mktemp -d)
  (cd "$unpack" && apt-get download -qq "$@")
  for package in "$unpack"/*.deb; do dpkg -x "$package" "$place"; done
  rm -rf "$unpack"
}
if [ "$what" != run ]; then
  unpacked proftpd proftpd proftpd-core proftpd-mod-crypto
  unpacked pure-ftpd pure-ftpd pure-ftpd
fi

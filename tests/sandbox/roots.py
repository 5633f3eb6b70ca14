# ruff: noqa: E501 - lines of other programs' files
"""Small real roots of well-known systems: what their installers write, with start-up images packed by real programs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers import need

VIRTIO = ("virtio_blk", "virtio_pci", "virtio_scsi", "virtio_net", "ahci", "sd_mod")
XEN = ("xen-blkfront", "nvme")
PACKERS = {
    "gzip": ("gzip", "-c"), "zstd": ("zstd", "-q", "-c"), "xz": ("xz", "--check=crc32", "-c"),
    "lz4": ("lz4", "-l", "-c"), "bzip2": ("bzip2", "-c"), "plain": ("cat",),
}  # fmt: skip


def put(root: Path, files: dict[str, str]) -> None:
    """Write *files* below *root*."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def initramfs(root: Path, name: str, version: str, drivers: tuple[str, ...], packer: str, early: int = 0) -> None:
    """A start-up image at *name*: *early* plain archives of processor code, then the packed one with *drivers*."""
    inside = root.parent / f"{root.name}-{Path(name).name}"
    where = f"usr/lib/modules/{version}/kernel/drivers"
    put(inside, {f"{where}/{driver}.ko.xz": "x" * 4000 for driver in drivers} | {"init": "#!/bin/sh\n"})
    packed = subprocess.run([need(PACKERS[packer][0]), *PACKERS[packer][1:]], input=_cpio(inside), capture_output=True)
    code = root.parent / f"{root.name}-ucode{early}"
    put(code, {"kernel/x86/microcode/GenuineIntel.bin": "\x1f\x7f" * 3000, "early_cpio": "1\n"})
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join([_cpio(code)] * early) + packed.stdout)
    (file.parent / f"vmlinuz-{version}").write_bytes(b"MZ kernel")


def _cpio(folder: Path) -> bytes:
    names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    made = subprocess.run(
        [need("cpio"), "-o", "-H", "newc", "--quiet"], cwd=folder, input=names.encode(), capture_output=True, check=True
    )
    return made.stdout


def debian(root: Path) -> None:
    """Debian 12 as a cloud delivers it: GRUB by UUID, netplan by DHCP."""
    put(root, {
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nID=debian\n',
        "boot/grub/grub.cfg": "menuentry 'Debian' {\n\tlinux /boot/vmlinuz-6.1.0-9 root=UUID=1-2-3 ro\n}\n",
        "etc/default/grub": 'GRUB_CMDLINE_LINUX="console=ttyS0"\n',
        "etc/netplan/50-cloud-init.yaml": "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n",
    })  # fmt: skip
    initramfs(root, "boot/initrd.img-6.1.0-9", "6.1.0-9", VIRTIO, "zstd", early=2)


def ubuntu(root: Path) -> None:
    """Ubuntu with two kernels, one without virtio, a fixed address on a card called ens5, root by its place."""
    put(root, {
        "etc/os-release": 'PRETTY_NAME="Ubuntu 20.04.6 LTS"\nNAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n',
        "boot/grub/grub.cfg": "\tlinux /boot/vmlinuz-5.4.0-1 root=UUID=1 ro\n\tlinux /boot/vmlinuz-5.4.0-2 root=/dev/xvda1 ro\n",
        "etc/netplan/01.yaml": "network:\n  ethernets:\n    ens5:\n      addresses:\n        - 10.0.0.5/24\n"
        "      match: {macaddress: 'fa:16:3e:00:11:22'}\n",
        "etc/cloud/cloud.cfg": "datasource_list: [ Ec2 ]\n",
    })  # fmt: skip
    initramfs(root, "boot/initrd.img-5.4.0-1", "5.4.0-1", VIRTIO, "lz4", early=1)
    initramfs(root, "boot/initrd.img-5.4.0-2", "5.4.0-2", XEN, "lz4", early=1)


def centos6(root: Path) -> None:
    """CentOS 6: no os-release, GRUB Legacy, HWADDR, udev's persistent names."""
    put(root, {
        "etc/redhat-release": "CentOS release 6.5 (Final)\n",
        "boot/grub/grub.conf": "default=0\ntitle CentOS\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.32-431 ro root=/dev/sda2 rhgb\n",
        "etc/sysconfig/network-scripts/ifcfg-eth0": 'DEVICE="eth0"\nBOOTPROTO="static"\nIPADDR=10.1.2.3\nHWADDR=02:00:0A:01:02:03\n',
        "etc/udev/rules.d/70-persistent-net.rules": 'SUBSYSTEM=="net", ATTR{address}=="02:00", NAME="eth0"\n',
        "etc/sysconfig/iptables": ":INPUT ACCEPT [0:0]\n-A INPUT -s 10.1.0.0/16 -p tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT\n",
    })  # fmt: skip
    initramfs(root, "boot/initramfs-2.6.32-431.img", "2.6.32-431", ("ata_piix", "sd_mod"), "gzip")


def rocky9(root: Path) -> None:
    """Rocky 9: BLS entries, dracut's image behind an early one, a NetworkManager key file with a fixed address."""
    put(root, {
        "etc/os-release": 'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9.4"\n',
        "boot/loader/entries/a-5.14.0-427.conf": "title Rocky\nlinux /vmlinuz-5.14.0-427\noptions root=/dev/vda2 ro resume=/dev/vda3\n",
        "boot/grub2/grub.cfg": "set default=0\n",
        "etc/NetworkManager/system-connections/eth0.nmconnection": "[connection]\nid=eth0\ninterface-name=enp1s0\n"
        "[wifi-security]\npsk=very-secret-word\n[ipv4]\nmethod=manual\naddress1=192.168.1.9/24\n",
    })  # fmt: skip
    initramfs(root, "boot/initramfs-5.14.0-427.img", "5.14.0-427", VIRTIO, "gzip", early=1)


def suse(root: Path) -> None:
    """SUSE 15: wicked, an image packed by xz."""
    put(root, {
        "etc/os-release": 'NAME="SLES"\nID="sles"\nID_LIKE="suse"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP5"\n',
        "boot/grub2/grub.cfg": "\tlinux /boot/vmlinuz-5.14.21-default root=UUID=1 resume=/dev/sda3\n",
        "etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO='static'\nIPADDR='192.168.7.7/24'\nSTARTMODE='auto'\n",
        "etc/zypp/credentials.d/SCCcredentials": "username=x\n",
    })  # fmt: skip
    initramfs(root, "boot/initrd-5.14.21-default", "5.14.21-default", VIRTIO, "xz")


def alpine(root: Path) -> None:
    """Alpine: EXTLINUX, one kernel called lts."""
    put(root, {
        "etc/os-release": 'NAME="Alpine Linux"\nID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\n',
        "etc/alpine-release": "3.20.1\n",
        "boot/extlinux.conf": "LABEL lts\n  LINUX vmlinuz-lts\n  APPEND root=UUID=1 modules=sd-mod\n",
        "etc/network/interfaces": "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n",
    })  # fmt: skip
    initramfs(root, "boot/initramfs-lts", "lts", VIRTIO, "gzip")


def arch(root: Path) -> None:
    """Arch: systemd-boot, networkd, mkinitcpio's names, an image that is not packed at all."""
    put(root, {
        "etc/os-release": 'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\n',
        "boot/loader/loader.conf": "default arch\n",
        "boot/loader/entries/arch.conf": "title Arch\nlinux /vmlinuz-linux\noptions root=PARTUUID=1 rw\n",
        "etc/systemd/network/20.network": "[Match]\nName=en*\n[Network]\nDHCP=yes\n",
    })  # fmt: skip
    initramfs(root, "boot/initramfs-linux.img", "linux", VIRTIO, "plain")


def unknown(root: Path) -> None:
    """A system that nobody here has heard of, whose start-up image is packed in its own way; no boot loader."""
    put(root, {"etc/os-release": 'NAME="Hobbix"\nID=hobbix\nPRETTY_NAME="Hobbix 1"\n', "boot/vmlinuz-1.0": "x"})
    put(root, {"boot/initrd-1.0": "no archive at all"})


def hostile(root: Path) -> None:
    """Files that lie, shout and never end."""
    debian(root)
    put(root, {
        "etc/os-release": 'NAME="\x1b[31mRed\x07"\nID=debian\nPRETTY_NAME="\x1b]0;owned\x07Debian \u202e12"\n\n--0 end\n',
        "etc/default/grub": "GRUB_CMDLINE_LINUX=" + "x" * 3_000_000,
        "etc/hostname": "\x1b[2J\n",
    })  # fmt: skip
    odd = root / "etc/netplan/new\nline \x1b[31m.yaml"
    odd.write_bytes(b"      addresses: [10.0.0.1/8]\n\xff\xfe\x00\x1b[2J\n")

# ruff: noqa: E501, ISC004 - what consoles print is kept on the lines on which it was printed
"""What consoles of many systems say, and what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.disk.verdicts import SENTENCES, clean, judge, reasons, spoke

SAID = {
    "debian": ("login", "Debian GNU/Linux 12 sandbox-01 ttyS0\n\nsandbox-01 login: "),
    "kernel talks behind the prompt": ("login", "box login: [   61.2] random: crng init done\n"),
    "more talk after the prompt": ("login", "box login: \n[   61.2] cloud-init[611]: finished at 12:00\n"),
    "centos 6": ("login", "CentOS release 6.5 (Final)\nKernel 2.6.32-431.el6.x86_64 on an x86_64\n\nsandbox login: "),
    "freebsd": ("login", "FreeBSD/amd64 (box) (ttyu0)\n\nlogin: "),
    "alpine": ("login", "Welcome to Alpine Linux 3.19\nKernel 6.6.7-0-virt on an x86_64 (/dev/ttyS0)\n\nlocalhost login: "),
    "autologin": ("login", "box login: root (automatic login)\n\nroot@box:~# "),
    "name with dots": ("login", "vm-1.data.example.org login:"),
    "logind is no login": ("", "[  OK  ] Started systemd-logind.service - User Login Management.\n"),
    "last login is no prompt": ("", "Last login: Thu Jan  1 00:00:00 on ttyS0\n"),
    "getty is no login yet": ("", "[  OK  ] Reached target getty.target - Login Prompts.\n"),
    "network wait is no failure": ("", "[ ***  ] A start job is running for Wait for Network to be Configured (1min / 2min)"),
    "failed unit is no failure": ("", "[FAILED] Failed to start networking.service - Raise network interfaces.\n"),
    "login in spite of failed units": ("login", "[FAILED] Failed to start foo.service.\n\nbox login: "),
    "emergency, root locked": (
        "emergency",
        'You are in emergency mode. After logging in, type "journalctl -xb" to view\nsystem logs\n'
        "Cannot open access to console, the root account is locked.\nPress Enter to continue.",
    ),
    "emergency of centos 7": ("emergency", "Welcome to emergency mode! After logging in, type\nGive root password for maintenance\n"),
    "fsck of centos 6": ("emergency", "*** An error occurred during the file system check.\nGive root password for maintenance\n(or type Control-D to continue): "),
    "initramfs-tools": ("initramfs", "ALERT!  /dev/sda1 does not exist.  Dropping to a shell!\n\nBusyBox v1.35.0\n(initramfs) "),
    "dracut": ("initramfs", "Warning: /dev/disk/by-uuid/12 does not exist\n\nGenerating run/initramfs/rdsosreport.txt\n\nEntering emergency mode. Exit the shell to continue.\ndracut:/# "),
    "alpine's initramfs": ("initramfs", "Mounting root: failed.\ninitramfs emergency recovery shell launched. Type 'exit' to continue boot\n"),
    "panic": ("panic", "[ 1.9] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n[ 1.9] CPU: 0 PID: 1\n"),
    "grub rescue": ("bootloader", "error: no such partition.\nEntering rescue mode...\ngrub rescue> "),
    "grub without its files": ("bootloader", "GNU GRUB  version 2.06\n\n   Minimal BASH-like line editing is supported.\n\ngrub> "),
    "grub without a kernel": ("bootloader", "error: file `/boot/vmlinuz' not found.\n\nPress any key to continue..."),
    "windows loader": ("bootloader", "BOOTMGR is missing\nPress Ctrl+Alt+Del to restart"),
    "seabios": ("no-boot-device", "SeaBIOS (version 1.16.2)\nBooting from Hard Disk...\nBoot failed: not a bootable disk\n\nNo bootable device.\n"),
    "ovmf": ("no-boot-device", "BdsDxe: failed to load Boot0001: Not Found\nBdsDxe: No bootable option or device was found.\n"),
    "efi shell": ("no-boot-device", "UEFI Interactive Shell v2.2\nShell> "),
    "panic, then a good start": ("login", "Kernel panic - not syncing: x\nRebooting in 10 seconds..\nbox login: "),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize("who", SAID)
def test_what_was_said(who: str) -> None:
    verdict, text = SAID[who]
    assert judge(clean(text.encode())) == verdict
    assert judge(clean(text.replace("\n", "\r\n").encode())) == verdict
    assert verdict in ("", *SENTENCES)


def test_colours_and_garbage_do_not_hide_it() -> None:
    raw = b"\x1b[2J\x1b[1;1H\x1b[?7l\xff\xfe\x00[\x1b[0;32m  OK  \x1b[0m] Started\r\n\x1b]0;title\x07box login: "
    assert judge(clean(raw)) == "login"
    assert "\x1b" not in clean(raw)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[ TIME ] Timed out waiting for device /dev/disk/by-uuid/12-34.",
            "It waited for the disk /dev/disk/by-uuid/12-34, which is not part of this image.",
        ),
        (
            r"[ TIME ] Timed out waiting for device dev-disk-by\x2duuid-12\x2d34.device - /dev/disk/by-uuid/12-34.",
            "It waited for the disk /dev/disk/by-uuid/12-34, which is not part of this image.",
        ),
        (
            r"[ TIME ] Timed out waiting for device dev-disk-by\x2duuid-12\x2d34.device.",
            "It waited for the disk /dev/disk/by-uuid/12-34, which is not part of this image.",
        ),
        ("[DEPEND] Dependency failed for application.mount - /application.", "So /application could not be mounted."),
        ("[DEPEND] Dependency failed for /application.", "So /application could not be mounted."),
        ("ALERT!  UUID=1-2 does not exist.  Dropping to a shell!", "It looked for its root disk UUID=1-2 and did not find it."),
        ("error: file `/boot/vmlinuz' not found.", "The boot loader said: file `/boot/vmlinuz' not found."),
        ("Cannot open access to console, the root account is locked.", "Nobody can log in at its console there, because root is locked."),
    ],
)  # fmt: skip
def test_reasons(text: str, sentence: str) -> None:
    assert reasons(text) == [sentence]


def test_reasons_are_few_and_in_order() -> None:
    text = "\n".join(f"Timed out waiting for device /dev/vd{letter}." for letter in "bcdefg")
    assert [r.split()[5] for r in reasons(text)] == ["/dev/vdb,", "/dev/vdc,", "/dev/vdd,"]


def test_the_firmware_alone_is_silence() -> None:
    assert not spoke("SeaBIOS (version 1.16.2-debian)\nMachine UUID 1\nBooting from Hard Disk...\n")
    assert spoke("Booting from Hard Disk...\nGRUB loading.\n")


@given(st.binary(max_size=3000))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    text = clean(raw)
    assert judge(text) in ("", *SENTENCES)
    reasons(text)
    assert all(letter.isprintable() or letter in "\n\t" for letter in text)

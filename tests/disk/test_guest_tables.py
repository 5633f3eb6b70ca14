"""How the copy's fstab, crypttab and boot loader are rewritten: pure text."""

from __future__ import annotations

import pytest

from app.disk.guest import tables, traces
from app.disk.guest.console import with_serial
from app.disk.guest.system import FileSystem, System

ROOT = FileSystem("/dev/sda1", "ext4", "aaaa-1", "rootfs", "sig-01", number=1)
SWAP = FileSystem("/dev/sda2", "swap", "bbbb-2", "", "sig-02", number=2)
HOME = FileSystem("/dev/sda3", "xfs", "cccc-3", "homes", "sig-03", number=3)
VOLUME = FileSystem("/dev/vg-a/data", "ext4", "dddd-4")
SYSTEM = System(root="/dev/sda1", mounts={"/": "/dev/sda1"}, filesystems=(ROOT, SWAP, HOME, VOLUME), systemd=True)


def both(text: str, hint: str = "") -> str:
    after = tables.by_uuid(text, tables.judge(text, SYSTEM, hint))
    return tables.unhurried(after, tables.judge(after, SYSTEM, hint))


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("/dev/vda1  /\text4 errors=remount-ro 0 1", "UUID=aaaa-1  /\text4 errors=remount-ro 0 1"),
        ("/dev/xvda2 none swap sw 0 0", "UUID=bbbb-2 none swap sw 0 0"),
        ("/dev/disk/by-path/pci-0000:00:04.0-part1 / ext4 defaults 0 1", "UUID=aaaa-1 / ext4 defaults 0 1"),
        ("UUID=AAAA-1 / ext4 defaults 0 1", "UUID=AAAA-1 / ext4 defaults 0 1"),
        ("LABEL=homes /home xfs defaults 0 0", "LABEL=homes /home xfs defaults 0 0"),
        ("/dev/mapper/vg--a-data /data ext4 defaults 0 2", "/dev/mapper/vg--a-data /data ext4 defaults 0 2"),
        ("/dev/vg-a/data /data ext4 defaults 0 2", "/dev/vg-a/data /data ext4 defaults 0 2"),
        ("UUID=none-here /d ext4 defaults 0 2", f"UUID=none-here /d ext4 nofail,{tables.TIMEOUT} 0 2"),
        ("/dev/vdb1 /d ext4 rw,noatime 0 2", f"/dev/vdb1 /d ext4 rw,noatime,nofail,{tables.TIMEOUT} 0 2"),
        ("/dev/vdb1 /d ext4", f"/dev/vdb1 /d ext4 nofail,{tables.TIMEOUT}"),
        ("UUID=none-here /d ext4 noauto 0 0", "UUID=none-here /d ext4 noauto 0 0"),
        ("UUID=none-here /d ext4 nofail 0 0", "UUID=none-here /d ext4 nofail 0 0"),
        ("server:/x /n nfs4 rw 0 0", "server:/x /n nfs4 rw,nofail 0 0"),
        ("tmpfs /tmp tmpfs defaults 0 0", "tmpfs /tmp tmpfs defaults 0 0"),
        ("/dev/sr0 /media/cdrom iso9660 user,noauto 0 0", "/dev/sr0 /media/cdrom iso9660 user,noauto 0 0"),
        ("# /dev/vdb1 /d ext4 defaults 0 2", "# /dev/vdb1 /d ext4 defaults 0 2"),
        ("UUID=gone /usr ext4 defaults 0 2", "UUID=gone /usr ext4 defaults 0 2"),
    ],
)
def test_one_line(line: str, after: str) -> None:
    text = f"# first\n\n{line}\n"
    assert both(text) == f"# first\n\n{after}\n"


def test_the_first_disk_of_the_sandbox_need_not_be_the_root_disk() -> None:
    text = "/dev/sdb1 / ext4 defaults 0 1\n/dev/sda1 /application ext4 defaults 0 2\n/dev/sdb3 /home xfs defaults 0 2\n"
    assert both(text) == (
        f"UUID=aaaa-1 / ext4 defaults 0 1\n/dev/sda1 /application ext4 nofail,{tables.TIMEOUT} 0 2\n"
        "UUID=cccc-3 /home xfs defaults 0 2\n"
    )


def test_the_merge_knows_what_the_root_was_called() -> None:
    text = "UUID=aaaa-1 / ext4 defaults 0 1\n/dev/sdb3 /home xfs defaults 0 2\n"
    assert "UUID=cccc-3 /home" in both(text, hint="/dev/sdb1")
    assert "/dev/sdb3 /home xfs nofail" in both(text)


def test_another_kind_of_file_system_is_another_disk() -> None:
    assert "/dev/sda3 /d ext4 nofail" in both("/dev/sda1 / ext4 defaults 0 1\n/dev/sda3 /d ext4 defaults 0 2\n")


def test_a_second_line_for_one_file_system_means_another_disk() -> None:
    text = "/dev/sda3 /home xfs defaults 0 2\n/dev/vda3 /srv xfs defaults 0 2\n"
    assert both(text).count("UUID=cccc-3") == 1


def test_what_is_bound_from_a_disk_that_stays_behind() -> None:
    text = "UUID=gone /data ext4 defaults 0 2\n/data/homes /home none bind 0 0\n/srv/x /x none bind 0 0\n"
    assert "/home none bind,nofail 0 0" in both(text)
    assert "/x none bind 0 0" in both(text)


def test_a_disk_that_travels_along_is_waited_for_and_named_by_what_stays() -> None:
    text = "/dev/vdb1 /my\\040data ext4 defaults 0 2\n/my\\040data/x /x none bind 0 0\nUUID=gone /d ext4 defaults 0 2\n"
    judged = tables.judge(text, SYSTEM, along={"/my data": "eeee-5"})
    after = tables.by_uuid(text, judged)
    assert after.split("\n")[0] == "UUID=eeee-5 /my\\040data ext4 defaults 0 2"
    after = tables.unhurried(after, tables.judge(after, SYSTEM, along={"/my data": "eeee-5"}))
    assert [("nofail" in line) for line in after.split("\n")] == [False, False, True, False]


def test_of_a_disk_that_travels_along_without_a_known_name_nothing_is_touched() -> None:
    text = "/dev/vdb1 /data ext4 defaults 0 2\n"
    judged = tables.judge(text, SYSTEM, along={"/data": ""})
    assert tables.by_uuid(text, judged) == tables.unhurried(text, judged) == text


def test_without_systemd_only_what_mount_itself_knows() -> None:
    text = "/dev/vdb1 /d ext4 defaults 0 2"
    assert tables.unhurried(text, tables.judge(text, SYSTEM), systemd=False) == "/dev/vdb1 /d ext4 nofail 0 2"


@pytest.mark.parametrize(
    "text", ["", "\n", "one\n", "\x00\xff / \n", "/dev/ / x\n", "UUID= / a b c d e f g\n", "= = ="]
)
def test_nonsense_stays_as_it_is(text: str) -> None:
    after = both(text)
    assert after == text


def test_no_byte_is_lost() -> None:
    text = b"# caf\xe9\r\n/dev/vda1 / ext4 defaults 0 1\r\n\xff\xfe".decode("utf-8", "surrogateescape")
    after = both(text).encode("utf-8", "surrogateescape")
    assert after == b"# caf\xe9\r\nUUID=aaaa-1 / ext4 defaults 0 1\r\n\xff\xfe"


def test_volumes_to_unlock_that_stay_behind() -> None:
    text = "# c\nhere UUID=dddd-4 none luks\ngone UUID=9999 none luks,discard\nbare /dev/vdb1\n"
    after = tables.crypttab(text, SYSTEM)
    assert (
        after
        == "# c\nhere UUID=dddd-4 none luks\ngone UUID=9999 none luks,discard,nofail\nbare /dev/vdb1 none luks,nofail\n"
    )


def test_kernel_lines() -> None:
    text = "set root='hd0,msdos1'\n linux /vmlinuz root=/dev/vda1 ro resume=/dev/vda2\n x.root=/dev/vda1\n"
    after = tables.kernel_lines(text, SYSTEM, initrd=True)
    assert " root=UUID=aaaa-1 ro resume=UUID=bbbb-2\n x.root=/dev/vda1\n" in after
    assert "set root='hd0,msdos1'" in after
    assert "root=PARTUUID=sig-01" in tables.kernel_lines(text, SYSTEM, initrd=False)
    assert tables.kernel_lines("root=/dev/mapper/vg-root", SYSTEM, initrd=True) == "root=/dev/mapper/vg-root"
    assert tables.kernel_lines("root=/dev/vda3", SYSTEM, initrd=True) == "root=/dev/vda3"  # that is not the root


def test_a_grub_environment_keeps_its_length() -> None:
    before = ("# GRUB Environment Block\nkernelopts=root=/dev/vda1 ro\n").ljust(1024, "#")
    after = tables.grubenv(tables.kernel_lines(before, SYSTEM, initrd=True), before)
    assert len(after) == 1024
    assert "root=UUID=aaaa-1" in after
    full = before.rstrip("#").ljust(1023, "x") + "#"
    assert tables.grubenv(tables.kernel_lines(full, SYSTEM, initrd=True), full) == full


def test_lines_that_the_merge_took_out() -> None:
    text = "a\n#sandhopper-j1# UUID=1 /application ext4 defaults 0 2\n#sandhopper-j10# x\n# sandhopper-j1# y\n"
    assert traces.without_marked(text, "j1") == "a\n#sandhopper-j10# x\n# sandhopper-j1# y\n"


@pytest.mark.parametrize(
    ("path", "text", "after"),
    [
        (
            "/x/grub.cfg",
            "\tlinux /v root=UUID=a ro quiet\n",
            "\tlinux /v root=UUID=a ro quiet console=ttyS0,115200n8 console=tty0\n",
        ),
        (
            "/x/grub.cfg",
            "\tlinux /v root=a console=tty0 ro\n",
            "\tlinux /v root=a console=ttyS0,115200n8 console=tty0 ro\n",
        ),
        ("/x/grub.cfg", "linux /v root=a console=ttyS0\n", "linux /v root=a console=ttyS0\n"),
        ("/x/grub.cfg", "set linux=1\nlinux /memtest\n", "set linux=1\nlinux /memtest\n"),
        (
            "/x/e.conf",
            "title a\noptions root=a ro\n",
            "title a\noptions root=a ro console=ttyS0,115200n8 console=tty0\n",
        ),
        ("/etc/default/grub", 'GRUB_CMDLINE_LINUX=""\n', 'GRUB_CMDLINE_LINUX="console=ttyS0,115200n8 console=tty0"\n'),
        ("/etc/kernel/cmdline", "root=a\n", "root=a console=ttyS0,115200n8 console=tty0\n"),
    ],
)
def test_the_serial_console(path: str, text: str, after: str) -> None:
    assert with_serial(text, path) == after
    assert with_serial(after, path) == after

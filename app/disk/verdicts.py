"""What a starting machine's own words mean: a login, or where and why it stopped."""

from __future__ import annotations

import re

from app.units import plain

OK = "login"
SENTENCES = {
    "login": "The machine starts and asks for a login.",
    "emergency": "The system starts, but stops in emergency mode before a login.",
    "initramfs": "The kernel starts, but does not find its root disk.",
    "panic": "The kernel stopped with a panic.",
    "bootloader": "The boot loader starts, but cannot load the system.",
    "no-boot-device": "The firmware found nothing to start from on this disk.",
    "silent": "The disk was started, but showed nothing on its serial line or its screen: its boot code may hang.",
    "timeout": "No login was shown in time.",
}
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_]|[ -/][0-~])")  # ECMA-48
_CUT_ANSI = re.compile(r"\x1b\[[0-9;]*(?=…)")  # systemd shortens long lines in the middle of a colour
_SIGNS = tuple(
    (verdict, re.compile(sign, re.MULTILINE | re.IGNORECASE))
    for verdict, sign in (
        ("login", r"^(?!.*\blast login)[^\n\[\]]{0,64}?\blogin: *(?:\[ *\d|[^ \n]{0,32}$)"),
        ("login", r"^[\w.-]+@[\w.-]+:[^\n]{0,40}[#$] ?\Z"),
        (
            "emergency",
            r"^.*(?:you are in (?:emergency|rescue) mode|give root password for maintenance|welcome to emergency)",
        ),
        ("emergency", r"cannot open access to console, the root account is locked"),
        ("emergency", r"entering emergency mode"),
        ("initramfs", r"^\(initramfs\)|^dracut:.*# ?|dropping to a shell!|dropped into (?:an )?emergency shell"),
        ("initramfs", r"^(?:initramfs|mkinitfs) emergency recovery shell|^\[rootfs .*\]# ?$"),
        ("panic", r"kernel panic - not syncing"),
        ("bootloader", r"^grub rescue>|^grub> ?|entering rescue mode\.\.\."),
        ("bootloader", r"^error: (?:no such|file|unknown filesystem|disk|symbol|attempt|you need to load)[^\n]*"),
        ("bootloader", r"(?:missing operating system|operating system not found|no active partition|ntldr is missing)"),
        ("bootloader", r"bootmgr is missing|failed to load (?:ldlinux|com32)|could not find kernel image"),
        ("no-boot-device", r"no bootable (?:device|option)|not a bootable disk|uefi interactive shell|^shell> ?"),
    )
)
_FIRMWARE_LINES = re.compile(
    r"^(?:SeaBIOS|Machine UUID|iPXE|Booting from|Press |BdsDxe: (?:loading|starting)|Boot failed|UEFI firmware).*$",
    re.MULTILINE,
)
_MISSING = "It waited for the disk {}, which is not part of this image."
_NO_ROOT = "It looked for its root disk {} and did not find it."
_REASONS = tuple(
    (re.compile(sign, re.MULTILINE), words)
    for sign, words in (
        (r"Timed out waiting for device\s+(?:\S+ - )?(\S+?)\.?$", _MISSING),
        (r"[Aa] start job is running for (/dev/\S+|dev-\S+)", _MISSING),
        (r"Gave up waiting for (?:the )?root (?:file system )?device", "It gave up waiting for its root disk."),
        (r"Dependency failed for (?:\S+\.mount - )?(/\S*?)\.?$", "So {} could not be mounted."),
        (r"ALERT!\s+(\S+) does not exist", _NO_ROOT),
        (r"Warning: (/dev/\S+) does not exist", _NO_ROOT),
        (r"Unable to mount root fs on (\S+)", "The kernel could not mount the root disk ({})."),
        (r"Kernel panic - not syncing: (.{1,120})", "The kernel said: {}."),
        (r"^error: (.{1,120}?)\.?$", "The boot loader said: {}."),
        (r"the root account is locked", "Nobody can log in at its console there, because root is locked."),
        (r"(?:not a bootable disk)", "The disk has no boot code."),
        (r"BdsDxe: [Ff]ailed to (?:load|start) \S+ (.{1,80}?)(?: from|:)", "The firmware could not start {}."),
    )
)  # fmt: skip


def clean(raw: bytes) -> str:
    """Console bytes as plain text: no colours, no control characters, overwritten lines kept as lines."""
    text = _CUT_ANSI.sub("", _ANSI.sub("", raw.decode("utf-8", "replace")))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(c for c in line if c.isprintable() or c == "\t").rstrip(" \t") for line in lines)


def judge(text: str) -> str:
    """The verdict that *text* tells, "" while it tells none; what was said last counts."""
    last, said = -1, ""
    for verdict, sign in _SIGNS:
        for match in sign.finditer(text):
            if match.start() > last:
                last, said = match.start(), verdict
    return said


def spoke(text: str) -> bool:
    """Whether anything beyond the firmware has said a word."""
    return bool(_FIRMWARE_LINES.sub("", text).strip())


def reasons(text: str) -> list[str]:
    """Sentences on what was missing, in the order in which the machine complained; three at the most."""
    found: dict[str, int] = {}
    for sign, words in _REASONS:
        for match in sign.finditer(text):
            sentence = words.format(*(_device(group) for group in match.groups()))
            found.setdefault(sentence, match.start())
    return sorted(found, key=lambda sentence: found[sentence])[:3]


def tail(text: str, count: int = 25) -> str:
    """The last *count* lines of a console that say anything, as the report shows them."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(plain(line)[:200] for line in lines[-count:])


def _device(name: str) -> str:
    """A path out of systemd's name of a unit: `dev-disk-by\\x2duuid-1.device` is `/dev/disk/by-uuid/1`."""
    if not name.startswith("dev-"):
        return name
    path = "/" + name.removesuffix(".device").replace("-", "/")
    return re.sub(r"\\x([0-9a-f]{2})", lambda hexed: chr(int(hexed[1], 16)), path)

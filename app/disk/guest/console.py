"""Start-up messages and a login on the serial line as well, where a cloud shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.disk.guest import tables
from app.disk.guest.change import Change
from app.disk.guest.disks import loader_files, rewritten
from app.disk.guest.files import Guest
from app.disk.guest.system import System

SERIAL, SCREEN = "console=ttyS0,115200n8", "console=tty0"
_KERNEL = re.compile(
    r"^(\s*(?:linux(?:16|efi)?|kernel|options|append)\s+.*(?<![\w.-])root=.*)$", re.IGNORECASE | re.MULTILINE
)
_DEFAULT = re.compile(r"""^(\s*GRUB_CMDLINE_LINUX=)(["']?)(.*?)(\2)[ \t]*$""", re.MULTILINE)
_GETTY = "S0:2345:respawn:/sbin/agetty -L 115200 ttyS0 vt102"


def with_serial(text: str, path: str = "") -> str:
    """Kernel command lines with both consoles; the screen stays the last, which is the main one (the kernel's rule)."""
    if path.endswith("/grub"):
        return _DEFAULT.sub(lambda f: f"{f[1]}{f[2] or chr(34)}{_more(f[3])}{f[2] or chr(34)}", text)
    if path.endswith("/grubenv"):
        after = re.sub(r"^(kernelopts=.*)$", lambda f: _more(f[1]), text, flags=re.MULTILINE)
        return tables.grubenv(after, text)
    if path.endswith("/cmdline"):
        return _more(text.rstrip("\n")) + "\n"
    return _KERNEL.sub(lambda found: _more(found[1]), text)


def _more(line: str) -> str:
    if "console=ttyS" in line:
        return line
    if SCREEN in line:
        return line.replace(SCREEN, f"{SERIAL} {SCREEN}", 1)
    return f"{line.rstrip()} {SERIAL} {SCREEN}" if line.strip() else f"{SERIAL} {SCREEN}"


def on_serial(guest: Guest, system: System) -> Iterator[Change]:
    """Add the serial console to the boot loader; without systemd, which sees that by itself, a login as well."""
    for path in loader_files(guest):
        before = guest.text(path)
        after = with_serial(before, path)
        yield from rewritten(
            guest, path, before, after, "console", "Start-up messages are shown on the serial line as well"
        )
    inittab = guest.text("/etc/inittab")
    if not system.systemd and "respawn" in inittab and not re.search(r"^[^#\n]*ttyS0", inittab, re.MULTILINE):
        after = f"{inittab.rstrip()}\n{_GETTY}\n"
        if guest.file("/sbin/agetty"):
            yield from rewritten(
                guest, "/etc/inittab", inittab, after, "console", "A login is offered on the serial line"
            )

"""Take out of the copy what its owner decided to keep back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from app.disk.guest.change import Change
from app.disk.guest.files import Guest
from app.disk.guest.globs import Finder
from app.disk.guest.shell import Refused
from app.disk.guest.system import System

if TYPE_CHECKING:
    from app.disk.guest.apply import Act

SHOWN = 12  # paths that one change names; the rest are counted
_UNIT = "/etc/systemd/system/sandhopper-host-keys.service"
_UNIT_TEXT = """# Written by Sandhopper: a copy makes its own SSH identity when it first starts.
[Unit]
Description=Make this machine's own SSH host keys
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
Before=ssh.service sshd.service ssh.socket
After=local-fs.target systemd-random-seed.service
DefaultDependencies=no
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target ssh.service sshd.service
"""


def clean(guest: Guest, system: System, acts: Sequence[Act]) -> Iterator[Change]:
    """Do each act; what could not be done is a change of grade `care`, so that nobody believes it was."""
    finder = Finder(guest)
    done: dict[str, list[str]] = {}
    for act in acts:
        if act.then == "host-keys" and not _makes_host_keys(guest, system):
            yield Change("clean", "The SSH identity stays: this system could not make itself a new one.", grade="care")
            continue
        yield from _one(guest, finder, act, done.setdefault(act.why, []))
    for why, paths in done.items():
        if paths:
            yield Change("clean", f"Taken out of the copy: {_few(paths)}. {why}", _few(paths), "")
    for shown, why in finder.refused.items():
        yield Change("left", f"{shown} leads to another place, which was not looked into.", why, grade="care")


def _one(guest: Guest, finder: Finder, act: Act, gone: list[str]) -> Iterator[Change]:
    """Do one act; *gone* is what it took."""
    found = finder.find(act.path) if act.glob else finder.literal(act.path)
    if not act.glob and (why := finder.refused.pop(act.path.rpartition("/")[0], "")):
        yield Change("clean", f"{act.path} could not be taken out of the copy.", why, grade="care")
    for shown, real in found:
        before = len(gone)
        try:
            gone.extend(_do(guest, finder, act, shown, real))
        except Refused as exc:
            yield Change("clean", f"{shown} could not be taken out of the copy.", exc.message, grade="care")
        if len(gone) != before:
            finder.forget(real)


def _few(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more


def _do(guest: Guest, finder: Finder, act: Act, shown: str, real: str) -> Iterator[str]:
    found = guest.lstat(real)
    if found and found.is_link and act.act == "empty":
        try:
            real = guest.real(real, strict=True)
        except Refused as exc:
            finder.refused[shown] = exc.message
            return
        found = guest.lstat(real)
    if not found or (act.spares(shown) and not found.is_folder):
        return
    if act.act == "remove":
        yield from _remove(guest, finder, act, shown, real)
    elif act.act == "empty" and found.is_folder:
        for name in guest.names(real):
            yield from _remove(guest, finder, act, f"{shown}/{name}", f"{real}/{name}")
    elif act.act == "truncate":
        yield from _truncate(guest, shown, real)
    elif act.act == "lock" and found.is_file:
        before = guest.text(real)
        if (after := locked(before)) != before:
            guest.write(real, after)
            yield shown


def _remove(guest: Guest, finder: Finder, act: Act, shown: str, real: str) -> Iterator[str]:
    """Delete it, but for what is to be kept in it; the folder that it lies in keeps its time."""
    if not (act.spares(shown) or act.spares(real)):
        with guest.unnoticed(real.rpartition("/")[0] or "/"):
            _delete(guest, real)
        if guest.lstat(real) is not None:
            raise Refused("It is still there.")
        yield shown
        return
    found = guest.lstat(real)
    if found and found.is_folder and not any(kept in (shown, real) for kept in getattr(act, "keep", ())):
        for name in guest.names(real):
            yield from _remove(guest, finder, act, f"{shown}/{name}", f"{real}/{name}")


def _delete(guest: Guest, real: str) -> None:
    try:
        guest.remove(real)
    except Refused:
        guest.call("set-e2attrs", real, "ia", "clear:true")  # chattr(1): a file that even its owner cannot delete
        guest.remove(real)


def _truncate(guest: Guest, shown: str, real: str) -> Iterator[str]:
    real = guest.real(real, strict=True)
    found = guest.lstat(real)
    if found and found.is_file and found.size:
        guest.call("truncate", real)
        yield shown


def locked(shadow: str) -> str:
    """A shadow(5) in which nobody has a password any more; what is locked or empty otherwise stays so."""
    return re.sub(r"(?m)^([^:\n]+):([^:!*\n][^:\n]*|!+[^:!*\n][^:\n]*):", r"\1:*:", shadow)


def _makes_host_keys(guest: Guest, system: System) -> bool:
    """Whether the copy makes itself new host keys when it starts; where nothing would, a unit of ours does."""
    units = ("sshd-keygen.target", "sshd-keygen@.service", "sshd-keygen.service", "sshdgenkeys.service")
    if any(guest.file(f"{path}/systemd/system/{unit}") for path in ("/usr/lib", "/lib") for unit in units):
        return True
    if not system.systemd:  # the init scripts of Red Hat, SUSE and Alpine do so; Debian's of old does not
        return any("ssh-keygen" in guest.text(f"/etc/init.d/{name}") for name in ("sshd", "ssh"))
    if not guest.file("/usr/bin/ssh-keygen") or guest.lstat(_UNIT):
        return bool(guest.file("/usr/bin/ssh-keygen"))
    guest.write(_UNIT, _UNIT_TEXT, like="/etc/fstab")
    for wanting in ("multi-user.target", "ssh.service", "sshd.service"):
        folder = f"/etc/systemd/system/{wanting}.wants"
        guest.folder(folder)
        guest.call("ln-sf", _UNIT, guest.real(f"{folder}/sandhopper-host-keys.service"))
    return True

"""Keeps logins in this program's own clouds.yaml: readable by this person only, replaced in one step, nothing lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from app import host
from app.clouds import cloudsfile, loginfile
from app.clouds.files import PRACTICE, about, known
from app.clouds.loginfile import Login
from app.errors import JobError, Usage
from app.secrets import Answers
from app.units import plain

RESERVED = {PRACTICE, "defaults", "envvars"}
WAIT = 10.0  # seconds for another window or terminal that adds a login just now


@dataclass(frozen=True)
class Added:
    """A login that is kept now as *name*. *new*: it was not before; *secret*: the file held one (not kept)."""

    name: str
    file: str
    new: bool
    secret: bool
    notes: tuple[str, ...] = ()


def add(file: Path, name: str, authority: str, answers: Answers, project: str = "") -> list[Added]:
    """Take the logins in *file*; raises `JobError` or `Usage`, and then none of them is kept.

    *name* is what to call it (only where the file has one cloud), *authority* a file of certificates to trust there,
    *project* the one to work in. A secret that stands in the file goes into *answers* for this session.
    """
    logins = loginfile.read(file, authority, project)
    if name and (several := len({login.name for login in logins})) > 1:
        raise Usage(f"{plain(file.name)} has {several} clouds: one name is too few.", "Leave --name away.")
    if name and fitting(name) != name:
        raise Usage(f"“{plain(name)}” is no name for a cloud.", "Use letters, digits, dots, dashes and underscores.")
    home = host.private_folder(host.data_home())
    try:
        with FileLock(home / "clouds.lock", timeout=WAIT):
            return _added(logins, name, (home / "clouds.yaml").resolve(), answers)
    except Timeout as exc:
        raise JobError("Another window or terminal adds a login just now.", "Try again.", topic="locked") from exc


def fitting(name: str) -> str:
    """*name* as it can stand in an address (`openstack://NAME/…`), at most 60 letters; empty when nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]


def _added(logins: list[Login], name: str, place: Path, answers: Answers) -> list[Added]:
    text = before = _text(place)
    taken, made = set(known()) | RESERVED, []
    for login in logins:
        own = cloudsfile.clouds(text)
        wanted = fitting(f"{name}-{login.region}") if name else ""
        called = next((one for one, entry in own.items() if entry == login.entry and wanted in ("", one)), "")
        new = not called
        if new:
            called = _free(f"{login.name}-{login.region}", wanted, taken)
            text = cloudsfile.with_entry(text, called, login.entry)
        taken.add(called)
        if login.secret:
            answers.give(about(called), login.secret)
        made.append(Added(called, str(place), new, bool(login.secret), login.notes))
    if text != before:
        _write(place, text)
    return made


def _text(place: Path) -> str:
    """What is kept already; empty when there is nothing."""
    try:
        text = place.read_text(encoding="utf-8-sig") if place.exists() else ""
        cloudsfile.clouds(text)
    except (UnicodeDecodeError, JobError) as exc:
        remedy = "Mend it with an editor, or move it away; it was not touched."
        raise JobError(f"{plain(place)} cannot be read.", remedy, topic="clouds") from exc
    return text


def _free(found: str, wanted: str, taken: set[str]) -> str:
    if wanted and wanted in taken:
        remedy = "Choose another one by --name. (sandhopper clouds lists those that are known.)"
        raise Usage(f"There is a cloud called “{wanted}” already.", remedy)
    name = wanted or fitting(found) or "cloud"
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, 10_000))) if one not in taken)


def _write(place: Path, text: str) -> None:
    part = place.with_name(place.name + ".new")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    host.write_whole(place, text.encode())
    host.sync_folder(place.parent)

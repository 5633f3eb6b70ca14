"""Where images go: what each kind of place takes, dated and with a source for every rule (resources/targets/*.toml)."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from app.errors import Usage
from app.job import FORMATS

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "targets"  # checkout, wheel and PyInstaller alike
BUSES = ("virtio", "sata", "scsi", "ide", "nvme")
FIRMWARES = ("auto", "bios", "uefi")
TABLES = ("mbr", "gpt", "none")
PLACEHOLDERS = ("name", "size", "sha256", "format", "virtual_gib", "url", "firmware", "bus")
MOST_BYTES = 1 << 60
MOST_HOURS = 10_000


@dataclass(frozen=True)
class Source:
    """Where a rule comes from: the *rule* in words, the public document's *url*, and the day it was *read*."""

    rule: str
    url: str
    read: str


@dataclass(frozen=True)
class Target:
    """What one kind of place takes.

    *formats* in order of preference; *bus* and *firmware* (`auto`: as the disk wants) for the boot test;
    *compress* whether it reads compressed QCOW2; *vmdk* the sub-format; *max_size* and *max_file* in bytes
    (0: no limit), of the disk and of the file; *multiple* in bytes to which the disk is rounded up; *gib_aligned*
    whether the place counts in whole GiB; *tables* the partition tables it starts from; *one_time* whether its
    folder vanishes when the upload is complete; *hours* for which its folder, link or task is open, from the moment the
    export was made (0: not known; the person may know better: `Job.until`);
    *unproven* says what was never tried for real; *cares* are sentences the person should know; *sheet* is the
    instructions for the person at the other side, filled in by `sheet_for`.
    """

    key: str
    title: str
    dated: str
    summary: str
    formats: tuple[str, ...]
    sheet: str
    sources: tuple[Source, ...]
    bus: str = "virtio"
    firmware: str = "auto"
    compress: bool = True
    vmdk: str = "streamOptimized"
    max_size: int = 0
    max_file: int = 0
    multiple: int = 0
    gib_aligned: bool = False
    tables: tuple[str, ...] = ("mbr", "gpt")
    one_time: bool = False
    hours: int = 0
    unproven: str = ""
    cares: tuple[str, ...] = ()

    def due(self, until: float, begun: float) -> float:
        """When the image of an export *begun* then has to be there (seconds since 1970), if the person says *until*."""
        return until or (begun + self.hours * 3600 if self.hours else 0.0)

    def options(self, format_: str) -> dict[str, str]:
        """QEMU's options for *format_* that this place wants beyond the usual."""
        return {"subformat": self.vmdk} if format_ == "vmdk" else {}

    def sheet_for(self, **facts: object) -> str:
        """The instructions with `PLACEHOLDERS` filled in; what is not known yet reads “(not known yet)”."""
        return self.sheet.format_map({name: facts.get(name) or "(not known yet)" for name in PLACEHOLDERS})


def load(key: str) -> Target:
    """The target called *key*; `Usage` names the known ones."""
    known = all_targets()
    for target in known:
        if target.key == key:
            return target
    names = ", ".join(t.key for t in known)
    raise Usage(f"There is no target “{key}”.", f"Choose one of: {names}.", topic="targets")


@cache
def all_targets() -> tuple[Target, ...]:
    """Every known target, `generic` first, then by title."""
    found = [parse(file.stem, file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(found, key=lambda t: (t.key != "generic", t.title.lower())))


def parse(key: str, text: str) -> Target:
    """Read a target profile; `Usage` says in sentences what is wrong with it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise Usage(f"The target profile {key} is not TOML: {exc}.", "Correct the file.") from exc
    if wrong := _shape_problems(data):
        raise _bad(key, wrong)
    target = Target(key=key, **{name: _frozen(name, value) for name, value in data.items()})
    if wrong := _value_problems(target):
        raise _bad(key, wrong)
    return target


def _bad(key: str, wrong: list[str]) -> Usage:
    return Usage(f"The target profile {key} has a mistake: {' '.join(wrong)}", "Correct the file.")


def _frozen(name: str, value: Any) -> Any:
    if name == "sources":
        return tuple(Source(**entry) for entry in value)
    return tuple(value) if isinstance(value, list) else value


def _shape_problems(data: dict[str, Any]) -> list[str]:
    fields = {f.name: f for f in dataclasses.fields(Target) if f.name != "key"}
    needed = {name for name, f in fields.items() if f.default is dataclasses.MISSING}
    wrong = [f"“{name}” is not known; known are {', '.join(fields)}." for name in sorted(data.keys() - fields.keys())]
    wrong += [f"“{name}” is missing." for name in sorted(needed - data.keys())]
    kinds = {"str": str, "bool": bool, "int": int}
    for name, value in data.items():
        wanted: Any = kinds.get(str(fields[name].type) if name in fields else "", list if name in fields else object)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            wrong.append(f"“{name}” must be a {wanted.__name__}.")
        elif wanted is list and name != "sources" and not all(isinstance(item, str) for item in value):
            wrong.append(f"“{name}” must be a list of texts.")
    sources: Any = data.get("sources", [])
    good = isinstance(sources, list) and all(
        isinstance(s, dict) and s.keys() == {"rule", "url", "read"} for s in sources
    )
    return wrong if good else [*wrong, "Each source needs “rule”, “url” and “read”."]


def _value_problems(target: Target) -> list[str]:
    wrong = []
    allowed: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("format", target.formats, FORMATS),
        ("bus", (target.bus,), BUSES),
        ("firmware", (target.firmware,), FIRMWARES),
        ("partition table", target.tables, TABLES),
        ("VMDK sub-format", (target.vmdk,), ("streamOptimized", "monolithicSparse")),
        ("placeholder", _placeholders(target.sheet), PLACEHOLDERS),
    )
    for what, given, known in allowed:
        wrong += [f"The {what} “{g}” is not known; known are {', '.join(known)}." for g in given if g not in known]
    if not target.formats:
        wrong.append("It names no format.")
    if not target.sources:
        wrong.append("It names no source for its rules.")
    if any(not 0 <= n <= MOST_BYTES for n in (target.max_size, target.max_file, target.multiple)):
        wrong.append("A size is negative or too big.")
    if not 0 <= target.hours <= MOST_HOURS:
        wrong.append("Its hours are negative or too many.")
    wrong += [
        f"The source of “{s.rule}” is no web address." for s in target.sources if not s.url.startswith("https://")
    ]
    return wrong


def _placeholders(sheet: str) -> tuple[str, ...]:
    try:
        return tuple(name for _, name, _, _ in Formatter().parse(sheet) if name is not None)
    except ValueError:
        return ("{",)

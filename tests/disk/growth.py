"""Disks for the tests of `grow`, made without a guest, and what is on them afterwards, read on this computer.

`python -m tests.disk.growth FOLDER` runs the step adapt on them and tells its phases: a process that may be killed.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.context import Context, Event
from app.fixes import FIXES
from app.job import Include, Job
from app.journal import Journal
from app.sandbox.disks import Disk
from app.sandbox.mounts import Mount
from app.secrets import Answers
from app.steps import adapt
from tests.guest.offline import OPTIONS, Part, listing_in

MIB = 1 << 20
BELOW = Path(__file__).with_name("grow.sh")


@dataclass
class Pair:
    """A system disk and its data disk at /data, as raw files; *kinds*: of their file systems; *inner*: a subvolume."""

    place: Path
    kinds: tuple[str, str]
    inner: str = ""

    @classmethod
    def made(cls, place: Path, layout: str, kinds: tuple[str, str], inner: str = "") -> Pair:
        place.mkdir(parents=True)
        subprocess.run(["sh", str(BELOW), str(place), layout], check=True, capture_output=True)
        return cls(place, kinds, inner)

    @property
    def uuid(self) -> str:
        return (self.place / "uuid").read_text().strip()

    def digests(self) -> list[str]:
        return [digest(self.place / name) for name in ("system.raw", "data.raw")]

    def data(self) -> dict[str, Any]:
        """The listing of the data disk, of a copy of it: looking would replay its journal."""
        copy = self.place / "look.raw"
        copy.write_bytes((self.place / "data.raw").read_bytes())
        options = {self.kinds[1]: f"noatime,subvol={self.inner}"} if self.inner else {}
        with patch.dict(OPTIONS, options):
            found = listing_in(copy, Part(0, 0, copy.stat().st_size, self.kinds[1], "/data"))
        copy.unlink()
        return found

    def context(self) -> Context:
        """What the step adapt is given after the steps before it."""
        folder = self.place / "job"
        folder.mkdir(exist_ok=True)
        wishes = {"sandbox": "ssh://root@127.0.0.1:9", "unfixed": tuple(FIXES)}
        job = Job("ssh://root@127.0.0.1:9", "file:///y/", id="j1", include=(Include("/data", "grow"),), **wishes)
        journal = Journal(folder / "journal.jsonl")
        disks = [Disk("/", "/dev/vda1", names=("vda",)),
                 Disk("/data", "/dev/vdb", self.kinds[1], ("vdb",), uuid=self.uuid, kind=self.kinds[1])]  # fmt: skip
        mount = Mount("/data", "/dev/vdb", self.kinds[1], 300 * MIB, 10 * MIB, 300)
        journal.record("checkup", "done", disks=[disk.as_json() for disk in disks], mounts=[mount.as_json()])
        fetched = {"format": "raw", "own": False, "sha256": "x"}
        data = {"mount": "/data", "path": str(self.place / "data.raw"), **fetched}
        journal.record("fetch", "done", path=str(self.place / "system.raw"), **fetched, disks=[data])
        return Context(job, folder, journal, tell, threading.Event(), Answers({}, use_keyring=False), step="adapt")


def tell(event: Event) -> None:
    if event.kind == "phase":
        print(event.text, flush=True)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def below(listing: dict[str, Any], folder: str) -> dict[str, Any]:
    """The part of a listing that lies in *folder*, as if it were the top."""
    found = {name.removeprefix(folder).lstrip("/") or ".": fact for name, fact in listing.items()
             if name == folder or name.startswith(f"{folder}/")}  # fmt: skip
    for fact in found.values():
        if "links" in fact:
            fact["links"] = [name.removeprefix(f"{folder}/") for name in fact["links"]]
    return found


def raw(overlay: Path) -> Path:
    """The whole disk that an overlay shows, as a raw file."""
    to = overlay.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(overlay), str(to)], check=True)
    return to


def partitions(disk: Path) -> list[tuple[int, int]]:
    """The (offset, bytes) of each partition."""
    told = json.loads(subprocess.check_output(["sfdisk", "-J", str(disk)]))["partitiontable"]
    return [(part["start"] * 512, part["size"] * 512) for part in told["partitions"]]


def volume(disk: Path, name: str, below: list[int]) -> Path:
    """An LVM volume, put together as the group's own table says; *below*: where each of its disks begins (lvm(8))."""
    with disk.open("rb") as file:
        file.seek(below[0])
        tables = [part for part in file.read(MIB).decode("latin-1").split("\0") if "seqno = " in part and name in part]
        newest = max(tables, key=lambda part: number("seqno", part))
        own = newest[newest.index(f"{name} {{") :]
        pieces = re.findall(r'extent_count = (\d+)\b.*?"pv(\d+)", (\d+)', own, re.DOTALL)
        extent = number("extent_size", newest) * 512
        to = disk.with_name(f"{name}.raw")
        with to.open("wb") as out:
            for many, under, start in pieces[: number("segment_count", own)]:
                file.seek(below[int(under)] + MIB + int(start) * extent)  # pe_start is 1 MiB
                out.write(file.read(int(many) * extent))
    return to


def number(word: str, table: str) -> int:
    found = re.search(rf"\b{word} = (\d+)", table)
    assert found, table
    return int(found[1])


if __name__ == "__main__":
    adapt.STEP.run(Pair(Path(sys.argv[1]), (sys.argv[2], sys.argv[3])).context())

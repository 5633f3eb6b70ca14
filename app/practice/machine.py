"""The practice machine: it understands the scripts of resources/sandbox and does what they promise in two folders.

The root disk is the folder `root`, the data disk mounted at /application is the folder `data`. What no ordinary
folder can do is only told: mount tables and namespaces. What is copied, edited, proven and restored is real.
"""

from __future__ import annotations

import re
import shlex
import threading
from pathlib import Path

from app.practice.merging import Merging
from app.practice.restoring import Restoring
from app.practice.state import MOUNT, State
from app.practice.tree import SECRETS, lay
from app.sandbox.remote import script

VERBS = (
    "look",
    "places",
    "tables",
    "writers",
    "secrets",
    "vault",
    "disks",
    "flush",
    "begin",
    "poll",
    "recall",
    "finish",
)
MOUNTINFO = (
    "22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n30 22 254:16 / /application rw,relatime - ext4 /dev/vdb rw\n"
    "31 22 254:32 / /scratch rw,relatime - ext4 /dev/vdc rw\n"
)
UUIDS = [f"70726163-7469-4365-8000-{number:012}" for number in (1, 2, 3)]
TOOLS = ("rsync", "unshare", "setsid", "mount", "blkid", "cp", "find", "awk", "sha256sum", "stat", "gnu-cp")
BLOCK_SIZE, BLOCKS, INODES = 4096, 262144, 65536  # each disk has 1 GiB


class Machine:
    """One machine whose disks lie in *home*."""

    def __init__(self, home: Path) -> None:
        lay(home)
        self.home = home
        self._lock = threading.Lock()
        self._works: dict[str, Merging | Restoring] = {}

    def answer(self, line: str, given: bytes) -> tuple[int, bytes]:
        """Exit status and output of one command."""
        if line == "id -u":
            return 0, b"0\n"
        text = given.decode("utf-8", "surrogateescape")
        verb = next((v for v in VERBS if f"{script(v)}\n)\n" in text), "")
        if line != "sh -s" or not verb:
            return 127, b""
        with self._lock:
            said = f"{_value(text, 'BEGINS')}\n{getattr(self, f'_{verb}')(text)}{_value(text, 'ENDS')}\n"
            return 0, said.encode("utf-8", "surrogateescape")

    def stop(self) -> None:
        """End what runs, as a power cut would."""
        for work in self._works.values():
            work.stop()

    def _look(self, text: str) -> str:
        mark = _value(text, "MARK")
        space = [_space(self.home / name) for name in ("root", "data", "scratch")]
        parts = {
            "os": (self.home / "root/etc/os-release").read_text(),
            "kernel": "6.1.0-practice",
            "architecture": "x86_64",
            "hostname": "practice-sandbox",
            "user": "0",
            "mountinfo": MOUNTINFO,
            "fstab": (self.home / "root/etc/fstab").read_bytes().decode("utf-8", "surrogateescape"),
            "firmware": "bios",
            "shell_tools": "\n".join(TOOLS),
            "space": f"/ {space[0]}\n{MOUNT} {space[1]}\n/scratch {space[2]}",
            "disks": "254:1 vda\n254:16 vdb\n254:32 vdc",
            "virtio": "yes",
            "hidden": MOUNT if any((self.home / "root/application").iterdir()) else "",
            "journal": "\n".join(s.job for s in State.all(self.home)),
            "end": "",
        }
        return "".join(f"\n{mark} {name}\n{content}" for name, content in parts.items())

    def _places(self, text: str) -> str:
        return self._look(text)

    def _tables(self, text: str) -> str:
        return self._look(text)

    def _writers(self, text: str) -> str:
        return ""

    def _disks(self, text: str) -> str:
        """Its system disk is whatever the site made for it, which is no file system of its own."""
        size = BLOCK_SIZE * BLOCKS
        told = "mount / ext4 /dev/vda1\ndisk vda 0 practice-vda\n"
        for place, name, own in ((MOUNT, "vdb", UUIDS[1]), ("/scratch", "vdc", UUIDS[2])):
            told += f"mount {place} ext4 /dev/{name}\non {name} {own} ext4\ndisk {name} {size} practice-{name}\n"
        return told

    def _flush(self, text: str) -> str:
        return "done"

    def _secrets(self, text: str) -> str:
        mark = _value(text, "MARK")
        found = "".join(
            f"{kind}\t{owner}\t{file.stat().st_size}\t/{name}\0"
            for name, (kind, owner) in SECRETS.items()
            if (file := self._file(name)).exists()
        )
        return f"\n{mark} secrets\n{found}!done\t\t\t/\0\n{mark} end\n"

    def _file(self, name: str) -> Path:
        """Where the machine's file *name* lies here."""
        mount = MOUNT.lstrip("/") + "/"
        return self.home / "data" / name.removeprefix(mount) if name.startswith(mount) else self.home / "root" / name

    def _vault(self, text: str) -> str:
        return "nothing"

    def _begin(self, text: str) -> str:
        job = _value(text, "JOB")
        if other := [s for s in State.all(self.home) if s.job != job]:
            return f"problem open {other[0].job}"
        state = State(self.home, job)
        if not state.exists():
            if not state.begin(*_edited_fstab(text)):
                return "problem fstab-changed"
        elif state.noted("restore"):
            return "restoring"
        elif self._alive(job, "merge"):
            return "running"
        elif state.noted("done"):
            return "merged"
        self._works[f"{job} merge"] = Merging(state)
        return "started"

    def _recall(self, text: str) -> str:
        wanted = _value(text, "JOB")
        for state in State.all(self.home):
            if wanted and state.job != wanted:
                continue
            if self._alive(state.job, "restore"):
                return f"running {state.job}"
            if state.noted("restored"):
                return f"restored {state.job}"
            if merge := self._works.get(f"{state.job} merge"):
                merge.stop()
            self._works[f"{state.job} restore"] = Restoring(state)
            return f"started {state.job}"
        return "nothing"

    def _poll(self, text: str) -> str:
        job, name = _value(text, "JOB"), _value(text, "WORK")
        state = State(self.home, job)
        if not state.exists():
            return "gone\n"
        work = self._works.get(f"{job} {name}")
        if work and work.state != "ended 0":
            return "\n".join([work.state, *work.told()])
        ended = state.folder / f"{name}.told"
        return ended.read_text() if ended.exists() else "dead\n"

    def _finish(self, text: str) -> str:
        state = State(self.home, _value(text, "JOB"))
        if state.exists() and state.noted("restored"):
            state.forget()
        return "gone"

    def _alive(self, job: str, name: str) -> bool:
        work = self._works.get(f"{job} {name}")
        return work is not None and work.state == "alive"


def _space(folder: Path) -> str:
    """What stat(1) tells of the file system: block size, blocks, free twice, inodes, free inodes, owner."""
    files = [f.stat().st_size for f in folder.rglob("*")]
    free = BLOCKS - sum(-(-size // BLOCK_SIZE) for size in files)
    return f"{BLOCK_SIZE} {BLOCKS} {free} {free} {INODES} {INODES - len(files)} 0:root"


def _edited_fstab(text: str) -> tuple[str, str]:
    """From what begin.sh is given: the digest of /etc/fstab as it was seen, and how it is to be (empty: the same)."""
    words = shlex.shlex(text.partition("save_edit fstab ")[2], posix=True)
    words.whitespace_split, words.commenters = True, ""
    _, sha256, after = (words.get_token() or "" for _ in range(3))
    return sha256, after


def _value(text: str, name: str) -> str:
    """The value of a shell assignment at the beginning of a script."""
    found = re.search(rf"^{name}=((?:'[^']*'|\"[^\"]*\"|[^'\"\s])*)$", text, re.MULTILINE)
    return "".join(shlex.split(found[1])) if found and found[1] else ""

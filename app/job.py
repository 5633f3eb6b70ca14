"""What the person asked for: a frozen value without secrets, saved as JSON (`"version": 1`)."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from app import host
from app.addresses import SOURCES, TARGETS, is_image, split_target, url_problems
from app.errors import Usage
from app.fixes import FIXES

VERSION = 1
FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx")
TYPES: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}
HOWS = ("merge", "grow", "disk", "leave")
CLEANS = ("move", "share")  # what the copy is for: my machine elsewhere, or a template for others
DECISIONS = ("keep", "remove")
NAME = r"[^/\\\x00-\x1f\x7f\ud800-\udfff]{1,200}"
LONGEST_FREEZE = 60  # seconds; whoever needs longer is better served by a machine that is switched off
PROOFS = ("auto", "whole", "sampled", "size")
LAUNCHES = ("", "test", "keep")
QUIET = r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d=(pause|[1-9]\d{0,12})"  # as `app.throttle.Hours` writes it


@dataclass(frozen=True)
class Include:
    """What happens to one data mount.

    `merge` into the root disk of the sandbox, put it into the copy, whose root disk is made to `grow`, export its own
    `disk`, or `leave` it out.
    """

    mount: str
    how: str

    @classmethod
    def parse(cls, text: str) -> Include:
        """Read `MOUNT=merge|grow|disk|leave`; raises `Usage`."""
        mount, _, how = text.rpartition("=")
        if not mount.startswith("/") or how not in HOWS:
            raise Usage(
                f"“{text}” does not say what to include.", "Write it as /application=merge (or grow, disk, leave)."
            )
        return cls(mount.rstrip("/") or "/", how)


@dataclass(frozen=True)
class Decision:
    """What happens in the copy to one secret that was found on the sandbox: `keep` or `remove`."""

    path: str
    what: str

    @classmethod
    def parse(cls, text: str) -> Decision:
        """Read `PATH=keep|remove`; raises `Usage`."""
        path, _, what = text.rpartition("=")
        if not path.startswith("/") or what not in DECISIONS:
            raise Usage(
                f"“{text}” does not say what happens to a secret.", "Write it as /root/.netrc=remove (or keep)."
            )
        return cls(path, what)


@dataclass(frozen=True)
class Job:
    """One export.

    *source*, *target* and *sandbox* are URLs without passwords. *name* is what the image is called at
    the target (without ending; empty: made from the source). *profile* names a file of
    resources/targets. *format* empty means the profile's first. *limit* is in bytes a second, 0 for none.
    *verify* is one of `PROOFS`. *prove* asks for the boot test, *compress* for the smaller file.
    *clean* is one of `CLEANS`; *secrets* are the decisions that differ from what it says (`move` keeps every secret,
    `share` removes each). *unfixed* names the repairs (`app/fixes.py`) that are not to be made in the copy.
    *until*: when the image has to be at the target (seconds since 1970; 0: no such moment). *quiet*: hours of the day
    with a limit of their own (`app.throttle.Hours`), e.g. `08:00-18:00=1000000` or `22:00-06:00=pause`.
    *launch*: whether a machine is started from the image at the target (one of `LAUNCHES`), on the cloud's *network*
    (a name or an ID; empty: on none).
    *freeze*: seconds for which writing to the sandbox's system disk may be held while its snapshot begins; 0 for not.
    """

    source: str
    target: str
    id: str = ""
    name: str = ""
    profile: str = "generic"
    sandbox: str = ""
    include: tuple[Include, ...] = ()
    format: str = ""
    compress: bool = True
    prove: bool = True
    limit: int = 0
    verify: str = "auto"
    practice: bool = False
    clean: str = "move"
    secrets: tuple[Decision, ...] = ()
    unfixed: tuple[str, ...] = ()
    freeze: int = 0
    until: float = 0.0
    quiet: tuple[str, ...] = ()
    launch: str = ""
    network: str = ""
    created: float = 0.0
    version: int = field(default=VERSION)

    @property
    def merges(self) -> tuple[str, ...]:
        """The mount points to merge into the root disk."""
        return tuple(i.mount for i in self.include if i.how == "merge")

    @property
    def grows(self) -> tuple[str, ...]:
        """The mount points to put into the copy, whose root disk is made bigger for them."""
        return tuple(i.mount for i in self.include if i.how == "grow")

    @property
    def own_disks(self) -> tuple[str, ...]:
        """The mount points to export as disks of their own."""
        return tuple(i.mount for i in self.include if i.how == "disk")

    @property
    def folder(self) -> Path:
        """Where this job lives unless the person chose another place."""
        return host.jobs_home() / self.id

    @property
    def target_folder(self) -> str:
        """The URL of the folder (container, image service) that the image goes into."""
        return split_target(self.target)[0]

    @property
    def image_name(self) -> str:
        """The image's name at the target, without the ending of its format."""
        if self.name:
            return self.name
        if last := split_target(self.target)[1]:
            return PurePosixPath(last).stem if is_image(last) else last
        parts = urlsplit(self.source)
        stem = PurePosixPath(unquote(parts.path)).stem if parts.scheme == "file" else ""
        return _plain(stem or (parts.hostname if parts.scheme == "ssh" else "") or f"sandbox-{self.id}")

    def problems(self) -> list[str]:
        """Everything that is wrong with this job, in sentences; empty when it can be tried."""
        found = [*url_problems("source", self.source, SOURCES), *url_problems("target", self.target, TARGETS)]
        if self.sandbox:
            found += url_problems("sandbox", self.sandbox, {"ssh": "ssh://user@host"})
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.id):
            found.append("The job's id may have letters, digits, dots and dashes only.")
        if self.name and (not re.fullmatch(NAME, self.name) or self.name in (".", "..")):
            found.append("The image's name may not contain slashes or control characters.")
        if self.format and self.format not in (*FORMATS, "ova"):
            found.append(f"The format “{self.format}” is not known; choose one of {', '.join(FORMATS)}.")
        if self.verify not in PROOFS:
            found.append(f"“{self.verify}” is no way to verify; choose one of {', '.join(PROOFS)}.")
        found += self._launch_problems()
        if self.clean not in CLEANS:
            found.append(f"“{self.clean}” is no way to clean; choose one of {', '.join(CLEANS)}.")
        found += [f"There is no repair called “{name}”." for name in self.unfixed if name not in FIXES]
        if not 0 <= self.created < 1e11:
            found.append("The job's date is no date.")
        found += self._freeze_problems()
        found += self._speed_problems()
        if (self.merges or self.grows) and not self.sandbox_url:
            found.append("To merge a data disk, the sandbox's address is needed (ssh://user@host).")
        mounts = [i.mount for i in self.include]
        found += [
            f"{m} is named twice among the things to include."
            for m in sorted({m for m in mounts if mounts.count(m) > 1})
        ]
        decided = [d.path for d in self.secrets]
        found += [f"{p} is decided about twice." for p in sorted({p for p in decided if decided.count(p) > 1})]
        found += [
            f"{i.mount} cannot be merged into itself."
            for i in self.include
            if i.mount == "/" and i.how in ("merge", "grow")
        ]
        found += ["The system disk is exported anyway." for i in self.include if (i.mount, i.how) == ("/", "disk")]
        return found

    def _speed_problems(self) -> list[str]:
        found = ["The speed limit cannot be negative."] if self.limit < 0 else []
        if not 0 <= self.until < 1e11:
            found.append("The moment at which it has to be there is no moment.")
        return found + [f"“{text}” are no quiet hours." for text in self.quiet if not re.fullmatch(QUIET, text)]

    def _launch_problems(self) -> list[str]:
        if self.launch not in LAUNCHES:
            return [f"“{self.launch}” is no way to start a machine; choose one of {', '.join(filter(None, LAUNCHES))}."]
        if self.launch and not self.target.startswith("openstack:"):
            return ["A machine can be started only where the target is a cloud (openstack://CLOUD/image/NAME)."]
        return []

    def _freeze_problems(self) -> list[str]:
        if not 0 <= self.freeze <= LONGEST_FREEZE:
            return [f"Writing can be held for {LONGEST_FREEZE} seconds at the most."]
        if self.freeze and not self.sandbox_url:
            return ["To hold writing there, the sandbox's address is needed (ssh://user@host)."]
        return []

    @property
    def sandbox_url(self) -> str:
        """The address of the running sandbox, if the job knows one."""
        return self.sandbox or (self.source if self.source.startswith("ssh:") else "")

    def checked(self) -> Job:
        """This job, or `Usage` with its first problem."""
        if wrong := self.problems():
            raise Usage(" ".join(wrong), "Correct the job and try again.", means="Nothing was started.")
        return self

    def as_json(self) -> dict[str, Any]:
        """The job as plain data."""
        return dataclasses.asdict(self)

    def save(self, path: Path) -> None:
        """Write the job to *path* in one step."""
        host.private_folder(path.parent)
        host.write_whole(path, dumps(self).encode())


def new(source: str, target: str, **wishes: Any) -> Job:
    """A new job with an id and a date; raises `Usage` when it cannot be tried."""
    now = time.time()
    made = time.strftime("%Y%m%d-%H%M", time.localtime(now))
    return Job(source, target, id=f"{made}-{secrets.token_hex(3)}", created=round(now), **wishes).checked()


def dumps(job: Job) -> str:
    """The text of a job file."""
    return json.dumps(job.as_json(), indent=2, ensure_ascii=False) + "\n"


def loads(text: str) -> Job:
    """Read a job file's text; raises `Usage` with a sentence that says what is wrong with it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Usage(f"This is not a job file: {exc}.", "Make one with: sandhopper new --source … --target …") from exc
    if not isinstance(data, dict):
        raise Usage("This is not a job file: it holds no job.", "Make one with: sandhopper new --source … --target …")
    if data.get("version", VERSION) != VERSION:
        raise Usage(
            f"This job file is of version {data['version']!r}; this Sandhopper knows version {VERSION}.",
            "Use the Sandhopper that made it, or make a new job.",
        )
    return _from_json(data).checked()


def load(path: Path) -> Job:
    """Read a job file, or the `job.json` of a job's folder."""
    file = path / "job.json" if path.is_dir() else path
    try:
        return loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise Usage(f"The job file {file} cannot be read: {exc}.", "Check its name.") from exc


def _from_json(data: dict[str, Any]) -> Job:
    known = {f.name: f for f in dataclasses.fields(Job)}
    if unknown := sorted(data.keys() - known.keys()):
        raise Usage(
            f"The job file has an entry that is not known: {', '.join(unknown)}.", "Remove it, or correct its name."
        )
    if missing := sorted({"source", "target", "id"} - data.keys()):
        raise Usage(f"The job file lacks {', '.join(missing)}.", "Add it, or make the job anew.")
    for name, value in data.items():
        wanted = TYPES.get(str(known[name].type))
        if wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted != (bool,))):
            raise Usage(f"The entry “{name}” of the job file must be a {known[name].type}.", "Correct it.")
    include = data.get("include", [])
    if not isinstance(include, list) or not all(isinstance(i, dict) and i.keys() == {"mount", "how"} for i in include):
        raise Usage('The entry “include” must be a list of {"mount": …, "how": …}.', "Correct it.")
    made = {"include": tuple(Include.parse(f"{i['mount']}={i['how']}") for i in include)}
    return Job(**{**data, **made, **_decided(data)})


def _decided(data: dict[str, Any]) -> dict[str, Any]:
    """The entries `secrets`, `unfixed` and `quiet` of a job file."""
    secrets, unfixed = data.get("secrets", []), data.get("unfixed", [])
    if not isinstance(secrets, list) or not all(isinstance(d, dict) and d.keys() == {"path", "what"} for d in secrets):
        raise Usage('The entry “secrets” must be a list of {"path": …, "what": …}.', "Correct it.")
    if not isinstance(unfixed, list) or not all(isinstance(name, str) for name in unfixed):
        raise Usage("The entry “unfixed” must be a list of names.", "Correct it.")
    quiet = data.get("quiet", [])
    if not isinstance(quiet, list) or not all(isinstance(text, str) for text in quiet):
        raise Usage("The entry “quiet” must be a list of hours.", "Correct it.")
    decided = tuple(Decision.parse(f"{d['path']}={d['what']}") for d in secrets)
    return {"secrets": decided, "unfixed": tuple(unfixed), "quiet": tuple(quiet)}


def _plain(name: str) -> str:
    """*name* with everything but letters, digits, dot, dash and underscore turned into dashes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "image"

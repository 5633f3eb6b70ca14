"""Hold all writing to the sandbox's system disk for some seconds, so that a snapshot shows one clean moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import JobError
from app.sandbox import remote
from app.sandbox.look import Seen
from app.sandbox.mounts import Line, inside, visible

if TYPE_CHECKING:
    from app.context import Context
    from app.ssh import Ssh

PAUSE = 1.0  # seconds that programs bear without a word
KINDS = ("ext2", "ext3", "ext4", "xfs")  # others were not tried, or stand still as a whole (btrfs)
_SYSTEM = "/ /boot /usr /var /var/log /var/log/audit /var/lib /var/tmp /tmp /opt"
SYSTEM = tuple(_SYSTEM.split())  # what a distribution may put on file systems of its own
HARMLESS = ("/var/log/", "/var/lib/systemd/", "/var/lib/dhcp", "/var/lib/NetworkManager/", "/var/lib/chrony/")
SYNC = 1800.0  # seconds that writing out what is in memory may take
_PROBLEMS = {
    "not-root": ("This login is not the sandbox's administrator.", "Use “root”, or a login that may use sudo."),
    "no-tool": ("The sandbox has no program that can freeze a file system.", "Install util-linux there (fsfreeze)."),
    "no-memory": ("The sandbox has no memory disk (tmpfs) to work from.", "Make the snapshot without freezing."),
    "no-watcher": ("The watchers that would thaw the sandbox did not start.", "Make the snapshot without freezing."),
    "busy": ("{0} is frozen already, by somebody else.", "Wait until that is over, and look who does it."),
    "refused": ("The sandbox does not let {0} be frozen.", "Make the snapshot without freezing."),
}


@dataclass
class Silence:
    """How long the sandbox was silent: *seconds*, and whether it was *proven* that it writes again."""

    seconds: float = 0.0
    proven: bool = False


def places(seen: Seen) -> list[str]:
    """The mount points of the system disk that are frozen, the root last; `JobError` says why none may be."""
    lines = visible(seen.lines)
    root = next((line for line in lines if line.path == "/"), None)
    if root is None or root.fstype not in KINDS or root.read_only:
        kind = "read-only" if root and root.read_only else f"of the kind {root.fstype if root else 'unknown'}"
        raise JobError(
            f"The sandbox's root file system is {kind}, and is not frozen.",
            "Make the snapshot without freezing; everything is written to the disk before it.",
            means="Nothing was changed.",
            topic="freeze",
        )
    disks = {f[0]: frozenset(f[1:]) for f in (line.split() for line in seen.words("disks")) if f}
    own = disks.get(root.number, frozenset())
    more = [line.path for line in lines if line.path in SYSTEM[1:] and _beside(line, root, own, disks)]
    return [*sorted(more, key=len, reverse=True), "/"]


def _beside(line: Line, root: Line, own: frozenset[str], disks: dict[str, frozenset[str]]) -> bool:
    below = disks.get(line.number, frozenset())
    plain = line.fstype in KINDS and not line.read_only and line.root == "/"
    return plain and line.number != root.number and bool(below) and below <= own


def writers(answer: bytes, frozen: Sequence[str], mounts: Sequence[str]) -> list[str]:
    """The programs (as writers.sh tells) whose work lies on one of the *frozen* mounts and would pause."""
    found = set()
    for line in answer.decode("utf-8", "backslashreplace").splitlines():
        name, _, file = line.partition("\t")
        on = inside(file, mounts) or "/"
        if file.startswith("/") and on in frozen and not file.startswith(HARMLESS):
            found.add(name)
    return sorted(found)


def refuse(names: Sequence[str], seconds: int) -> None:
    """`JobError` when programs would pause longer than they may."""
    if names and seconds > PAUSE:
        raise JobError(
            f"These programs write on the system disk and would pause: {', '.join(names[:5])}.",
            "Pause them yourself, freeze for one second only, or say that they may pause (--pause-services).",
            means="Nothing was frozen.",
            topic="freeze",
        )


@contextlib.contextmanager
def frozen(ssh: Ssh, where: Sequence[str], seconds: int, ctx: Context) -> Iterator[Frozen]:
    """The file systems *where* are frozen in this block, for *seconds* at the most; thawed in every way out of it.

    Raises `JobError` when they cannot be; nothing is frozen then.
    """
    from app.ssh.held import Held

    script = remote.given(LIMIT=str(seconds), PLACES="\n".join(where)).decode("utf-8", "surrogateescape")
    held = Held(ssh, script + remote.program("freeze"))
    made = Frozen(held, seconds)
    try:
        made.begin(ctx)
        yield made
    finally:
        made.thaw()
        held.close()


class Frozen:
    """A freeze that is going on."""

    def __init__(self, held: object, seconds: int) -> None:
        from app.ssh.held import Held

        assert isinstance(held, Held)  # noqa: S101 - for the type checker; app.ssh is imported late
        self._held, self.seconds = held, seconds
        self.since, self.silence = 0.0, Silence()
        self._over = True

    @property
    def left(self) -> float:
        """Seconds until it ends by itself; 0 when it has ended."""
        return 0.0 if self._over else max(0.0, self.since + self.seconds - time.monotonic())

    def begin(self, ctx: Context) -> None:
        """Freeze; `JobError` when it is refused."""
        said = self._held.line(SYNC)
        while said and said.partition(" ")[0] not in ("frozen", "problem"):  # a login's own start-up files talk, too
            said = self._held.line(SYNC)
        if said != "frozen":
            raise _problem(said)
        self.since, self._over = time.monotonic(), False
        ctx.stop_if_cancelled()

    def thaw(self) -> Silence:
        """End it, or find that the watcher did; how long it was. Safe to repeat, never raises."""
        if self._over:
            return self.silence
        self._over = True
        self._held.say("thaw")
        self.silence.seconds = round(time.monotonic() - self.since, 2)
        with contextlib.suppress(JobError, OSError):
            while said := self._held.line(self.seconds + 60):
                word, _, about = said.partition(" ")
                if word == "thawed" and about.isdigit():
                    self.silence.seconds = int(about) / 100
                self.silence.proven = self.silence.proven or word == "proved"
        return self.silence


def _problem(said: str) -> JobError:
    word, _, rest = said.removeprefix("problem ").partition(" ")
    what, remedy = _PROBLEMS.get(word, (f"The sandbox could not be frozen: {said or 'no answer'}", "Do without."))
    return JobError(what.format(rest), remedy, means="Nothing stays frozen.", topic="freeze")

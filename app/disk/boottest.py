"""Start a disk in QEMU until it shows a login, or say why it does not. The image itself is never written to."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.context import Context
from app.disk import machine, screen, verdicts
from app.disk.machine import Machine
from app.disk.qmp import Gone, Qmp
from app.units import plain

SECONDS = 300.0  # without a login; emulated machines are slow
STRETCH = 3.0  # times as long, while the guest still says or does new things
QUIET = 60.0  # seconds without anything new that count as “nothing more will come”
MUTE = 100.0  # seconds in which nothing but the firmware spoke and the disk was not read: its boot code hangs
FLOOD = 64 << 20  # bytes on the serial line, after which nobody reads on
LOOK = 1.0  # seconds between two looks at the screen
SEARCH = 20.0  # seconds between two searches of the guest's memory
PICTURE = "boot-screen.png"  # kept in the job's folder
SCRATCH = ".boot-"  # what the folder of one start begins with
GRACE = 3.0  # seconds for the lines that follow a failure


@dataclass(frozen=True)
class Verdict:
    """How a disk started: *verdict* is a key of `verdicts.SENTENCES`, *reason* sentences for the person.

    *seconds* until it was known, *tail* the last lines of the console, *screen* the path of a PNG (or ""), *evidence*
    where it was read: `serial` or `screen`.
    """

    ok: bool
    verdict: str
    reason: str
    seconds: float
    tail: str
    screen: str
    bus: str
    firmware: str
    accel: str
    evidence: str = ""

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data, for the journal and `--json`."""
        return asdict(self)


def boot(
    path: Path,
    format_: str,
    ctx: Context,
    *,
    bus: str = "virtio",
    firmware: str = "bios",
    seconds: float = SECONDS,
    others: Sequence[tuple[Path, str]] = (),
) -> Verdict:
    """Start the image *path* of the kind *format_* on a throw-away overlay and watch its serial line and screen.

    *others* are further disks (path and kind) that are attached behind it, each on an overlay of its own.
    Raises `JobError` when QEMU or the UEFI firmware is missing here. A hardware accelerator's failure is believed only
    when the slow emulation says the same: nested and half-working accelerators hang guests that are sound.
    """
    accel = machine.best_accel(ctx)
    verdict = _boot_once(Machine(path, format_, bus, firmware, accel, tuple(others)), ctx, seconds)
    if not verdict.ok and accel != "tcg":
        ctx.note("It did not start with this computer's accelerator; trying again without it, which takes longer.")
        verdict = _boot_once(Machine(path, format_, bus, firmware, "tcg", tuple(others)), ctx, seconds)
    return verdict


def sweep(work: Path) -> None:
    """Remove what starts that were killed have left in *work*."""
    for left in work.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)


def _boot_once(what: Machine, ctx: Context, seconds: float) -> Verdict:
    with tempfile.TemporaryDirectory(dir=ctx.work, prefix=SCRATCH, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        what.prepare(folder, ctx)
        ctx.begin("boot", int(seconds), unit="s")
        with machine.started(what, folder, ctx) as process:
            watch = _Watch(what, folder, process, ctx, seconds)
            return watch.until_known()


@dataclass
class _Watch:
    """One start being watched; `now` is seconds since its beginning."""

    what: Machine
    folder: Path
    process: subprocess.Popen[bytes]
    ctx: Context
    seconds: float
    began: float = field(default_factory=time.monotonic)
    news_at: float = 0.0
    told_at: float = -1.0
    looked_at: float = -1.0
    searched_at: float = 0.0
    serial: str = ""
    console: str = ""
    shot: screen.Shot | None = None
    known: set[bytes] = field(default_factory=set)
    disk_work: int = 0
    flooded: bool = False
    given_up: bool = False  # the accelerator met what it cannot do, and stopped the machine

    @property
    def now(self) -> float:
        return time.monotonic() - self.began

    def until_known(self) -> Verdict:
        """Watch until there is a verdict, or no hope of one."""
        said, since = "", 0.0
        with contextlib.suppress(Gone):
            qmp = Qmp(self.process, self.ctx)
            while not self._hopeless():
                self.ctx.sleep(0.2)
                self._look(qmp)
                self._tell()
                before, said = said, self._verdict()
                since = since if said == before else self.now
                if said and self.now - since >= (0 if said == verdicts.OK else min(GRACE, self.seconds / 4)):
                    break
            self._look(qmp, now=True)
        return self._conclude()

    def _hopeless(self) -> bool:
        still = self.now - self.news_at
        if self.flooded or self.given_up or self.now >= self.seconds * STRETCH:
            return True
        if still >= MUTE and not verdicts.spoke(f"{self.serial}\n{self._shown}"):
            return True
        return self.now >= self.seconds and still >= min(QUIET, self.seconds / 3)

    def _look(self, qmp: Qmp, *, now: bool = False) -> None:
        raw, length = _end_of(self.folder / "serial.log")
        self.flooded = length > FLOOD
        serial = verdicts.clean(raw)
        if serial != self.serial:
            self.serial, self.news_at = serial, self.now
        if now or self.now - self.looked_at >= LOOK:
            self.looked_at = self.now
            self.shot = screen.take(qmp, self.folder)
            self.given_up = qmp.call("query-status")["status"] == "internal-error"  # QEMU's qapi/run-state.json
            work = _disk_work(qmp)
            if self.shot.mark not in self.known or work != self.disk_work:
                self.news_at, self.disk_work = self.now, work
                self.known.add(self.shot.mark)
            self._search(qmp, now=now)

    def _search(self, qmp: Qmp, *, now: bool) -> None:
        """Look for a console drawn with dots, now and then, when the serial line says nothing."""
        due = self.now - self.searched_at >= SEARCH
        if self.shot and not self.shot.text and (now or due) and not verdicts.judge(self.serial):
            self.console = screen.search_console(qmp, self.folder, self.what.memory)
            self.searched_at = self.now

    @property
    def _shown(self) -> str:
        return (self.shot.text if self.shot else "") or self.console

    def _verdict(self) -> str:
        both = (verdicts.judge(self.serial), verdicts.judge(self._shown))
        return verdicts.OK if verdicts.OK in both else both[0] or both[1]

    def _tell(self) -> None:
        """A tick a second, with the last line that the guest said."""
        if self.now - self.told_at >= 1.0:
            self.told_at = self.now
            self.ctx.done = int(self.now)
            self.ctx.total = max(self.ctx.total, self.ctx.done)
            self.ctx.tell("tick", self.ctx.phase, unit="s", line=_last_line(self.serial or self._shown))

    def _conclude(self) -> Verdict:
        said = self._verdict()
        everything = f"{self._shown}\n{self.serial}"
        if not said:
            said = "timeout" if verdicts.spoke(everything) else "silent"
        by_serial = verdicts.judge(self.serial) == said or (said in ("timeout", "silent") and self.serial.strip())
        why = [verdicts.SENTENCES[said]] if said != verdicts.OK else []
        why += verdicts.reasons(everything) if said != verdicts.OK else []
        if self.given_up:
            why.append("This computer's virtualisation gave up on it.")
        if self.process.poll() is not None:
            why.append(f"The test machine ended by itself{self._last_words()}.")
        return Verdict(
            ok=said == verdicts.OK,
            verdict=said,
            reason=" ".join(why) or verdicts.SENTENCES[said],
            seconds=round(self.now, 1),
            tail=verdicts.tail(self.serial if by_serial else self._shown),
            screen=self._keep_screen(),
            bus=self.what.bus,
            firmware=self.what.firmware,
            accel=self.what.accel,
            evidence="serial" if by_serial else "screen",
        )

    def _last_words(self) -> str:
        words = (self.folder / "qemu.log").read_text(errors="replace").strip()
        return f": {plain(words)[-300:]}" if words else ""

    def _keep_screen(self) -> str:
        if not self.shot:
            return ""
        kept = self.ctx.folder / PICTURE
        kept.write_bytes(screen.png(self.shot.ppm))
        return str(kept)


def _end_of(log: Path, count: int = 200_000) -> tuple[bytes, int]:
    """The last bytes of a growing file, and its length."""
    if not log.exists():
        return b"", 0
    with log.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - count))
        return file.read(count), length


def _disk_work(qmp: Qmp) -> int:
    stats = [entry["stats"] for entry in qmp.call("query-blockstats")]
    return sum(int(s["rd_operations"]) + int(s["wr_operations"]) for s in stats)


def _last_line(text: str) -> str:
    lines = text.rstrip().splitlines()
    return plain(lines[-1])[:200] if lines else ""

"""Start a machine from the image where it lies now, until it shows a login; the last proof that there is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from app import place
from app.context import Finding
from app.disk import verdicts
from app.errors import Cancelled, JobError, Transient
from app.providers import Seen, Trial, open_provider
from app.steps import Plain
from app.stores import open_store
from app.stores.remote import Describing
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context
    from app.job import Job
    from app.journal import Facts

LOOK = 3.0  # seconds between two looks
GRACE = 20.0  # seconds in which what looks like its end may turn out not to be
STILL, LONGEST = 300.0, 3600.0  # seconds without a new word, and with them, before nothing more is waited for
GIB = 1 << 30
MEANS = "The image itself lies there, whole and verified. The test machine was removed."
ENDED = ("ERROR", "DELETED", "SHUTOFF", "SOFT_DELETED", "UNKNOWN")


def name_of(job: Job) -> str:
    """What the test machine of *job* is called in the cloud."""
    return f"sandhopper-{job.id}"


class Launch(Plain):
    """A test machine, removed afterwards unless the person wants it kept."""

    name = "launch"

    def applies(self, job: Job) -> bool:
        """When it is wished for."""
        return bool(job.launch)

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Whether the cloud offers a machine that is big enough."""
        size = int(ctx.state.of("fetch").get("virtual_size") or 0)
        try:
            trial = _trial(ctx, size)
            kind = trial.flavor()
        except JobError as exc:
            if type(exc) is not JobError:
                raise
            yield Finding("stop", exc.message, "", exc.remedy, exc.topic or "launch")
            return
        text = f"It gets {kind.ram} MiB of memory, and is removed afterwards." if ctx.job.launch == "test" else ""
        yield Finding("ok", f"A machine of the size “{kind.name}” will be started there.", text)

    def run(self, ctx: Context) -> Facts:
        """Start it, or find it, and watch it; `JobError` unless it reaches a login."""
        trial = _trial(ctx, int(ctx.state.of("convert")["virtual_size"]))
        began = time.monotonic()
        machine = trial.start(_image(ctx), ctx.job.network)
        try:
            facts = _watched(trial, machine, ctx)
        except (Transient, Cancelled):  # it is found again
            raise
        except JobError:
            trial.removed()
            raise
        if ctx.job.launch == "test":
            trial.removed()
        return {
            **facts,
            "machine": machine,
            "kept": ctx.job.launch == "keep",
            "took": round(time.monotonic() - began, 1),
        }

    def undo(self, ctx: Context) -> None:
        """Remove the test machine; one that the person wished to keep is theirs and stays."""
        if ctx.job.launch == "keep" and ctx.state.is_done(self.name):
            ctx.note(
                "The machine that was started at the target is kept. Remove it on the cloud's web page.", grade="care"
            )
        else:
            _trial(ctx, 0).removed()


def _trial(ctx: Context, size: int) -> Trial:
    return open_provider(ctx.job.target, ctx).trial(name_of(ctx.job), -(-size // GIB))


def _image(ctx: Context) -> str:
    name = str(ctx.state.of("upload")["name"])
    with closing(open_store(ctx.job.target_folder, ctx)) as store:
        remote = store.described(name) if isinstance(store, Describing) else None
    if remote is None:
        raise place.removed_since(name)
    return remote.id


def _watched(trial: Trial, machine: str, ctx: Context) -> Facts:
    """Look until there is a login, or no hope of one."""
    ctx.begin("launch")
    began = news = since = time.monotonic()
    before, said = Seen(""), ""
    while True:
        seen = trial.look(machine)
        if seen.status in ENDED:
            raise _never_ran(seen, trial.cloud_name)
        now = time.monotonic()
        if seen != before:
            before, news = seen, now
            ctx.advance()
        text = verdicts.clean(seen.said)
        verdict = verdicts.judge(text)
        if verdict != said:
            said, since = verdict, now
        if verdict == verdicts.OK or (verdict and now - since > GRACE) or now - news > STILL or now - began > LONGEST:
            break
        ctx.sleep(LOOK)
    ok, verdict, why = _concluded(seen, verdict, text, ctx)
    seconds, tail = round(time.monotonic() - began, 1), verdicts.tail(text)
    facts: Facts = {"ok": ok, "verdict": verdict, "reason": why, "seconds": seconds, "tail": tail}
    facts["addresses"] = list(seen.addresses)
    if not ok:
        ctx.fact(**facts)
        remedy = f"Read what it said (sandhopper status {ctx.job.id} --json), and mend the machine it comes from."
        raise JobError(f"The image does not start at the target. {why}", remedy, means=MEANS, topic=f"boot-{verdict}")
    return facts


def _concluded(seen: Seen, verdict: str, text: str, ctx: Context) -> tuple[bool, str, str]:
    """Whether it started, a key of `verdicts.SENTENCES` (or `running`), and sentences."""
    if verdict == verdicts.OK:
        return True, verdict, verdicts.SENTENCES[verdict]
    spoke_here = ctx.state.of("prove").get("evidence") == "serial"
    if not verdict and not verdicts.spoke(text) and not (seen.console and spoke_here):
        return True, "running", "The cloud says that it runs. It shows no console of it, so its login was not seen."
    verdict = verdict or ("timeout" if verdicts.spoke(text) else "silent")
    return False, verdict, " ".join([verdicts.SENTENCES[verdict], *verdicts.reasons(text)])


def _never_ran(seen: Seen, cloud: str) -> JobError:
    why = f" It says: {plain(seen.fault)[:300]}" if seen.fault else ""
    text = f"The cloud “{cloud}” could not run the test machine (it is {seen.status}).{why}"
    remedy = "Ask its people; a limit (quota) or a lack of room there may be the cause. Then go on."
    return JobError(text, remedy, means=MEANS, topic="launch")


STEP = Launch()

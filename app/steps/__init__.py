"""The story of an export, in order. Every step can check, run and undo, and all three are safe to repeat."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from app import parts
from app.context import Finding
from app.journal import Facts, State

if TYPE_CHECKING:
    from app.context import Context
    from app.job import Job

ORDER = ("checkup", "prepare", "snapshot", "restore", "fetch", "adapt", "convert", "prove", "upload", "publish",
         "launch", "report")  # fmt: skip


class Step(Protocol):
    """One act of the story."""

    name: str
    disturbs: bool  # leaves someone's running machine changed until `settled_by` is done
    settled_by: str

    def applies(self, job: Job) -> bool:
        """Whether this job has this step."""

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Look, change nothing: log in, measure, say what would stand in the way."""

    def run(self, ctx: Context) -> Facts:
        """Look, then act: find what a crash left, do the rest, return the facts for the journal."""

    def undo(self, ctx: Context) -> None:
        """Take back what `run` did; gone already is fine."""


class Plain:
    """The defaults of a step that nobody else's machine notices."""

    disturbs = False
    settled_by = ""

    def applies(self, job: Job) -> bool:
        """Every job has it."""
        return True

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Nothing stands in the way."""
        return iter(())

    def undo(self, ctx: Context) -> None:
        """Nothing to take back."""


def image_facts(state: State) -> Facts:
    """The disks that go on from here: as they were fetched, the system disk as it was adapted where that was done.

    A data disk whose content was put into the system disk (`put_in`) does not go on.
    """
    fetched, adapted = state.of("fetch"), state.of("adapt") if state.is_done("adapt") else {}
    if gone := adapted.get("put_in"):
        fetched = parts.joined([disk for disk in parts.each(fetched) if disk["mount"] not in gone])
    if not adapted.get("path"):
        return fetched
    names = ("path", "format", "size", "virtual_size", "own", "stamp", "below", "below_format", "below_stamp")
    return {**fetched, **{name: adapted[name] for name in names}, "sha256": ""}


def steps_of(job: Job) -> list[Step]:
    """The steps that *job* has, in order."""
    made: list[Step] = [import_module(f"app.steps.{name}").STEP for name in ORDER]
    return [step for step in made if step.applies(job)]

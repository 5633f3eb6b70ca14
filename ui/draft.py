"""What the person has said so far: a frozen value that goes from page to page, and becomes a `Job` at Review."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.addresses import split_target
from app.job import Decision, Include, Job, new

if TYPE_CHECKING:
    from app.bandwidth import Line
    from app.sandbox import Look

STEPS = ("source", "sandbox", "include", "clean", "target", "line", "review", "run", "done")


@dataclass(frozen=True)
class Draft:
    """The answers of the pages.

    *called* names the source for people. *size* is what its disk has, *packed* about what is left of it compressed
    (bytes, 0: unknown).
    """

    source: str = ""
    called: str = ""
    size: int = 0
    sandbox: str = ""
    skipped: bool = False
    look: Look | None = None
    include: tuple[Include, ...] = ()
    clean: str = "move"
    secrets: tuple[Decision, ...] = ()
    unfixed: tuple[str, ...] = ()
    target: str = ""
    profile: str = "generic"
    format: str = ""
    name: str = ""
    compress: bool = True
    prove: bool = True
    sampled: bool = False
    launch: bool = False
    limit: int = 0
    quiet: tuple[str, ...] = ()
    until: float = 0.0
    packed: int = 0
    line: Line | None = None
    job: Job | None = None
    practice: bool = False

    @classmethod
    def rehearsing(cls, job: Job) -> Draft:
        """The answers that *job*, a rehearsal's, stands for: they are shown, and cannot be changed."""
        return cls(
            source=job.source, called=job.image_name, sandbox=job.sandbox_url, include=job.include, clean=job.clean,
            target=job.target, profile=job.profile, job=job, practice=True,
        )  # fmt: skip

    @property
    def launches(self) -> bool:
        """Whether a test machine is wished for, where that can be: in a cloud."""
        return self.launch and urlsplit(self.target).scheme == "openstack"

    @property
    def steps(self) -> tuple[str, ...]:
        """The pages that this export has, in order."""
        if self.job and not self.source:  # opened from Home, or the rehearsal: its job is settled
            return ("review", "run", "done")
        left_out = {"target", "line"} if self.practice else set()
        if urlsplit(self.source).scheme == "file":
            left_out |= {"sandbox", "include", "clean"}
        if self.skipped:
            left_out |= {"include", "clean"}
        if urlsplit(self.target).scheme == "file":
            left_out.add("line")
        return tuple(step for step in STEPS if step not in left_out)

    def from_source(self, source: str, called: str, size: int, sandbox: str = "") -> Draft:
        """This draft with another source; what was learned about the old one is dropped."""
        if source == self.source:
            return replace(self, called=called, size=size)
        return replace(
            self, source=source, called=called, size=size, packed=0, sandbox=sandbox, look=None, skipped=False,
            include=(), clean="move", secrets=(), unfixed=(),
        )  # fmt: skip

    def looked(self, sandbox: str, look: Look | None, unfixed: tuple[str, ...]) -> Draft:
        """This draft with what was seen at *sandbox*; what was said about another machine is dropped."""
        known = {secret.path for secret in look.secrets} if look else set()
        kept = tuple(decision for decision in self.secrets if decision.path in known)
        again = self.look is not None and self.sandbox == sandbox
        include = self.include if again or self.practice else ()
        return replace(
            self, sandbox=sandbox, look=look, unfixed=unfixed, skipped=False, secrets=kept if again else (),
            include=include,
        )  # fmt: skip

    def skipping(self) -> Draft:
        """This draft without a look at the machine: the main disk as it is."""
        return replace(self, sandbox="", look=None, skipped=True, include=(), clean="move", secrets=(), unfixed=())

    def to_target(self, target: str) -> Draft:
        """This draft with another target; the line to the old one is forgotten."""
        return self if target == self.target else replace(self, target=target, line=None)

    def target_folder(self) -> str:
        """The URL of the folder that the image goes into."""
        return split_target(self.target)[0]

    def as_job(self) -> Job:
        """The job that this draft asks for, under one id however often it is changed; raises `Usage`."""
        if self.job and (self.practice or not self.source):
            return self.job
        name = self.name or self.image_name()
        made = new(
            self.source, self.target, name=name, profile=self.profile, sandbox=self._sandbox(),
            include=self.include, clean=self.clean, secrets=self.secrets, unfixed=self.unfixed,
            format=self.format, compress=self.compress, prove=self.prove, limit=self.limit,
            verify="sampled" if self.sampled else "auto", launch="test" if self.launches else "",
            quiet=self.quiet, until=self.until,
        )  # fmt: skip
        return replace(made, id=self.job.id, created=self.job.created) if self.job else made

    def image_name(self) -> str:
        """What people call the machine, as far as that can be the name of a file."""
        from_file = self.source.startswith("file:")
        return "" if from_file else re.sub(r"[^\w.-]+", "-", self.called).strip("-.")[:100]

    def _sandbox(self) -> str:
        is_source = self.sandbox == self.source
        return "" if self.skipped or is_source or "sandbox" not in self.steps else self.sandbox

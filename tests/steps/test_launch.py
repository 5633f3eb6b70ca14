"""What the words and states of a test machine at the target mean (the machine itself: tests/cloud/test_launch.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.context import Context
from app.errors import JobError, Usage
from app.job import new
from app.providers import Flavor, Seen
from app.steps import launch
from app.steps.launch import STEP

GOOD = {"source": "file:///a/disk.qcow2", "target": "openstack://cloud/image/x"}


class Trial:
    """A machine that shows *sights* one after the other, the last one for ever."""

    cloud_name = "cloud"

    def __init__(self, *sights: Seen) -> None:
        self.sights, self.gone = list(sights), 0

    def flavor(self) -> Flavor:
        return Flavor("1", "small", 512, 10, 1)

    def start(self, image: str, network: str = "") -> str:
        return f"machine of {image}"

    def look(self, machine: str) -> Seen:
        return self.sights.pop(0) if len(self.sights) > 1 else self.sights[0]

    def removed(self) -> None:
        self.gone += 1


@pytest.fixture
def tried(context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the step with a machine that shows the given sights; the facts and the machine."""
    for name, seconds in (("LOOK", 0.0), ("GRACE", 0.02), ("STILL", 0.1)):
        monkeypatch.setattr(launch, name, seconds)

    def run(*sights: Seen, how: str = "test", evidence: str = "serial") -> tuple[Any, Trial]:
        trial = Trial(*sights)
        monkeypatch.setattr(launch, "_trial", lambda ctx, size: trial)
        monkeypatch.setattr(launch, "_image", lambda ctx: "image")
        ctx = context(
            new(**GOOD, launch=how), facts={"convert": {"virtual_size": 1 << 30}, "prove": {"evidence": evidence}}
        )
        try:
            return STEP.run(ctx), trial
        except JobError as exc:
            return exc, trial

    return run


def seen(text: str, status: str = "ACTIVE") -> Seen:
    return Seen(status, "", text.encode(), console=True)


def test_a_login_is_the_proof(tried: Callable[..., Any]) -> None:
    facts, trial = tried(Seen("BUILD"), seen("Linux version 6\r\n"), seen("Linux version 6\r\nbox login: "))
    assert (facts["ok"], facts["verdict"], facts["kept"], trial.gone) == (True, "login", False, 1)
    facts, trial = tried(seen("box login: "), how="keep")
    assert (facts["kept"], trial.gone) == (True, 0)


@pytest.mark.parametrize(
    ("sight", "topic"),
    [
        (seen("Kernel panic - not syncing: VFS"), "boot-panic"),
        (seen("(initramfs) "), "boot-initramfs"),
        (seen("Starting something, and no more"), "boot-timeout"),
        (seen(""), "boot-silent"),
    ],
)
@pytest.mark.parametrize("how", ["test", "keep"])
def test_what_does_not_start_is_no_success_and_is_removed(
    sight: Seen, topic: str, how: str, tried: Callable[..., Any]
) -> None:
    trouble, trial = tried(sight, how=how)
    assert isinstance(trouble, JobError)
    assert (trouble.topic, trial.gone) == (topic, 1)
    assert "removed" in trouble.means


def test_a_word_that_is_not_the_last_is_not_believed(tried: Callable[..., Any]) -> None:
    facts, _ = tried(seen("Kernel panic - not syncing: x"), seen("Kernel panic - not syncing: x\r\nbox login: "))
    assert facts["ok"]


@pytest.mark.parametrize(("sight", "evidence"), [(Seen("ACTIVE"), "serial"), (seen(""), "screen")])
def test_a_cloud_that_shows_no_console_is_believed_no_more_than_it_says(
    sight: Seen, evidence: str, tried: Callable[..., Any]
) -> None:
    facts, _ = tried(sight, evidence=evidence)
    assert (facts["ok"], facts["verdict"]) == (True, "running")
    assert "login was not seen" in facts["reason"]


@pytest.mark.parametrize("status", ["ERROR", "DELETED", "SHUTOFF"])
def test_a_machine_that_never_runs_tells_the_clouds_reason(status: str, tried: Callable[..., Any]) -> None:
    trouble, trial = tried(Seen("BUILD"), Seen(status, "No valid host was found."))
    assert "No valid host was found." in trouble.message
    assert (trouble.topic, trial.gone) == ("launch", 1)


def test_a_machine_is_started_in_clouds_only() -> None:
    with pytest.raises(Usage, match="only where the target is a cloud"):
        new(**{**GOOD, "target": "sftp://h/in/"}, launch="test")
    with pytest.raises(Usage, match="no way to start a machine"):
        new(**GOOD, launch="soon")

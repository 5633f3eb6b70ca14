"""Every event and every state is a sentence, and no sentence is a trap."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app import context, words
from app.context import Event, Finding
from app.errors import Cancelled, JobError, trouble
from app.job import Include, Job
from app.journal import State
from app.steps import ORDER

KINDS = re.findall(r"`(\w+)`", (context.Event.__doc__ or "").partition("*kind*")[2].partition("*done*")[0])
JARGON = re.compile(r"\b(None|null|dict|journal|sha256-server|stdin|traceback|exception|bytes_here)\b|[{}<>]")
JOB = Job("openstack://mycloud/server/42", "sftp://me@data.example.org:2222/drop/", id="one", name="thesis",
          sandbox="ssh://me@box", include=(Include("/application", "merge"),), created=1)  # fmt: skip


def event(step: str, kind: str, text: str = "", done: int = 0, total: int = 0, **facts: object) -> Event:
    return Event("", step, kind, done, total, text, facts)


@dataclass
class Shelved:
    state: State
    job: Job = JOB
    finished: bool = False
    disturbed: bool = False
    running: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize("step", [*ORDER, "something-new"])
@pytest.mark.parametrize("kind", [*KINDS, "something-new"])
def test_every_event_has_a_sentence_even_without_facts(kind: str, step: str) -> None:
    said = words.say(Event("one", step, kind, text="Copying."))
    assert said
    assert "\n" not in said
    assert not JARGON.search(said)


def test_the_kinds_tested_are_those_of_the_core() -> None:
    assert {"planned", "tick", "finding", "retry", "finished"} <= set(KINDS)
    assert len(KINDS) == 12


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Event("", "fetch", "tick", 5 * 10**8, 10**9, "Fetching"), "Fetching: 500.0 MB of 1.0 GB (50 %)"),
        (Event("", "fetch", "tick", 5 * 10**8, 0, ""), "Fetching the disk: 500.0 MB"),
        (event("prepare", "tick", "Comparing", done=5, total=9, unit="files"), "Comparing: 5 of 9 files"),
        (event("upload", "retry", "The line was cut.", wait=7.6), "The line was cut. Trying again in 8 s."),
        (event("", "planned", steps=["a", "b"], state={"a": "done"}), "2 steps, 1 of them done before."),
        (
            event("convert", "done", name="x.qcow2", format="qcow2", size=10**9),
            "The image “x.qcow2” is ready (QCOW2, 1.0 GB).",
        ),
        (
            event("prove", "done", ok=False, verdict="no-boot-device", reason="The disk has no boot code."),
            "The image did not start. The disk has no boot code.",
        ),
        (
            event("prove", "done", ok=True, verdict="login", seconds=41.2, reason=""),
            "The image starts: a login was seen after 41 s.",
        ),
        (event("restore", "done", proof="All as it was."), "All as it was."),
        (
            event("prepare", "done", merged=[{"path": "/a"}, "/b", "/c"]),
            "/a, /b and /c copied into the root disk.",
        ),
        (event("upload", "failed", what="No room."), "Upload: No room."),
    ],
)
def test_events_say_what_matters(told: Event, said: str) -> None:
    assert words.say(told) == said


@pytest.mark.parametrize(
    ("grade", "certain"),
    [("sha256-server", True), ("read-back", True), ("sampled", False), ("size", False), ("accepted", False)],
)
def test_only_proof_of_every_byte_is_called_the_same_sha256(grade: str, certain: bool) -> None:
    said = words.proof(grade)
    assert ("same SHA-256" in said or "SHA-256 is the same" in said) is certain


def test_findings_begin_with_their_grade_and_end_with_the_remedy() -> None:
    stop = Finding("stop", "There is no room.", "12 GB are missing.", "Free some.")
    assert words.finding(stop) == "This stands in the way: There is no room. 12 GB are missing. Free some."
    assert words.finding(replace(stop, grade="ok")) == "Good: There is no room. 12 GB are missing."
    assert words.finding(vars(stop)) == words.finding(stop)


def test_the_plan_names_each_part_of_a_full_export() -> None:
    plan = " ".join(words.plan(JOB))
    for part in (
        "/application",
        "snapshot",
        "as it was",
        "Fetch",
        "login",
        "/drop/ on data.example.org:2222",
        "thesis",
    ):
        assert part in plan
    small = " ".join(words.plan(Job("file:///x/a.raw", "file:///usb/", limit=10**6, prove=False)))
    assert "snapshot" not in small
    assert "1.0 MB/s at most" in small
    assert "Leave out the test start" in small


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({}, "Not started yet."),
        ({"fetch": "done"}, "Stopped after “Fetch the disk”"),
        ({"fetch": "done", "convert": "started"}, "interrupted at “Convert the disk”"),
        ({"fetch": "cancelled"}, "Paused at “Fetch the disk”"),
        ({"fetch": "undone", "convert": "undone"}, "Taken back"),
    ],
)
def test_every_state_has_a_sentence(steps: dict[str, str], said: str) -> None:
    assert said in words.status(Shelved(State(steps=steps)))


def test_an_export_that_runs_elsewhere_is_told_apart_from_an_interrupted_one() -> None:
    state = State(steps={"prepare": "done", "snapshot": "started"})
    said = words.status(Shelved(state, disturbed=True, running=True))
    assert said == "It is running now at “Take a snapshot”."


def test_a_failed_export_says_why_until_something_else_happened() -> None:
    state = State(steps={"upload": "failed"}, last={"step": "upload", "event": "failed", "facts": {"what": "No room."}})
    assert words.status(Shelved(state)) == "Stopped at “Upload”: No room."
    state.last = {"step": "prepare", "event": "undone"}
    assert "“Upload”" in words.status(Shelved(state))


def test_a_finished_export_says_where_and_how_sure() -> None:
    state = State(facts={"upload": {"url": "sftp://me@h/drop/a.raw", "proof": "size"}}, last={"at": 1.0})
    said = words.status(Shelved(state, finished=True))
    assert "/drop/a.raw on h (SFTP)" in said
    assert "only its size" in said


def test_a_changed_sandbox_comes_before_everything_else() -> None:
    said = words.status(Shelved(State(steps={"prepare": "done", "upload": "failed"}), disturbed=True, finished=True))
    assert said.startswith("Your sandbox may still be changed")


def test_the_lid() -> None:
    def may(running: bool = True, **steps: str) -> bool:
        able, why = words.may_close_lid(JOB, State(steps=steps), running)
        assert why.endswith(".")
        return able

    assert may(running=False, prepare="done")
    assert not may(prepare="started")
    assert not may(prepare="done", snapshot="started")
    assert not may(prepare="done", snapshot="done", restore="started")
    assert may(prepare="done", restore="done", upload="started")
    whole = State(steps={"upload": "started", "restore": "done"}, facts={"upload": {"abilities": {"whole": True}}})
    assert not words.may_close_lid(JOB, whole, running=True)[0]


def test_trouble_is_told_in_lines_that_begin_alike() -> None:
    lines = words.trouble_lines(trouble(JobError("No room\nthere.", "Free some."), "3 tries"))
    assert lines[0] == "error: No room there."
    assert lines[-1] == "try: Free some."
    assert "  3 tries" in lines
    assert words.trouble_lines(trouble(Cancelled()))[0] == "error: Stopped, as you asked."


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///home/me/my%20disk.raw", "/home/me/my disk.raw"),
        ("sftp://me@h:22/", "the upload folder on h:22 (SFTP)"),
        ("ftpes://me@h/in/a.qcow2", "/in/a.qcow2 on h (FTPS)"),
        ("openstack://cloud/server/42", "server 42 of the cloud cloud"),
        ("swift://cloud/box/a.raw", "box/a.raw in the object store of the cloud cloud"),
        ("ssh://me@box", "the machine box"),
        ("gopher://x/%1b[31m", "gopher://x/%1b[31m"),
        ("sftp://me@h/%1b%5b31mred%0a", "/red on h (SFTP)"),
    ],
)
def test_places_are_told_in_words(url: str, said: str) -> None:
    assert words.place(url) == said


def test_every_step_of_the_story_has_its_own_heading() -> None:
    headings = {words.step_title(step) for step in ORDER}
    assert len(headings) == len(ORDER) == len({words.doing(step) for step in ORDER})
    assert not headings & {step.capitalize() for step in ORDER} - {"Upload"}


@pytest.mark.parametrize(
    ("grades", "said"),
    [
        ("", "No changes were made in the copy"),
        ("o", "One change was made in the copy"),
        ("ooc", "2 changes were made in the copy"),
        ("oc", "1 more could not be made"),
    ],
)
def test_what_was_changed_in_the_copy_is_counted(grades: str, said: str) -> None:
    changes = [{"grade": {"o": "ok", "c": "care"}[grade]} for grade in grades]
    told = words.say(Event("", "adapt", "done", facts={"changes": changes}))
    assert said in told
    assert ("could not be made" in told) is ("c" in grades)

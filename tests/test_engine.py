"""The loop over the steps: order, retries, cancel, settling, locks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from app import engine, host
from app.context import Context, Event, Finding
from app.errors import Cancelled, JobError, NeedsAnswer, Question, Transient, Waiting
from app.job import Job, new
from app.journal import history, read
from app.secrets import Answers


@dataclass
class Act:
    """A step that does what the test says."""

    name: str
    do: Callable[[Context], Any] = lambda ctx: {}
    look: Callable[[Context], list[Finding]] = lambda ctx: []
    disturbs: bool = False
    settled_by: str = ""
    ran: int = 0
    undone: int = 0

    def applies(self, job: Job) -> bool:
        return True

    def check(self, ctx: Context) -> Iterator[Finding]:
        return iter(self.look(ctx))

    def run(self, ctx: Context) -> dict[str, Any]:
        self.ran += 1
        return self.do(ctx) or {}

    def undo(self, ctx: Context) -> None:
        self.undone += 1


@dataclass
class Desk:
    """One job with steps of the test's own."""

    folder: Path
    steps: list[Act]
    events: list[Event] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)
    job: Job = field(default_factory=lambda: new("file:///x/a.raw", "file:///y/"))

    def run(self, act: Callable[..., Any] = engine.run, **more: Any) -> Any:
        return act(self.job, self.folder, self.events.append, self.cancel, Answers(use_keyring=False), **more)

    @property
    def journal(self) -> list[str]:
        return [f"{line['step']} {line['event']}" for line in history(self.folder / "journal.jsonl")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Desk]:
    def make(*steps: Act) -> Desk:
        made = Desk(tmp_path / "job", list(steps))
        monkeypatch.setattr(engine, "steps_of", lambda job: made.steps)
        monkeypatch.setattr(engine, "FIRST_WAIT", 0.01)
        return made

    return make


def fails(exc: BaseException) -> Callable[[Context], None]:
    def act(ctx: Context) -> None:
        raise exc

    return act


def test_steps_run_in_order_and_once(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a", lambda ctx: {"n": 1}), Act("b", lambda ctx: {"seen": ctx.state.of("a")["n"]}))
    one.run()
    one.run()
    assert one.journal == ["preflight fact", "a started", "a done", "b started", "b done", "preflight fact"]
    assert [step.ran for step in one.steps] == [1, 1]
    assert read(one.folder / "journal.jsonl").of("b") == {"seen": 1}
    assert one.events[-1].kind == "finished"


def test_a_failure_stops_there_and_the_next_run_goes_on(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a"), Act("b", fails(JobError("No room.", "Make room."))), Act("c"))
    with pytest.raises(JobError, match="No room"):
        one.run()
    assert one.journal[-1] == "b failed"
    one.steps[1].do = lambda ctx: {}
    one.run()
    assert [step.ran for step in one.steps] == [1, 2, 1]


def test_transient_failures_are_tried_again_while_bytes_get_through(desk: Callable[..., Desk]) -> None:
    tries: list[int] = []

    def shaky(ctx: Context) -> None:
        tries.append(1)
        ctx.begin("send", 10)
        ctx.advance(1)
        if len(tries) < 4:
            raise Transient("The line broke.")

    one = desk(Act("a", shaky))
    one.run()
    retries = [e for e in one.events if e.kind == "retry"]
    assert len(retries) == 3
    assert all(e.text == "The line broke." and e.facts["wait"] >= 0 for e in retries)


def test_a_dead_line_is_given_up_after_the_patience(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a", fails(Transient("Nobody answers."))))
    with pytest.raises(Transient) as caught:
        one.run(patience=0.1)
    assert caught.value.exit_code == 4
    assert one.steps[0].ran > 1
    assert one.journal[-1] == "a failed"


def test_waits_grow_without_progress(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a", fails(Transient("Nobody answers."))))
    with pytest.raises(Transient):
        one.run(patience=0.5)
    waits = [e.facts["wait"] for e in one.events if e.kind == "retry"]
    assert len(waits) < 12


def test_cancel_is_no_failure_and_resume_goes_on(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a"), Act("b", lambda ctx: ctx.cancel.set() or ctx.sleep(60)))
    with pytest.raises(Cancelled):
        one.run()
    assert one.journal[-1] == "b cancelled"
    one.cancel.clear()
    one.steps[1].do = lambda ctx: {}
    one.run()
    assert one.journal[-1] == "b done"


@pytest.mark.parametrize("end", [JobError("x"), Cancelled(), ValueError("a bug"), KeyboardInterrupt()])
def test_a_disturbed_machine_is_put_back_whatever_ends_the_job(desk: Callable[..., Desk], end: BaseException) -> None:
    one = desk(Act("prepare", disturbs=True, settled_by="restore"), Act("snapshot", fails(end)), Act("restore"))
    with pytest.raises(type(end)):
        one.run()
    assert one.steps[0].undone == 1
    assert one.journal[-1] == "prepare undone"
    one.steps[1].do = lambda ctx: {}
    one.run()
    assert one.steps[0].ran == 2  # prepared anew, because it had been put back


def test_a_restored_machine_is_left_alone(desk: Callable[..., Desk]) -> None:
    one = desk(Act("prepare", disturbs=True, settled_by="restore"), Act("restore"), Act("fetch", fails(JobError("x"))))
    with pytest.raises(JobError):
        one.run()
    assert one.steps[0].undone == 0


def test_waiting_for_the_person_leaves_the_machine_prepared(desk: Callable[..., Desk]) -> None:
    one = desk(Act("prepare", disturbs=True, settled_by="restore"), Act("snapshot", fails(Waiting("Now you."))))
    with pytest.raises(Waiting):
        one.run()
    assert one.steps[0].undone == 0


def test_trouble_while_putting_back_is_told_and_kept_and_hides_nothing(desk: Callable[..., Desk]) -> None:
    one = desk(Act("prepare", disturbs=True, settled_by="restore"), Act("snapshot", fails(JobError("first"))))
    one.steps[0].undo = fails(JobError("second"))  # type: ignore[method-assign]
    with pytest.raises(JobError, match="first"):
        one.run()
    assert one.journal[-1] == "prepare unsettled"
    assert any("second" in e.text for e in one.events)
    assert read(one.folder / "journal.jsonl").touched("prepare")


def test_a_stop_finding_stops_before_anything_runs(desk: Callable[..., Desk]) -> None:
    stop = Finding("stop", "The disk is too small.", remedy="Choose another.")
    one = desk(Act("a"), Act("b", look=lambda ctx: [stop]))
    with pytest.raises(JobError, match="too small") as caught:
        one.run()
    assert caught.value.remedy == "Choose another."
    assert one.steps[0].ran == 0
    assert one.run(engine.check) == [stop]


def test_a_question_comes_out_before_anything_runs(desk: Callable[..., Desk]) -> None:
    ask = Question("password", "sftp://me@h", "Password?")
    one = desk(Act("a"), Act("b", look=lambda ctx: [Finding("ok", ctx.need(ask))]))
    with pytest.raises(NeedsAnswer):
        one.run()
    assert one.steps[0].ran == 0


def test_undo_goes_backwards_over_what_was_touched(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a"), Act("b", fails(JobError("x"))), Act("c"))
    with pytest.raises(JobError):
        one.run()
    one.run(engine.undo)
    assert [step.undone for step in one.steps] == [1, 1, 0]
    assert one.journal[-2:] == ["b undone", "a undone"]


def test_one_job_runs_once_at_a_time(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a"))
    host.private_folder(one.folder)
    with host.held(one.folder / "lock"), pytest.raises(JobError, match="already running"):
        one.run()
    one.run()


def test_a_folder_of_another_job_is_refused(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a"))
    one.run()
    one.job = new("file:///x/a.raw", "file:///y/")
    with pytest.raises(JobError, match="belongs to another"):
        one.run()


def test_an_export_that_has_begun_keeps_its_wishes_but_for_the_speed(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a", fails(JobError("x"))))
    with pytest.raises(JobError, match="x"):
        one.run()
    begun = one.job
    one.job = replace(begun, target="file:///elsewhere/")
    with pytest.raises(JobError, match="other wishes"):
        one.run()
    one.job = replace(begun, limit=1000)
    with pytest.raises(JobError, match="x"):
        one.run()


def test_what_the_checks_said_is_kept_over_a_resume(desk: Callable[..., Desk]) -> None:
    one = desk(Act("a", look=lambda ctx: [Finding("care", "Old disk.")]), Act("b", fails(JobError("x"))))
    with pytest.raises(JobError):
        one.run()
    one.steps[1].do = lambda ctx: {}
    one.run()
    found = read(one.folder / "journal.jsonl").of("preflight")["findings"]
    assert [f["title"] for f in found["a"]] == ["Old disk."]


def test_no_secret_reaches_journal_events_or_log(desk: Callable[..., Desk]) -> None:
    marker = "Xy7-marker-secret"
    one = desk(Act("a", fails(JobError(f"refused {marker}"))))
    answers = Answers({"x": marker}, use_keyring=False)
    with pytest.raises(JobError):
        engine.run(one.job, one.folder, one.events.append, one.cancel, answers)
    for file in one.folder.rglob("*"):
        if file.is_file():
            assert marker not in file.read_text()
    assert (one.folder / "log.txt").stat().st_size > 0
    assert marker not in repr(one.events)

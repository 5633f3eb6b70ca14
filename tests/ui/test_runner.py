"""The runner against every trap of Qt's threads that was measured."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThread, Slot

from app.context import Event
from app.errors import Cancelled, JobError, NeedsAnswer, Question
from app.secrets import Answers
from ui import runner
from ui.runner import Failure, Pacer, Runner

ROOT = Path(__file__).resolve().parents[2]


class Ear(QObject):
    """A receiver in the window's thread."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.threads: list[object] = []
        self.values: list[object] = []
        self.failures: list[Failure] = []

    @Slot(object)
    def told(self, event: object) -> None:
        self.events.append(event)
        self.threads.append(QThread.currentThread())

    @Slot(object)
    def result(self, value: object) -> None:
        self.values.append(value)

    @Slot(object)
    def failed(self, failure: object) -> None:
        self.failures.append(failure)


@pytest.fixture
def run(qtbot, answers: Answers):
    def start(act, ear: Ear) -> Runner:
        made = Runner(act, answers)
        made.told.connect(ear.told)
        made.result.connect(ear.result)
        made.failed.connect(ear.failed)
        with qtbot.waitSignal(made.finished, timeout=10_000):
            made.begin()
        qtbot.waitUntil(lambda: not runner.alive())
        return made

    return start


def tick(done: int, total: int = 40 << 30, text: str = "Uploading") -> Event:
    return Event("job", "upload", "tick", done, total, text)


def test_counts_above_two_gigabytes_arrive_whole(run) -> None:
    ear = Ear()
    run(lambda report, cancel, answers: report(Event("job", "upload", "done", 5_000_000_000, 40 << 30)), ear)
    assert [(e.done, e.total) for e in ear.events] == [(5_000_000_000, 40 << 30)]


def test_a_result_above_two_gigabytes_arrives_whole(run) -> None:
    ear = Ear()
    run(lambda report, cancel, answers: 1 << 40, ear)
    assert ear.values == [1 << 40]


def test_events_are_received_in_the_windows_thread(run, qapp) -> None:
    ear, worker = Ear(), []

    def act(report, cancel, answers) -> None:
        worker.append(threading.get_ident())
        report(tick(1))

    run(act, ear)
    assert worker[0] != threading.get_ident()
    assert ear.threads
    assert all(thread is qapp.thread() for thread in ear.threads)


@pytest.mark.parametrize(
    "exc", [JobError("no"), Cancelled(), ZeroDivisionError("bug"), SystemExit(3), KeyboardInterrupt(), MemoryError()]
)
def test_whatever_is_raised_the_wait_ends_with_a_reason(run, exc: BaseException) -> None:
    ear = Ear()

    def act(report, cancel, answers) -> None:
        raise exc

    run(act, ear)
    assert len(ear.failures) == 1
    assert ear.failures[0].exc is exc
    assert ear.failures[0].trouble.what
    assert not ear.values


def test_details_hide_secrets(run, answers: Answers) -> None:
    ear = Ear()
    answers.give("sftp://me@host", "hunter2-secret")

    def act(report, cancel, answers) -> None:
        raise JobError("Refused for hunter2-secret at sftp://me:pw1234@host", "Do not use hunter2-secret.")

    run(act, ear)
    told = ear.failures[0].trouble
    assert "hunter2-secret" not in f"{told.what}{told.remedy}{told.details}"
    assert "pw1234" not in f"{told.what}{told.details}"
    assert "act" in told.details


def test_cancel_reaches_a_busy_act(qtbot, answers: Answers) -> None:
    begun = threading.Event()

    def act(report, cancel, answers) -> None:
        begun.set()
        if cancel.wait(20):
            raise Cancelled

    ear, made = Ear(), Runner(act, answers)
    made.failed.connect(ear.failed)
    made.begin()
    qtbot.waitUntil(begun.is_set)
    with qtbot.waitSignal(made.finished, timeout=3000):
        made.cancel()
    qtbot.waitUntil(lambda: bool(ear.failures))
    assert isinstance(ear.failures[0].exc, Cancelled)


def test_a_runner_that_nobody_holds_lives_until_its_thread_has_ended(qtbot, answers: Answers) -> None:
    go, ended = threading.Event(), threading.Event()

    def act(report, cancel, answers) -> None:
        go.wait(10)
        ended.set()

    def drop() -> None:
        Runner(act, answers).begin()

    drop()
    import gc

    gc.collect()
    assert len(runner.alive()) == 1
    go.set()
    qtbot.waitUntil(lambda: not runner.alive())
    assert ended.is_set()


def test_a_program_that_quits_with_a_thread_at_work_does_not_abort(tmp_path: Path) -> None:
    """Qt aborts (SIGABRT) when a running QThread is destroyed; a held one is asked to stop and waited for."""
    code = """
import sys, threading
from PySide6.QtCore import QCoreApplication, QTimer
from app.secrets import Answers
from ui.main import _ended
from ui.runner import Runner
app = QCoreApplication([])
def act(report, cancel, answers):
    cancel.wait(30)
Runner(act, Answers(use_keyring=False)).begin()
QTimer.singleShot(50, app.quit)
sys.exit(_ended(app.exec()))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_progress_comes_ten_times_a_second_and_everything_else_always() -> None:
    got: list[Event] = []
    clock = Clock()
    pace = Pacer(got.append, clock)
    for number in range(1000):
        clock.now += 0.001
        pace(tick(number, 5000))
    assert 9 <= len(got) <= 11
    for number in range(50):
        pace(Event("job", "upload", "note", text=str(number)))
    assert [e.text for e in got if e.kind == "note"] == [str(n) for n in range(50)]


def test_the_last_progress_is_never_held_back() -> None:
    got: list[Event] = []
    pace = Pacer(got.append, Clock())
    for number in (1, 2, 3):
        pace(tick(number, 3))
    assert [e.done for e in got] == [1, 3]
    pace(tick(3, 3))
    pace(tick(3, 3))
    pace(Event("job", "upload", "done"))
    assert [e.kind for e in got][-2:] == ["tick", "done"]
    assert len(got) == 4


def test_held_progress_comes_before_the_event_that_follows_it() -> None:
    got: list[Event] = []
    pace = Pacer(got.append, Clock())
    pace(tick(1, 9))
    pace(tick(5, 9))
    pace(Event("job", "upload", "retry"))
    assert [(e.kind, e.done) for e in got] == [("tick", 1), ("tick", 5), ("retry", 0)]


def test_a_question_keeps_its_fields(run) -> None:
    ear, question = Ear(), Question("password", "sftp://me@host", "Password?", "")

    def act(report, cancel, answers) -> None:
        raise NeedsAnswer(question)

    run(act, ear)
    assert ear.failures[0].exc.question == question

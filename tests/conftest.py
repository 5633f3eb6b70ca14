"""Fixtures that every test may use; each test has a home and a data folder of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from app.context import Context, Event
from app.job import Job
from app.journal import Journal
from app.secrets import Answers

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, which would pass that on to programs
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees this person's keys, clouds, keyring or jobs."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("SSH_AUTH_SOCK", "OS_CLOUD", "OS_CLIENT_CONFIG_FILE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SANDHOPPER_HOME", str(tmp_path / "data"))
    keyring.set_keyring(NoKeyring())
    return home


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is entered here is left when the test ends: servers, relays, stores."""
    with ExitStack() as made:
        yield made


@pytest.fixture
def events() -> list[Event]:
    """What was reported, in order."""
    return []


@pytest.fixture
def context(tmp_path: Path, events: list[Event], stack: ExitStack) -> Callable[..., Context]:
    """Make a Context: `context(job=…, answers={…})`; facts of earlier steps by `facts={"convert": {…}}`."""

    def make(
        job: Job | None = None, answers: dict[str, str] | None = None, facts: dict[str, dict[str, Any]] | None = None
    ) -> Context:
        folder = tmp_path / "job"
        folder.mkdir(exist_ok=True)
        journal = Journal(folder / "journal.jsonl")
        stack.callback(journal.close)
        for step, said in (facts or {}).items():
            journal.record(step, "done", **said)
        job = job or Job("file:///nothing", "file:///nowhere/", id="test")
        return Context(job, folder, journal, events.append, threading.Event(), Answers(answers, use_keyring=False))

    return make

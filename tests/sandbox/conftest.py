"""A filled machine, and a Sandbox of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.context import Context
from app.sandbox import Sandbox
from tests.sandbox.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """The usual one: data of all kinds on a disk at /application."""
    with Machine(tmp_path, root_size=220) as made:
        made.fill()
        yield made


@pytest.fixture
def sandbox(context: Callable[..., Context]) -> Iterator[Callable[..., Sandbox]]:
    """Make a Sandbox of a machine: `sandbox(machine, user="root", answers={…})`."""
    with contextlib.ExitStack() as stack:

        def make(machine: Machine, user: str = "root", answers: dict[str, str] | None = None) -> Sandbox:
            ctx = context(answers={**machine.answers(), **(answers or {})})
            return stack.enter_context(contextlib.closing(Sandbox(machine.url(user), ctx)))

        yield make

"""The Context of a login."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.context import Context
from app.ssh import parked


@pytest.fixture
def ctx(context: Callable[..., Context]) -> Context:
    """One session's."""
    return context()


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """No connection of one test lives on in another."""
    yield
    parked.close_all()

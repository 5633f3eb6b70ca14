"""The Context of a login."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.context import Context


@pytest.fixture
def ctx(context: Callable[..., Context]) -> Context:
    """One session's."""
    return context()

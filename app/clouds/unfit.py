"""The error that says why a login file is not taken."""

from __future__ import annotations

from app.errors import JobError

ANEW = "Download it anew from the cloud's web page (API Access)."


def unfit(message: str, remedy: str = ANEW) -> JobError:
    """A file that is not taken, and nothing of it is."""
    return JobError(message, remedy, means="Nothing was taken from it.", topic="openrc")

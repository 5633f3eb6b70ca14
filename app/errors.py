"""What went wrong, in words for the person, and what they can do about it.

There are four ways a job can end early, and only these classes for them:

* `JobError`     the person can act on it (a message, what it means, a remedy)
* `Transient`    it may pass by itself; the engine tries again
* `NeedsAnswer`  a password, a fingerprint … is wanted before anything can go on
* `Cancelled`    the person asked to stop; not an error

Everything else that is raised is a bug of ours, and is told as one.
"""

from __future__ import annotations

import contextlib
import errno
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

EXIT_DONE, EXIT_BUG, EXIT_USAGE, EXIT_PERSON, EXIT_NETWORK, EXIT_CANCELLED = 0, 1, 2, 3, 4, 130


class JobError(Exception):
    """A failure that the person can act on.

    *message* says what happened, *remedy* what to do, *means* what it means for the
    person's data, *topic* names the help text in resources/help/.
    """

    exit_code = EXIT_PERSON

    def __init__(self, message: str, remedy: str = "", *, means: str = "", topic: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy, self.means, self.topic = message, remedy, means, topic


class Transient(JobError):
    """A failure that may pass by itself; the engine tries again with growing waits."""

    exit_code = EXIT_NETWORK


class Waiting(JobError):
    """The person has to do something elsewhere now; the job holds its place and changes nothing."""


class Usage(JobError):
    """The command line or the job file was not understood."""

    exit_code = EXIT_USAGE


@dataclass(frozen=True)
class Question:
    """Something only the person can answer.

    *kind* is `password`, `passphrase`, `sudo`, `code` (good once, never kept), `host-key`, `host-key-changed`,
    `certificate` or `old-server`;
    *about* names what it is for (a login URL without secrets: the key under which the answer is kept);
    *text* is the sentence to show; *detail* a fingerprint or the like. For `host-key*`, `certificate` and
    `old-server` the answer that says yes is the *detail* itself.
    """

    kind: str
    about: str
    text: str
    detail: str = ""


_UNTRUSTED = "No password and none of your data was sent."
_ASKED = {
    "host-key": (_UNTRUSTED, "host-key"),
    "host-key-changed": (_UNTRUSTED, "host-key-changed"),
    "certificate": (_UNTRUSTED, "certificate"),
    "old-server": (_UNTRUSTED, "old-server"),
    "code": ("Nothing was changed by this.", "login"),
    "sudo": ("Nothing was changed by this.", "sudo"),
}


class NeedsAnswer(JobError):
    """An answer is wanted; put it into `Answers` under `question.about` and start again."""

    def __init__(self, question: Question, remedy: str = "") -> None:
        means, topic = _ASKED.get(question.kind, ("Nothing was sent yet.", "passwords"))
        remedy = remedy or "Start it where it can ask you, or give the answer beforehand."
        super().__init__(question.text, remedy, means=means, topic=topic)
        self.question = question


class Cancelled(Exception):
    """The person asked to stop."""


Table = Mapping[type[BaseException], tuple[type[JobError], str, str]]


@contextlib.contextmanager
def explained(table: Table) -> Iterator[None]:
    """Raise what *table* says (kind, message, remedy) for a library's exception."""
    try:
        yield
    except (JobError, Cancelled):
        raise
    except tuple(table) as exc:
        kind, message, remedy = table[next(k for k in type(exc).__mro__ if k in table)]
        raise kind(message, remedy) from exc


KEPT = "Nothing is lost: what was done is kept, and the job can go on from here."


@dataclass(frozen=True)
class Trouble:
    """A failure in the five parts that window, terminal and report show.

    *kind* is `person`, `network`, `answer`, `waiting`, `cancelled` or `bug`.
    """

    kind: str
    what: str
    means: str = ""
    did: str = ""
    remedy: str = ""
    topic: str = ""
    details: str = field(default="", repr=False)


_SYSTEM = {
    errno.ENOSPC: ("This computer's disk is full", "Free some room, or use a folder on a bigger disk.", "disk-full"),
    errno.EDQUOT: ("Your quota on this computer is used up", "Free some room, then go on.", "disk-full"),
    errno.EIO: ("A disk of this computer fails", "Save what is on it, and use a folder on another disk.", "damaged"),
    errno.EROFS: ("This disk can only be read", "Choose another folder.", "folder"),
    errno.EACCES: ("This computer does not allow it", "Choose a folder that is yours.", "folder"),
    errno.EPERM: ("This computer does not allow it", "Choose a folder that is yours.", "folder"),
}


def as_told(exc: BaseException) -> BaseException:
    """*exc*, or the `JobError` for what the computer itself refuses about a file (full, read-only, not allowed)."""
    if not isinstance(exc, OSError) or exc.errno not in _SYSTEM:
        return exc
    if not exc.filename and exc.errno not in (errno.ENOSPC, errno.EDQUOT):
        return exc
    text, remedy, topic = _SYSTEM[exc.errno]
    told = JobError(f"{text}{f': {exc.filename}' if exc.filename else ''}.", remedy, topic=topic)
    return told.with_traceback(exc.__traceback__)


_PROMISE = re.compile(r"[^.;]*\b((tried|sent|looked at|logged in) again|goes on by itself)\b[^.;]*[.;]?")


def _given_up(remedy: str) -> str:
    """The remedy of a `Transient` that nobody tries again any more."""
    advice = _PROMISE.sub("", remedy).strip(" ;") or "Check the network"
    advice = re.sub(r"(^|[.?!] )([a-z])", lambda found: found[1] + found[2].upper(), advice)
    return f"{advice}{'' if advice[-1] in '.?!' else '.'} Then start it again; it goes on from here."


def kind_of(exc: BaseException) -> str:
    """The `Trouble.kind` of an exception."""
    exc = as_told(exc)
    for cls, kind in ((Cancelled, "cancelled"), (NeedsAnswer, "answer"), (Waiting, "waiting"), (Transient, "network")):
        if isinstance(exc, cls):
            return kind
    return "person" if isinstance(exc, JobError) else "bug"


def trouble(exc: BaseException, did: str = "", means: str = KEPT) -> Trouble:
    """Put *exc* into the five parts.

    *did* says what was already tried or kept, *means* what a failure means that does not say so itself.
    """
    details = "".join(traceback.format_exception(exc))
    exc = as_told(exc)
    if isinstance(exc, JobError):
        remedy = _given_up(exc.remedy) if isinstance(exc, Transient) else exc.remedy
        return Trouble(kind_of(exc), exc.message, exc.means or means, did, remedy, exc.topic, details)
    if isinstance(exc, Cancelled):
        return Trouble("cancelled", "Stopped, as you asked.", "What was done is kept.", did, "Resume it, or undo it.")
    what = f"Sandhopper made a mistake of its own ({type(exc).__name__})."
    means = "Your data was not touched by this; what was done before is kept."
    return Trouble("bug", what, means, did, "Try again; if it comes back, send us the report.", "bug", details)


def exit_code(exc: BaseException) -> int:
    """The program's exit status for *exc*."""
    if isinstance(exc, Cancelled | KeyboardInterrupt):
        return EXIT_CANCELLED
    told = as_told(exc)
    return told.exit_code if isinstance(told, JobError) else EXIT_BUG

"""Run our scripts on a sandbox: quick ones at once, long ones detached and looked after from here."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from app.context import Context
from app.errors import JobError, Transient

if TYPE_CHECKING:
    from app.ssh import Ssh

SCRIPTS = Path(__file__).parents[2] / "resources" / "sandbox"
_PARTS = {
    "look": (
        "look_kit",
        "look_places",
        "look_system",
        "look_disks",
        "look_boot",
        "look_network",
        "look_software",
        "look_rubbish",
    ),
    "places": ("look_kit", "look_places"),
    "tables": ("look_kit",),
    "disks": ("look_kit",),
    "secrets": ("look_kit",),
    "begin": ("witness", "edits"),
    "merge": ("witness", "edits", "aside", "copy"),
    "restore": ("witness", "prove", "edits", "aside"),
}
SLOWEST = 600  # seconds for what takes one or two; a busy machine needs a hundred times that
PATIENCE, LONGEST_PATIENCE = 8, 40  # tenths of a second that one look at a detached program waits there for its end
FIRST_WAIT, LONGEST_WAIT = 0.05, 0.2  # seconds between two looks


# in a shell of its own, which reads all of the text before it begins; `exit` in it does not end ours
_WHOLE = b'echo "$BEGINS"\n(\n%s\n)\n_code=$?\necho "$ENDS"\nexit $_code\n'


class Gone(Exception):
    """Somebody else has put the sandbox back, or is just doing so: there is nothing to look after any more."""


@dataclass
class News:
    """How a detached program is: *state* is `alive`, `ended`, `dead` or `gone`."""

    state: str
    status: int = 0
    lines: dict[str, list[str]] = field(default_factory=dict)

    def of(self, word: str) -> list[str]:
        """What was told under *word*."""
        return self.lines.get(word, [])

    @classmethod
    def read(cls, answer: bytes) -> News:
        """Read the answer of poll.sh."""
        first, *rest = answer.decode("utf-8", "surrogateescape").splitlines() or ["gone"]
        lines: dict[str, list[str]] = {}
        for line in rest:
            word, _, what = line.partition(" ")
            lines.setdefault(word, []).append(what)
        state, _, status = first.partition(" ")
        return cls(state, int(status) if status.isdigit() else int(state == "ended"), lines)


def script(name: str) -> str:
    """The text of one of our scripts."""
    return (SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")


def program(name: str) -> str:
    """A whole program: what all share, what it needs besides, and the script itself."""
    return "".join(script(part) for part in ("lib", *_PARTS.get(name, ()), name))


def given(**values: str | bytes) -> bytes:
    """Shell assignments of *values*; any byte but NUL may be in them (POSIX sh single quotes)."""
    return b"".join(
        name.encode()
        + b"="
        + quoted(value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape"))
        + b"\n"
        for name, value in values.items()
    )


def call(name: str, *words: str | bytes) -> bytes:
    """A line that calls a function of the shell."""
    raw = (word if isinstance(word, bytes) else word.encode("utf-8", "surrogateescape") for word in words)
    return b" ".join([name.encode(), *(quoted(word) for word in raw)])


def function(name: str, calls: Iterable[bytes]) -> bytes:
    """A function of the shell that makes *calls* until one fails."""
    return name.encode() + b"() {\n" + b"".join(line + b" || return 1\n" for line in calls) + b"true\n}\n"


def quoted(value: bytes) -> bytes:
    """*value* as one word of a shell."""
    return (
        shlex.quote(value.decode("latin-1")).encode("latin-1")
        if value.isascii()
        else b"'" + value.replace(b"'", b"'\"'\"'") + b"'"
    )


def ask(ssh: Ssh, name: str, before: bytes = b"", timeout: float = SLOWEST) -> bytes:
    """Run a quick script and return what it says; `JobError` with its last words when the shell itself fails.

    `Transient` when it takes more than *timeout* seconds: every script of ours may be run again.
    What the login's own files print before our first words and behind our last ones is left out; so is the answer
    whose last words are missing (sudo's `log_output` and dying lines cut some): that is a `Transient`, too.
    """
    from app.ssh.command import TooSlow
    from app.ssh.trouble import no_shell

    begins, ends = f"@{token_hex(12)}", f"@{token_hex(12)}"
    text = given(BEGINS=begins, ENDS=ends) + _WHOLE % (before + program(name).encode())
    try:
        done = ssh.run("sh -s", stdin=text, timeout=timeout, sudo=True)
    except TooSlow as exc:
        raise _too_slow(timeout) from exc
    if done.status in (-1, 137, 143):
        raise Transient("The sandbox ended our look at it.", "It is tried again.", topic="sandbox")
    if done.status:
        words = done.err.decode(errors="replace").strip()[-400:] or f"exit status {done.status}"
        if begins.encode() in done.out:
            raise JobError(f"The sandbox could not run our look at it: {words}", "Look at the details, then try again.")
    _, found, answer = done.out.partition(begins.encode() + b"\n")
    if not found:
        raise no_shell(ssh.where, done.out + done.err)
    answer, whole, _ = answer.rpartition(ends.encode())
    if not whole:
        raise Transient("The sandbox's answer was cut off in the middle.", "It is asked again.", topic="sandbox")
    return answer


def _too_slow(timeout: float) -> Transient:
    return Transient(
        f"The sandbox is very slow: in {timeout / 60:.0f} minutes it did not do what is else done in seconds.",
        "See on the sandbox what keeps it busy, or which disk or network folder does not answer. It is tried again.",
        means="Nothing is lost: what is under way there goes on.",
        topic="slow-sandbox",
    )


def watch(poll: Callable[[int], News], ctx: Context) -> Iterator[News]:
    """News of a detached program until it has ended; `Transient` when it was killed (start it again: it goes on).

    *poll* is told how many tenths of a second it may wait for the end. A slow machine is asked less often: asking takes
    no more than a fifteenth of one of its processors.
    """
    wait, patience = FIRST_WAIT, PATIENCE
    while True:
        asked = time.monotonic()
        news = poll(patience)
        effort = time.monotonic() - asked - patience / 10
        patience = min(max(PATIENCE, round(150 * effort)), LONGEST_PATIENCE) if PATIENCE else 0
        yield news
        if news.state == "ended" and not news.of("recalled"):
            return
        if news.state == "gone" or news.of("recalled"):
            raise Gone
        if news.state == "dead":
            raise Transient(
                "The work on the sandbox was interrupted there.",
                "It goes on from where it was. If this comes back, look whether the sandbox was restarted.",
                topic="sandbox",
            )
        ctx.sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT)

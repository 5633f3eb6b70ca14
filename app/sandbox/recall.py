"""Put a sandbox back, told by the journal that lies on it: what is open there, since when, and what proves the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from app.context import Context, Finding
from app.errors import JobError
from app.sandbox import remote
from app.sandbox.problems import problem
from app.sandbox.proof import findings_of
from app.units import moment

NOTHING = Finding("ok", "Nothing was changed on the sandbox, so there is nothing to put back.")
ELSEWHERE = Finding("ok", "The sandbox was put back from another computer at the same time.", topic="restore")
_DONE = {
    "masked": "copied, and taken out of /etc/fstab",
    "copied": "copied",
    "place": "being copied",
}


@dataclass(frozen=True)
class Opened:
    """What recall.sh says of the export that is open: its *word* (`started`, `running`, `restored` …) and facts."""

    word: str
    which: str = ""
    facts: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, answer: bytes) -> Opened:
        """Read the answer of recall.sh."""
        first, *rest = answer.decode("utf-8", "surrogateescape").splitlines() or ["problem the sandbox said nothing"]
        facts: dict[str, list[str]] = {}
        for line in rest:
            word, _, what = line.partition(" ")
            facts.setdefault(word, []).append(what)
        word, _, which = first.partition(" ")
        return cls(word, which, facts)

    def sentence(self) -> str:
        """Which export had changed the sandbox, since when, and how far it came."""
        since = next((s for s in self.facts.get("since", []) if s.isdigit()), "")
        when = f", begun on {moment(int(since))}," if since else ""
        places, did = self.facts.get("place", []), self.facts.get("did", [])
        how = next((text for word, text in _DONE.items() if word in did), "")
        what = f"{', '.join(places)}: {how}." if places and how else "nothing was copied yet."
        more = " The copying was still under way, and was ended." if self.facts.get("stopped") else ""
        return f"The export {self.which}{when} had changed the sandbox: {what}{more}"


def put_back(
    ask: Callable[[str, bytes], bytes], wait: Callable[[str], remote.News], ctx: Context, job_id: str = ""
) -> list[Finding]:
    """Restore what is open (of *job_id* only, if given), newest first, and prove it; safe to repeat.

    *ask* runs a quick script; *wait* returns the last news of the detached restore of an export.
    """
    found = list(_each(ask, wait, ctx, job_id))
    return found or [NOTHING]


def _each(
    ask: Callable[[str, bytes], bytes], wait: Callable[[str], remote.News], ctx: Context, job_id: str
) -> Iterator[Finding]:
    body = remote.program("restore")
    while (opened := Opened.read(ask("recall", remote.given(JOB=job_id, BODY=body)))).word != "nothing":
        if opened.word == "problem":
            raise problem(opened.which)
        ctx.note(opened.sentence())
        try:
            news = wait(opened.which)
        except remote.Gone:
            yield ELSEWHERE
            continue
        yield from _told(news, opened, ask("finish", remote.given(JOB=opened.which)))


def _told(news: remote.News, opened: Opened, ended: bytes) -> list[Finding]:
    words = ended.decode("utf-8", "surrogateescape").splitlines()
    if words and words[-1].startswith("problem "):
        raise problem(words[-1].removeprefix("problem "))
    first, *more = findings_of([*news.of("report"), *(word for word in words if word.startswith("differs "))])
    facts = {
        "export": opened.which,
        "since": "".join(opened.facts.get("since", [])),
        "places": opened.facts.get("place", []),
    }
    return [replace(first, facts={**first.facts, **facts}), *more]


def put_back_meanwhile() -> JobError:
    """Why a merge ended that somebody took back."""
    text = "The sandbox was put back from another computer while it was being prepared."
    return JobError(text, "Start again when nobody else works on it.", means="Your data is as it was.", topic="restore")

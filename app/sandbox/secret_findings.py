"""What the secrets on a sandbox mean for an export, and what could not be looked at, as findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from app.context import Finding
from app.job import Decision, Job
from app.sandbox.look import Look, Secret
from app.sandbox.secrets import Found, kind, plan, travels
from app.sandbox.vault import Ways, ways

WHERE = (
    "Looked for were known names, and private keys and passwords by content: accounts' folders seven folders deep, "
    "/etc, and the other disks six deep. What is called otherwise, or lies deeper, is not found."
)
_DONE = {"keep": "kept", "remove": "removed"}


def unseen(found: Found) -> Iterator[Finding]:
    """What could not be looked at, said honestly."""
    if found.late or found.cut:
        where = f" in {', '.join(found.late[:3])}" if found.late else ""
        yield Finding(
            "care",
            f"Not every secret{where} was looked for: there was too much to look at.",
            "There may be more keys, passwords and tokens than are named here.",
            "Look there yourself before the copy is given to others.",
            "secrets",
            {"late": list(found.late), "cut": found.cut},
        )


def for_job(look: Look, job: Job, why_not: tuple[str, str] = ("", "")) -> Iterator[Finding]:
    """What becomes of the secrets in the copy of *job*, and where that is done.

    *why_not*: why copies cannot be changed on this computer and what to do about it; empty when they can.
    """
    planned = plan(look.secrets, job)
    kept = [secret for secret, what in planned if what == "keep"]
    gone = [secret for secret, what in planned if what == "remove"]
    share = job.clean == "share"
    if kept:
        yield _kept(kept, share)
    if gone:
        yield from _gone(gone, None if not why_not[0] else ways(look.secrets, look.mounts, job), why_not)
    if not planned:
        yield Finding("ok", "No secrets were found that would travel along.", WHERE, "", "secrets")
    if share and not any(secret.kind in ("authorized-keys", "console-passwords") for secret in kept):
        yield Finding(
            "care",
            "Nobody can log in to the copy by itself: keys and passwords of its accounts are taken out.",
            "Its target must give it a key or password when it starts, as clouds do by cloud-init.",
            "Where the target does not, keep one way in: --secret /etc/shadow=keep",
            "share",
        )
    known = {secret.path: secret for secret in look.secrets}
    for decision in job.secrets:
        yield from _decided(decision, known.get(decision.path), job)


def _gone(gone: Sequence[Secret], how: Ways | None, why_not: tuple[str, str]) -> Iterator[Finding]:
    facts = {"secrets": [asdict(secret) for secret in gone], "what": "remove", "where": "sandbox" if how else "copy"}
    if how and how.refused:
        told = [f"{secret.path}: {why}" for secret, why in how.refused]
        more = f" And {len(told) - 5} more." if len(told) > 5 else ""
        text = f"{why_not[0]} On the sandbox itself it cannot be done for these. {' '.join(told[:5])}{more}"
        remedy = f"{why_not[1]}. Or keep them: --secret {how.refused[0][0].path}=keep"
        facts["refused"] = [{"path": secret.path, "why": why} for secret, why in how.refused]
        title = (
            f"{'1 secret cannot' if len(told) == 1 else f'{len(told):,} secrets cannot'} be taken out of the copy here."
        )
        yield Finding("stop", title, text, remedy, "secrets", facts)
        return
    text = "They are taken out of the copy; on the sandbox they stay as they are."
    if how:
        text = " ".join(_on_the_sandbox(how, why_not[0]))
    grade = "care" if how and how.aside else "ok"
    yield Finding(grade, f"{_count(gone, stays=True)}: {_kinds(gone)}.", text, "", "secrets", facts)


def _on_the_sandbox(how: Ways, why_not: str) -> Iterator[str]:
    if how.aside:
        yield (
            f"{why_not} So {_number(how.aside)} put aside onto {how.vaults[0]} of the sandbox while the snapshot is "
            "made, and put back after; meanwhile their files are empty, and programs that want them fail."
        )
    if how.left:
        yield f"{_number(how.left)} left out of the merged copy; the data disk is not touched."


def _number(secrets: Sequence[Secret]) -> str:
    return "1 is" if len(secrets) == 1 else f"{len(secrets):,} are"


def _kept(kept: Sequence[Secret], share: bool) -> Finding:
    facts = {"secrets": [asdict(secret) for secret in kept], "what": "keep"}
    title = f"{_count(kept)}: {_kinds(kept)}."
    if share:
        text = "Whoever gets the copy can use them."
        return Finding("care", title, text, "Keep only what everybody may have.", "secrets", facts)
    text = "They keep working in your copy; whoever else gets hold of it can use them, too."
    return Finding(
        "ok", title, text, "To leave one out: --secret PATH=remove. To leave out all: --clean share", "secrets", facts
    )


def _decided(decision: Decision, secret: Secret | None, job: Job) -> Iterator[Finding]:
    if secret is None:
        yield Finding(
            "care",
            f"{decision.path} was to be {_DONE[decision.what]}, but no such secret was found.",
            "It may be gone, or be called something else." if decision.what == "keep" else "It stays if it is there.",
            "Look at the list of secrets: sandhopper check",
            "secrets",
        )
    elif not travels(secret, job):
        text = f"{secret.mount} stays behind, and {decision.path} with it."
        yield Finding("ok", text, topic="secrets")


def _count(secrets: Sequence[Secret], *, stays: bool = False) -> str:
    one = "1 secret does not travel along" if stays else "1 secret travels along"
    many = "do not travel along" if stays else "travel along"
    return one if len(secrets) == 1 else f"{len(secrets):,} secrets {many}"


def _kinds(secrets: Sequence[Secret]) -> str:
    """Which kinds, the most frequent first."""
    counted = Counter(kind(secret.kind).name for secret in secrets).most_common()
    told = [f"{number} × {name}" if number > 1 else name for name, number in counted]
    return ", ".join(told[:6]) + (f" and {len(told) - 6} more kinds" if len(told) > 6 else "")


def listed(findings: Iterable[Finding]) -> list[str]:
    """Each secret that *findings* tell of, one a line: what becomes of it in the copy, where it is, what it is."""
    told = sorted(((entry["path"], what, entry) for what, entry in _entries(findings)), key=lambda found: found[:2])
    return [
        f"  {'stays in the copy' if what == 'keep' else 'is taken out'}: {path} "
        f"({kind(entry['kind']).name}, of {entry['owner'].partition(':')[2] or 'unknown'})"
        for path, what, entry in told
    ]


def _entries(findings: Iterable[Finding]) -> Iterator[tuple[str, dict[str, Any]]]:
    for finding in findings:
        for entry in finding.facts.get("secrets", ()):
            yield finding.facts["what"], entry

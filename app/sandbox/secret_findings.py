"""What the secrets on a sandbox mean for an export, and what could not be looked at, as findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from app.context import Finding
from app.job import Decision, Job
from app.sandbox.look import Look, Secret
from app.sandbox.secrets import Found, kind, plan, travels

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


def for_job(look: Look, job: Job) -> Iterator[Finding]:
    """What becomes of the secrets in the copy of *job*."""
    planned = plan(look.secrets, job)
    kept = [secret for secret, what in planned if what == "keep"]
    gone = [secret for secret, what in planned if what == "remove"]
    share = job.clean == "share"
    if kept:
        yield _kept(kept, share)
    if gone:
        facts = {"secrets": [asdict(secret) for secret in gone], "what": "remove"}
        text = "They are taken out of the copy; on the sandbox they stay as they are."
        yield Finding("ok", f"{_count(gone, stays=True)}: {_kinds(gone)}.", text, "", "secrets", facts)
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

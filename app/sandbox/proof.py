"""What restore.sh proved, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from app.context import Finding

EQUAL = "The sandbox is as it was before: every file that was changed is byte-equal, and every mount is the same."


def findings_of(report: Sequence[str]) -> list[Finding]:
    """The findings of a restore; the first one is the sentence for the person."""
    said = [(line.partition(" ")[0], line.partition(" ")[2]) for line in report if line]
    care = [finding for word, what in said for finding in _care(word, what)]
    if not any(word == "mounts" for word, _ in said):
        care.append(Finding("care", "What was put back could not be proven.", remedy="Restore again.", topic="restore"))
    equal = [what for word, what in said if word == "equal"]
    facts = {"equal": not care, "files": equal, "emptied": [what for word, what in said if word == "empty"]}
    if care:
        title = "The sandbox was put back, but for what is named here."
        return [Finding("care", title, " ".join(f.title for f in care), care[0].remedy, "restore", facts), *care]
    return [Finding("ok", EQUAL, topic="restore", facts=facts)]


def _care(word: str, what: str) -> list[Finding]:
    if word == "edited":
        text = f"{what} was changed by somebody else meanwhile; only our own mark was taken out of it."
        return [Finding("care", text, remedy=f"Look at {what} on the sandbox.", topic="restore")]
    if word == "differs":
        text = f"{what} has its content back, but not all of its owner, mode or times."
        return [Finding("care", text, remedy=f"Look at {what} on the sandbox (stat).", topic="restore")]
    if word == "kept":
        text = f"Files that were written while the data disk was away were kept in {what}."
        return [Finding("care", text, remedy="Look through them, and delete the folder when done.", topic="kept")]
    if word == "remounted":
        text = f"{what} was not mounted (the sandbox was restarted meanwhile), and was mounted again."
        remedy = "Restart the programs that use it, or the sandbox."
        return [Finding("care", text, remedy=remedy, topic="restore")]
    if (word, what) == ("mounts", "differ"):
        text = "The mounted disks are not the same as before; somebody mounted or unmounted something meanwhile."
        return [Finding("care", text, remedy="Look whether all disks are mounted (findmnt).", topic="restore")]
    return []

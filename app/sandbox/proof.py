"""What restore.sh proved, as findings: one sentence for the person, and the plain sentences that it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from app.context import Finding
from app.sandbox.mounts import decode

EQUAL = "The sandbox is as it was before: every file that was changed is byte-equal, and every mount is the same."
BUT = "The sandbox was put back, but for what is named here."

# word → (sentence, what to do, help topic); {0} is what it is about
_CARE = {
    "edited": (
        "{0} was changed by somebody else meanwhile; only our own mark was taken out of it.",
        "Look at {0} on the sandbox.", "restore"),
    "original": (
        "{0} is /etc/fstab as it was before; somebody wrote another one meanwhile, which was left alone.",
        "Compare the two on the sandbox, then delete {0}.", "restore"),
    "differs": (
        "{0} has its content back, but not all of its owner, mode, times or attributes.",
        "Look at {0} on the sandbox (stat, getfattr).", "restore"),
    "kept": (
        "Files that were written while the data disk was away were kept in {0}.",
        "Look through them, and delete the folder when done.", "kept"),
    "remounted": (
        "{0} was not mounted (the sandbox was restarted meanwhile), and was mounted again.",
        "Restart the programs that use it, or the sandbox.", "restore"),
    "mount-gone": (
        "{0} is not mounted any more; somebody unmounted it meanwhile.",
        "Mount it again (mount {0}).", "restore"),
    "mount-changed": (
        "{0} is not mounted as before: it is another disk, or another way (read-only, for example).",
        "Look at it on the sandbox (findmnt {0}).", "restore"),
    "mounts": (
        "The mounted disks are not the same as before; somebody mounted or unmounted something meanwhile.",
        "Look whether all disks are mounted (findmnt).", "restore"),
    "disk-other": (
        "Another disk is mounted at {0} than before.",
        "Look at it on the sandbox (findmnt {0}, lsblk).", "restore"),
    "disk-top": (
        "The owner or the mode of {0} was changed meanwhile; not by Sandhopper, which only reads there.",
        "Look at it on the sandbox (ls -ld {0}).", "restore"),
    "disk-fewer": (
        "{2} holds far fewer files than before ({1} of {0}); not by Sandhopper, which only reads there.",
        "Ask who works on the sandbox, and look there before anything else is done.", "restore"),
    "service-failed": (
        "The service {0} has failed meanwhile.",
        "Look at it on the sandbox (systemctl status {0}).", "services"),
    "service-stopped": (
        "The service {0} was running before and is not running now.",
        "Start it again if it should run (systemctl start {0}).", "services"),
    "view": (
        "Something is still mounted in {0}.",
        "Unmount it on the sandbox (umount {0}/*), then restore again.", "restore"),
}  # fmt: skip
_FINE = {
    "equal": "{0} has its old content, owner, mode, times and attributes.",
    "empty": "The copy below {0} is gone; the folder has its old owner, mode, times and attributes.",
    "disk": "The data disk of {1} was only read: the same disk, {0} files.",
    "mounts": "{0} mounted disks are the same as before.",
    "services": "{0} services run; none stopped or failed.",
    "service-restarted": "The service {0} was restarted meanwhile, and runs.",
    "mount-new": "{0} was mounted by somebody else meanwhile, and was left alone.",
}
_COUNTED = {"disk": 2, "disk-fewer": 3}  # how many words the fact has; the last one may hold spaces


def findings_of(report: Sequence[str]) -> list[Finding]:
    """The findings of a restore; the first one is the sentence for the person, with all that it rests on."""
    said = [(line.partition(" ")[0], line.partition(" ")[2]) for line in report if line]
    care = [_care(word, what) for word, what in said if word in _CARE and (word, what) != ("mounts", "equal")
            and not (word == "mounts" and what.isdigit())]  # fmt: skip
    if not any(word == "mounts" for word, _ in said):
        care.append(Finding("care", "What was put back could not be proven.", remedy="Restore again.", topic="restore"))
    stopped = any(word.startswith("service-") and word != "service-restarted" for word, _ in said)
    fine = [
        _sentence(_FINE[word], word, what) for word, what in said if word in _FINE and what not in ("equal", "differ")
    ]
    fine = [text for text in fine if not (stopped and text.endswith("none stopped or failed."))]
    equal = [what for word, what in said if word == "equal"]
    facts = {"equal": not care, "files": equal, "emptied": [what for word, what in said if word == "empty"],
             "proven": fine}  # fmt: skip
    if care:
        text = " ".join(f.title for f in care)
        return [Finding("care", BUT, text, care[0].remedy, "restore", facts), *care]
    return [Finding("ok", EQUAL, " ".join(fine), topic="restore", facts=facts)]


def _care(word: str, what: str) -> Finding:
    text, remedy, topic = _CARE[word]
    return Finding("care", _sentence(text, word, what), remedy=_sentence(remedy, word, what), topic=topic)


def _sentence(text: str, word: str, what: str) -> str:
    words = what.split(" ", _COUNTED.get(word, 1) - 1)
    return text.format(*(decode(w) if word.startswith("mount-") else w for w in words), "", "")

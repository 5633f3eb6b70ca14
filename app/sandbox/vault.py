"""Secrets that cannot be taken out of the copy here, taken off the sandbox for the moment of the snapshot.

Those on the root disk are put aside onto a data disk and put back after (vault.sh); those on merged data disks are
left out of the merged copy, and the data disks are not touched at all (strip.sh).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.context import Finding
from app.job import Job
from app.sandbox import remote
from app.sandbox.look import Secret
from app.sandbox.mounts import OTHER_KIND, Mount
from app.sandbox.problems import problem
from app.sandbox.secrets import is_folder, kind, plan, raw, shown

Ask = Callable[[str, bytes], bytes]
_INSTALL = "Install libguestfs-tools on this computer, so that it is done in the copy; or keep it."


@dataclass(frozen=True)
class Ways:
    """How the secrets that are to go are taken out without libguestfs: put *aside*, *left* out of the merged copy.

    *refused*: those for which neither can be done, each with the reason, a sentence. *vaults*: where to put aside.
    """

    aside: tuple[Secret, ...] = ()
    left: tuple[Secret, ...] = ()
    refused: tuple[tuple[Secret, str], ...] = ()
    vaults: tuple[str, ...] = ()


def ways(found: Sequence[Secret], mounts: Sequence[Mount], job: Job) -> Ways:
    """What can be done on the sandbox itself about those of the secrets *found* that *job* has taken out."""
    gone = [secret for secret, what in plan(found, job) if what == "remove"]
    vaults = tuple(mount.path for mount in sorted(mounts, key=_free, reverse=True) if _takes(mount, job))
    left = tuple(secret for secret in gone if secret.mount in job.merges)
    rest = [(secret, _why_not(secret, vaults)) for secret in gone if secret not in left]
    refused = tuple((secret, why) for secret, why in rest if why)
    return Ways(tuple(secret for secret, why in rest if not why), left, refused, vaults)


def wanted(job: Job) -> bool:
    """Whether *job* has anything taken out of its copy."""
    return job.clean == "share" or any(decision.what == "remove" for decision in job.secrets)


def aside(ask: Ask, job_id: str, secrets: Sequence[Secret], vaults: Sequence[str]) -> None:
    """Put *secrets* aside; all or none. Safe to repeat. Raises what `problem` makes of the refusal."""
    if not secrets:
        return
    calls = [b"candidates() { :\n", *(b"candidate %s\n" % _quoted(path) for path in vaults), b"}\nsecrets() { :\n"]
    calls += [b"secret %03d %s\n" % (n, remote.quoted(raw(s.path))) for n, s in enumerate(secrets, 1)]
    given = remote.given(JOB=job_id, DO="aside", BODY=_program(job_id)) + b"".join([*calls, b"}\n"])
    for _ in range(2):
        answer = _said(ask("vault", given))
        if answer != "again":
            break
        back(ask, job_id)
    if answer.startswith("problem "):
        back(ask, job_id)
        raise problem(answer.removeprefix("problem "))


def back(ask: Ask, job_id: str = "", *, away: bool = False) -> list[Finding]:
    """Put back what was put aside, by this job or any; what became of each. Empty: nothing was. Safe to repeat.

    *away*: that the disk with them is not mounted just now is no error.
    """
    *report, answer = ask("vault", remote.given(JOB=job_id, DO="back")).splitlines() or [b"problem unanswered"]
    if answer.startswith(b"problem "):
        raise problem(_said(answer).removeprefix("problem "))
    if answer != b"back":
        return []
    said = [
        (word.decode(), shown(bytes.fromhex(name.decode()))) for word, _, name in (r.partition(b" ") for r in report)
    ]
    care = [finding for word, path in said for finding in _care(word, path)]
    if care:
        return care
    return [Finding("ok", "The secrets that were put aside are back in their places, byte-equal.", topic="secrets",
                    facts={"equal": True, "files": [path for _, path in said]})]  # fmt: skip


def leave_out(ask: Ask, job_id: str, secrets: Sequence[Secret]) -> None:
    """Take *secrets* out of the merged copy. Safe to repeat."""
    if not secrets:
        return
    calls = b"".join(b"leave_out %s\n" % remote.quoted(raw(secret.path)) for secret in secrets)
    lib, body = remote.script("lib").encode(), remote.script("strip").encode()
    answer = _said(ask("stripping", remote.given(JOB=job_id, BODY=lib + b"secrets() { :\n" + calls + b"}\n" + body)))
    if answer.startswith("problem "):
        raise problem(answer.removeprefix("problem "))


def _program(job_id: str) -> str:
    """The way back, as a program that works by itself."""
    return remote.script("lib") + f"JOB='{job_id}' DO=back\n" + remote.script("vault")


def _takes(mount: Mount, job: Job) -> bool:
    """Whether secrets may be put aside there: a disk of this machine's own that is not itself exported as it is."""
    how = {include.mount: include.how for include in job.include}
    usable = not mount.read_only and mount.device.startswith("/dev/") and mount.fstype not in OTHER_KIND
    return usable and how.get(mount.path) not in ("disk", "grow")


def _why_not(secret: Secret, vaults: Sequence[str]) -> str:
    if secret.mount != "/":
        return f"It lies on {secret.mount}, which is exported as it is."
    if why := kind(secret.kind).live:
        return why
    if is_folder(secret.path):
        return "It is a whole folder, which running programs may use."
    return "" if vaults else "The sandbox has no other disk that it could be put aside to meanwhile."


def _care(word: str, path: str) -> list[Finding]:
    text = {
        "remade": f"{path} was deleted by somebody while it was put aside; it is there again.",
        "both": f"{path} was written anew while it was put aside. It is as before, and the new one is beside it.",
        "differs": f"{path} has its content back, but not all of its owner, mode or time.",
        "elsewhere": f"{path} cannot be put back, as its place is another now; it lies in /root.",
    }.get(word)
    remedy = "Look at it on the sandbox; names with “sandhopper” are what Sandhopper kept for you."
    return [Finding("care", text, "", remedy, "secrets", {"path": path})] if text else []


def _free(mount: Mount) -> int:
    return mount.size - mount.used


def _quoted(path: str) -> bytes:
    return remote.quoted(path.encode("utf-8", "surrogateescape"))


def _said(answer: bytes) -> str:
    return answer.decode("utf-8", "backslashreplace").strip()

"""The running machine that is exported ("sandbox"): look at it, merge its data disks, put it back as it was.

Whatever changes there is written down there first, so that any computer can put it back. The work itself is done
by the scripts of resources/sandbox; here they are started, looked after and understood.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from secrets import token_hex  # not the module: app.sandbox.secrets is another one
from typing import Any

from app.context import Context, Finding
from app.sandbox import disks, edits, freeze, remote, secrets, vault
from app.sandbox.findings import findings
from app.sandbox.look import Look, Seen
from app.sandbox.mounts import Mount, inside, visible
from app.sandbox.problems import problem
from app.sandbox.recall import NOTHING, put_back, put_back_meanwhile
from app.sandbox.secret_findings import unseen

__all__ = ["Look", "Mount", "Sandbox"]


class Sandbox:
    """A running machine at `ssh://user@host`, as root or with sudo; connects on first use.

    All calls raise `JobError`, `Transient` or `NeedsAnswer`; after a `Transient` call again: work goes on there.
    """

    def __init__(self, url: str, ctx: Context) -> None:
        from app.ssh import Ssh

        self.url, self._ctx = url, ctx
        self._ssh = Ssh(url, ctx)

    def look(self) -> Look:
        """What the machine is and has; changes nothing on it."""
        seen = self._see()
        mounts = seen.mounts()
        space = seen.space.get("/", [0] * 6)
        found = self._secrets(seen, [mount.path for mount in mounts])
        return Look(
            os=seen.os,
            kernel=seen.text("kernel"),
            hostname=seen.text("hostname"),
            mounts=tuple(mounts),
            root_free=space[0] * space[3],
            root_free_inodes=space[5],
            root_used=space[0] * (space[1] - space[2]),
            findings=(*findings(seen, mounts), *unseen(found)),
            journal=next(iter(seen.words("journal")), ""),
            architecture=seen.text("architecture"),
            disks=disks.read(self._ask("disks", b"")),
            secrets=found.secrets,
            root=seen.root,
        )

    def merge(self, mounts: Sequence[str], job_id: str) -> dict[str, Any]:
        """Copy each of *mounts* into the folder below it, and have the copy start without its disk.

        Then all that stat(2) tells, links and attributes are compared, and the bytes of what may have changed.
        Safe to repeat: work that runs already is found, work that stopped goes on. Returns the facts
        `merged`, `files`, `bytes`, `unsteady` (names that never held still), `lost` (what could not be kept),
        `seconds` (of the last run there) and `each` (mount → its `files` and `bytes`).
        """
        for _ in range(3):
            answer = self._ask("begin", self._request(mounts, job_id)).decode(errors="backslashreplace").strip()
            if answer != "restoring":
                break
            for finding in self.restore(job_id):
                self._ctx.found(finding)
        if answer.startswith("problem "):
            raise problem(answer.removeprefix("problem "))
        try:
            news = self._await("merge", job_id)
        except remote.Gone:
            raise put_back_meanwhile() from None
        return {
            "merged": list(mounts),
            "files": _number(news.of("files")),
            "bytes": _number(news.of("bytes")),
            "unsteady": sorted(set(news.of("unsteady")))[:20],
            "lost": sorted(set(news.of("lost"))),
            "seconds": _number(news.of("seconds")),
            "each": _each(news.of("each")),
        }

    def restore(self, job_id: str = "") -> list[Finding]:
        """Put the machine back as it was, told by the journal that lies on it, and prove it.

        With *job_id*, that export's changes only. Safe to repeat after any interruption. Raises `JobError` when it
        cannot be done now; nothing is lost then.
        """
        before = vault.back(self._ask_long, job_id, away=True)
        found = put_back(self._ask, lambda which: self._await("restore", which), self._ctx, job_id)
        secrets_back = before + self.secrets_back(job_id)  # their disk may have been mounted again only now
        return secrets_back if secrets_back and found == [NOTHING] else [*found, *secrets_back]

    def secrets_off(self, how: vault.Ways, job_id: str) -> None:
        """Put secrets of the root disk aside, and leave others out of the merged copy; `restore` puts them back."""
        vault.leave_out(self._ask_long, job_id, how.left)
        vault.aside(self._ask_long, job_id, how.aside, how.vaults)

    def secrets_back(self, job_id: str = "") -> list[Finding]:
        """Put back what was put aside; empty when nothing was."""
        return vault.back(self._ask_long, job_id)

    def flush(self) -> None:
        """Have everything that the machine still holds in memory written to its disks (sync)."""
        self._ask("flush", b"", timeout=1800)

    def freeze(self, seconds: int, *, even_so: bool = False) -> AbstractContextManager[freeze.Frozen]:
        """Hold all writing to the system disk while the block lasts, *seconds* at the most (app.sandbox.freeze).

        Raises `JobError` where that is not safe; programs whose work lies there may pause only when *even_so*.
        """
        seen = self._see()
        where = freeze.places(seen)
        around = [line.path for line in visible(seen.lines)]
        names = freeze.writers(self._ask("writers", b""), where, around)
        if not even_so:
            freeze.refuse(names, seconds)
        return freeze.frozen(self._ssh, where, seconds, self._ctx)

    def close(self) -> None:
        """Log out. Never raises; work on the sandbox goes on."""
        self._ssh.close()

    def _see(self, what: str = "look") -> Seen:
        """All that is looked at; with *what* `places` only the cheap parts: mounts, fstab, units, space."""
        mark = f"--{token_hex(12)}"
        return Seen.read(self._ask(what, remote.given(MARK=mark), timeout=remote.SLOWEST), mark)

    def _secrets(self, seen: Seen, mounts: Sequence[str]) -> secrets.Found:
        mark = f"--{token_hex(12)}"
        answer = self._ask("secrets", secrets.request(mark), timeout=secrets.LONGEST + remote.SLOWEST)
        return secrets.read(Seen.read(answer, mark).raw("secrets"), seen.lines, mounts)

    def _request(self, mounts: Sequence[str], job_id: str) -> bytes:
        """What begin.sh must be given: the job, the edited fstab, the mounts, the program itself."""
        mark = f"--{token_hex(12)}"
        seen = Seen.read(self._ask("tables", remote.given(MARK=mark)), mark)
        found = edits.edits(seen, mounts, job_id)
        calls = [_save_mount(number, path, mounts, seen) for number, path in enumerate(sorted(mounts, key=len), 1)]
        return (
            remote.given(JOB=job_id, BODY=remote.program("merge"), BACK=remote.program("restore"))
            + remote.function("save_mounts", calls)
            + remote.function("save_edits", [_save_edit(number, edit) for number, edit in enumerate(found)])
        )

    def _await(self, work: str, job_id: str) -> remote.News:
        """The last news of a detached program that ended well; its problem as an error otherwise."""
        news = remote.News("gone")
        phase = ""
        for news in remote.watch(lambda tenths: self._poll(work, job_id, tenths), self._ctx):
            for line in news.of("progress"):
                phase = self._tell(line, phase)
        if news.status:
            raise problem(" ".join([*news.of("problem"), *news.of("log")]) or f"exit status {news.status}")
        return news

    def _tell(self, line: str, phase: str) -> str:
        name, done, total = re.fullmatch(r"(\w+) (-?\d+) (\d+)", line).groups()  # type: ignore[union-attr]
        if name != phase:
            self._ctx.begin(name, int(total) * 1024)
        self._ctx.at(max(self._ctx.done, min(int(done), int(total)) * 1024))
        return name

    def _poll(self, work: str, job_id: str, tenths: int) -> remote.News:
        return remote.News.read(self._ask("poll", remote.given(JOB=job_id, WORK=work, PATIENCE=str(tenths))))

    def _ask_long(self, name: str, before: bytes) -> bytes:
        return self._ask(name, before, timeout=1800)

    def _ask(self, name: str, before: bytes, timeout: float = remote.SLOWEST) -> bytes:
        return remote.ask(self._ssh, name, before, timeout)


def _save_mount(number: int, path: str, mounts: Sequence[str], seen: Seen) -> bytes:
    """The shell's call that saves one mount."""
    source = next((line.source for line in reversed(seen.lines) if line.path == path), "")
    return remote.call("save_mount", f"m{number:02}", path, source, inside(path, mounts))


def _save_edit(number: int, edit: edits.Edit) -> bytes:
    """The shell's call that saves one small file and how it will look; the first one is /etc/fstab."""
    after = edit.after if edit.after != edit.before else b""
    word = f"e{number:02}" if number else "fstab"
    return remote.call("save_edit", word, edit.path, hashlib.sha256(edit.before).hexdigest(), after)


def _each(lines: Sequence[str]) -> dict[str, dict[str, int]]:
    """What was copied, by mount: its files and bytes."""
    found = (line.split(" ", 2) for line in lines)
    return {path: {"files": int(files), "bytes": int(size)} for files, size, path in found}


def _number(words: Sequence[str]) -> int:
    return int(words[0]) if words and words[0].isdigit() else 0

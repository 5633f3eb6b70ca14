"""What was changed on a copy, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST = 1000  # characters of a file that the report shows
_SECRET = re.compile(
    r"((?:pass(?:word|wd|phrase)?|psk|secret|token|private[-_]?key|wep[-_]key\d?)[\w-]*[\"']?\s*[=:]\s*)([^\s,;]+)",
    re.IGNORECASE,
)


def harmless(text: str) -> str:
    """*text* for journal and report: no passwords (fstab and network settings hold some), not without end."""
    shown = _SECRET.sub(r"\1…", text.encode("utf-8", "backslashreplace").decode())
    return shown if len(shown) <= MOST else shown[:MOST] + " …"


@dataclass(frozen=True)
class Change:
    """One thing that is different in the copy: *title* a sentence, *before* and *after* what was and is there.

    *fix* is the id in `app/fixes.py`, or `traces`, `clean` or `trim`. *grade* is `care` for what could not be done.
    """

    fix: str
    title: str
    before: str = ""
    after: str = ""
    grade: str = "ok"

    def as_json(self) -> dict[str, str]:
        """The change as the journal and the report have it."""
        before, after = harmless(self.before), harmless(self.after)
        return {"fix": self.fix, "title": harmless(self.title), "before": before, "after": after, "grade": self.grade}

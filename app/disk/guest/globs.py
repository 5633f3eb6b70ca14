"""Shell globs in an opened disk, binary safe, and never through a link that somebody could have laid as a trap."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field

from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused

_WILD = re.compile(r"[*?\[]")


@dataclass
class Finder:
    """Finds what globs mean; folders are listed once. *refused*: links that were in the way and not followed."""

    guest: Guest
    refused: dict[str, str] = field(default_factory=dict)
    _names: dict[str, list[str]] = field(default_factory=dict)
    _real: dict[str, str | None] = field(default_factory=dict)

    def find(self, glob: str) -> list[tuple[str, str]]:
        """What *glob* (absolute; `*` matches no leading dot) means: each as it was found, and its real path.

        The last name is never followed. Parents that are links are followed only where the administrator alone can
        have made them (`/home` → `/data/home`).
        """
        places = [("", "")]
        parts = [part for part in glob.split("/") if part]
        for number, part in enumerate(parts):
            found = [
                (f"{shown}/{name}", f"{real}/{name}") for shown, real in places for name in self._match(real, part)
            ]
            last = number == len(parts) - 1
            places = (
                found
                if last
                else [(shown, real) for shown, at in found if (real := self._folder(shown, at)) is not None]
            )
        return places

    def literal(self, path: str) -> list[tuple[str, str]]:
        """The same for one path, whose letters all mean themselves."""
        folder, _, name = path.rpartition("/")
        real = self._folder(folder, folder) if folder else ""
        return [(path, f"{real}/{name}")] if real is not None and name in self.names(real) else []

    def names(self, real: str) -> list[str]:
        """The names in a real folder."""
        if real not in self._names:
            self._names[real] = self.guest.names(real or "/")
        return self._names[real]

    def forget(self, real: str) -> None:
        """Look into a folder again: something was deleted there."""
        self._names.pop(real.rpartition("/")[0], None)
        for known in [name for name in self._names if name == real or name.startswith(f"{real}/")]:
            del self._names[known]

    def _match(self, real: str, part: str) -> list[str]:
        if not _WILD.search(part):
            return [part] if part in self.names(real) else []
        found = [name for name in self.names(real) if fnmatch.fnmatchcase(name, part)]
        return [name for name in found if not name.startswith(".") or part.startswith(".")]

    def _folder(self, shown: str, at: str) -> str | None:
        """The real folder, or None when it is none or lies behind a link that is not followed."""
        if at not in self._real:
            try:
                real = self.guest.real(at, strict=True)
                found = self.guest.lstat(real)
                self._real[at] = (real if real != "/" else "") if found and found.is_folder else None
            except Refused as exc:
                self.refused[shown] = exc.message
                self._real[at] = None
        return self._real[at]

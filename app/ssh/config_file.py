"""What ~/.ssh/config says about one host, as OpenSSH reads it (ssh_config(5)): the first value of a word wins.

No program is run to decide anything: a `Match exec` block is passed over, like one with a word that is not known here,
and `Said.passed_over` names it.
"""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import JobError

DEEPEST = 16  # Include within Include (readconf.c)
SYSTEM = Path("/etc/ssh/ssh_config")
_ADDED = ("identityfile", "certificatefile")  # each line adds one
_LISTS = ("userknownhostsfile", "globalknownhostsfile", "canonicaldomains")
_SINGLE = (
    *("hostname", "user", "port", "hostkeyalias", "identitiesonly", "identityagent", "proxyjump"),
    *("canonicalizehostname", "canonicalizemaxdots"),
)
_WORD = re.compile(r'(?:"(?:\\["\\]|[^"])*"?|\\["\'\\ ]|[^\s"])+')
_PIECE = re.compile(r'"((?:\\["\\]|[^"])*)"?|(\\["\'\\ ])|([^"])')


@dataclass
class Said:
    """The values of each word (small letters); *passed_over*: criteria of Match that are not followed here."""

    values: dict[str, list[str]] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)

    def one(self, word: str, otherwise: str = "") -> str:
        """The value of a word that has one."""
        return next(iter(self.values.get(word, ())), otherwise)


def looked_up(host: str, user: str = "", port: int | None = None, file: Path | None = None) -> Said:
    """What the person's file, then the system's, say about *host*; *user* and *port* given win over both."""
    reading = _Reading(host, Said())
    reading.given("user", user)
    reading.given("port", str(port or ""))
    files = [file] if file else [Path.home() / ".ssh" / "config", SYSTEM]
    reading.all(files)
    if reading.wants_more or _canonical(reading):
        reading.final = True
        reading.all(files)
    return reading.said


def fits(name: str, pattern: str) -> bool:
    """Whether *name* fits a PATTERN of ssh_config(5): `*` and `?`, nothing else is special."""
    made = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(made, name, re.DOTALL) is not None


def words(text: str) -> list[str]:
    """The words of a line: quotes hold spaces, a `#` that begins a word ends the line."""
    found: list[str] = []
    for match in _WORD.finditer(text):
        if match[0].startswith("#"):
            break
        found.append("".join(_unquoted(piece) for piece in _PIECE.finditer(match[0])))
    return found


class _Reading:
    """One host's way through the files."""

    def __init__(self, host: str, said: Said) -> None:
        self.host, self.said, self.final, self.wants_more, self.canonical = host, said, False, False, False

    def given(self, word: str, value: str) -> None:
        if value:
            self.said.values.setdefault(word, [value])

    def all(self, files: list[Path]) -> None:
        for file in files:
            self._file(file, file.parent, True, 0)

    @property
    def name(self) -> str:
        """The host's real name, as far as it is known by now."""
        return self.said.one("hostname", self.host).replace("%h", self.host)

    def _file(self, file: Path, folder: Path, outer: bool, depth: int) -> None:
        active = outer
        for word, rest in _lines(file):
            if word == "host":
                active = outer and _in_list(self.host, words(rest))
            elif word == "match":
                active = outer and self._matches(words(rest))
            elif word == "include" and depth < DEEPEST:
                for included in _included(words(rest), folder):
                    self._file(included, folder, active, depth + 1)
            elif active:
                self._keep(word, rest)

    def _keep(self, word: str, rest: str) -> None:
        values = self.said.values
        if word in ("proxyjump", "proxycommand") and {"proxyjump", "proxycommand"} & values.keys():
            return  # whichever comes first wins
        if word == "proxycommand":
            values[word] = [rest.strip()]
        elif word in _LISTS:
            values.setdefault(word, words(rest))
        elif word in _SINGLE:
            values.setdefault(word, words(rest)[:1])
        elif word in _ADDED and (found := words(rest)[:1]) and found[0] not in values.get(word, ()):
            values.setdefault(word, []).append(found[0])

    def _matches(self, criteria: list[str]) -> bool:
        left = list(criteria)
        while left:
            word, told, value = left.pop(0).partition("=")
            negated, word = word.startswith("!"), word.removeprefix("!").lower()
            if word in ("all", "canonical", "final"):
                self.wants_more = self.wants_more or word == "final"
                found = {"all": True, "canonical": self.canonical, "final": self.final}[word]
            else:
                value = value if told or not left else left.pop(0)
                if (answer := self._criterion(word, value)) is None:
                    self.said.passed_over.append(word)
                    return False
                found = answer
            if found == negated:
                return False
        return True

    def _criterion(self, word: str, value: str) -> bool | None:
        """Whether it is met; None where that is not known here."""
        me = getpass.getuser()
        names = {
            "host": self.name.lower(),
            "originalhost": self.host.lower(),
            "user": self.said.one("user", me),
            "localuser": me,
        }
        if word not in names:
            return None
        value = value.lower() if "host" in word else value
        return _in_list(names[word], value.split(","))


def _canonical(reading: _Reading) -> bool:
    """CanonicalizeHostname: the first domain in which the name exists completes it."""
    said, name = reading.said, reading.name
    how = said.one("canonicalizehostname", "no").lower()
    proxied = {said.one("proxyjump", "none").lower(), said.one("proxycommand", "none").lower()} != {"none"}
    most = said.one("canonicalizemaxdots", "1")
    if (
        how not in ("yes", "always")
        or (how == "yes" and proxied)
        or not most.isdecimal()
        or name.count(".") > int(most)
    ):
        return False
    for domain in said.values.get("canonicaldomains", ()):
        try:
            socket.getaddrinfo(f"{name}.{domain}", None)
        except OSError:
            continue
        said.values["hostname"] = [f"{name}.{domain}"]
        break
    reading.canonical = True
    return True


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        if (text := line.strip()) and not text.startswith("#"):
            word, rest = re.match(r'"?([^\s="]*)"?\s*=?\s*(.*)', text, re.DOTALL).groups()  # type: ignore[union-attr]
            yield word.lower(), rest


def _included(patterns: list[str], folder: Path) -> Iterator[Path]:
    for pattern in patterns:
        path = Path(pattern).expanduser()
        root = Path(path.anchor) if path.is_absolute() else folder
        try:
            yield from sorted(root.glob(str(path.relative_to(path.anchor))))
        except (ValueError, NotImplementedError) as exc:
            raise JobError(f"Your ~/.ssh/config includes “{pattern}”, which is no path.", "Correct it.") from exc


def _in_list(name: str, patterns: list[str]) -> bool:
    """Whether one pattern fits, and none that is negated."""
    if any(pattern.startswith("!") and fits(name, pattern[1:]) for pattern in patterns):
        return False
    return any(not pattern.startswith("!") and fits(name, pattern) for pattern in patterns)


def _unquoted(piece: re.Match[str]) -> str:
    quoted, escaped, plain = piece.groups()
    if quoted is not None:
        return re.sub(r'\\(["\\])', r"\1", quoted)
    return escaped[1:] if escaped else plain

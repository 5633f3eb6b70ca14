"""Reads what a shell file assigns without a shell: words, quotes and comments of POSIX sh; nothing in it is ever run.

The rules are those of POSIX.1-2017, “Shell Command Language”, 2.2 (quoting), 2.3 (tokens) and 2.6 (`$NAME` only).
What stands between `if` and `fi`, in a loop or a function, after `&&` or `||` is passed over: whether it counts, only
a shell knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

REFERENCES, LONGEST = 16, 4096  # variables in one value, and its letters: `A=$A$A`, again and again, fills all memory
_LITERAL = str.maketrans({"$": "\0", "`": "\1"})  # a file has neither: control characters are refused beforehand
_PLAIN = str.maketrans({"\0": "$", "\1": "`"})
_TOKEN = re.compile(
    r"""(?P<gap>[ \t]+|\\\n)|(?P<end>\n|[;&|()<>])|(?P<single>'[^']*')|(?P<double>"(?:\\.|[^"\\])*")"""
    r"""|(?P<run>`[^`]*`|\$\([^()]*\)|\$\(|\$\{[^}\n]{0,200}\})|(?P<escaped>\\.)|(?P<bare>[^ \t\n\\'"`;&|()<>$]+|\$)""",
    re.DOTALL,
)
_NAME = re.compile(r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})", re.ASCII)
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)
_OPENS = {"if", "case", "for", "while", "until", "select", "{"}
_CLOSES = {"fi", "esac", "done", "}"}


@dataclass
class Assigned:
    """The *values* of the variables that a file sets, and the names of those that only a shell could work out."""

    values: dict[str, str] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)

    def put(self, name: str, word: str, given: Mapping[str, str]) -> None:
        """Take one assignment; *word* may name variables of this file or of *given*."""
        text = word
        if word.count("$") <= REFERENCES:
            text = _NAME.sub(lambda found: self._known(found, given), word)
        self.drop(name)
        if "`" in text or len(text) > LONGEST or re.search(r"\$[\w({]", text):
            self.unread.add(name)
        else:
            self.values[name] = text.translate(_PLAIN)

    def _known(self, found: re.Match[str], given: Mapping[str, str]) -> str:
        name = found["bare"] or found["braced"]
        value = self.values.get(name, given.get(name))
        return found[0] if value is None else value.translate(_LITERAL)

    def drop(self, name: str) -> None:
        """Take `unset`."""
        self.values.pop(name, None)
        self.unread.discard(name)


def assigned(text: str, given: Mapping[str, str]) -> Assigned:
    """What *text* assigns or exports, in its order; raises `ValueError` where a quote is not closed."""
    made, inside = Assigned(), 0
    for words in _statements(text):
        if words[0] in _CLOSES:
            inside = max(0, inside - 1)
        if not inside:
            _take(words, made, given)
        if words[0] in _OPENS or words[-1] == "{":
            inside += 1
    return made


def _take(words: list[str], made: Assigned, given: Mapping[str, str]) -> None:
    if words[0] == "unset":
        for name in words[1:]:
            made.drop(name)
        return
    found = [_ASSIGNED.fullmatch(word) for word in (words[1:] if words[0] == "export" else words)]
    if words[0] == "export" or all(found):  # `A=1 command` sets A for that command only
        for one in filter(None, found):
            made.put(one[1], one[2], given)


def _statements(text: str) -> Iterator[list[str]]:
    """The words of each simple command; a literal `$` or backtick in them is hidden (`_LITERAL`)."""
    words: list[str] = []
    word: str | None = None
    depends = False
    for kind, piece in _tokens(text):
        if kind in ("gap", "end"):
            words += [] if word is None else [word]
            word = None
            if kind == "end":
                if words and not depends:
                    yield words
                words, depends = [], piece in "&|" or (depends and not words)
        else:
            word = (word or "") + _unquoted(kind, piece)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, in_word = 0, False
    while at < len(text):
        if text[at] == "#" and not in_word:
            line = text.find("\n", at)
            at = len(text) if line < 0 else line
            continue
        found = _TOKEN.match(text, at)
        if not found or not found.lastgroup:
            raise ValueError("a quote is not closed")
        in_word = found.lastgroup not in ("gap", "end")
        yield found.lastgroup, found[0]
        at = found.end()
    yield "end", "\n"


def _unquoted(kind: str, piece: str) -> str:
    if kind == "single":
        return piece[1:-1].translate(_LITERAL)
    if kind == "double":
        return re.sub(r"\\([$`\"\\\n])", _escaped, piece[1:-1])
    return _escaped(re.fullmatch(r"\\(.)", piece, re.DOTALL)) if kind == "escaped" else piece


def _escaped(found: re.Match[str] | None) -> str:
    return "" if found is None or found[1] == "\n" else found[1].translate(_LITERAL)

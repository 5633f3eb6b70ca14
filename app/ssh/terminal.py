"""A command that insists on a terminal, run in one without letting the terminal touch its bytes.

The terminal is set raw before anything is sent, so nothing is echoed or translated. As such a terminal has no end of
input, the far side is told how many bytes will come; as it has one stream only, what goes to standard error is held
back there and told at the end.
"""

from __future__ import annotations

import shlex
from secrets import token_hex
from typing import TYPE_CHECKING

from app.ssh import command
from app.ssh.command import NO_TERMINAL, Result

if TYPE_CHECKING:
    from app.ssh.client import Ssh


class Terminal:
    """One command in a terminal. *asks*: the program asks for the password in the terminal itself (doas)."""

    def __init__(self, ssh: Ssh, *, asks: bool = False) -> None:
        self.ssh, self.asks, self.mark = ssh, asks, f"@{token_hex(12)}"

    def run(self, line: str, secret: bytes, stdin: bytes, timeout: float) -> Result:
        """Run *line*, which becomes root with *secret*, and give it *stdin*; as `command.run`."""
        text = stdin if self.asks else secret + stdin
        begin = b"" if not self.asks else self.mark.encode() + b" asks\n"
        held = [(self._said("ready"), text)]
        if self.asks:
            held.insert(0, (begin, secret))
        done = command.run(self.ssh, self._line(line, len(text)), b"", timeout, held=held, tty=True)
        return self._read(done)

    def _said(self, word: str) -> bytes:
        return f"{self.mark} {word}\n".encode()

    def _line(self, line: str, count: int) -> str:
        told = f'printf \'\\n{self.mark} %s\\n%s\' "$code" "$said"'
        if not self.asks:
            fed = (
                f"exec 3>&1; printf '{self.mark} ready\\n'; said=$(head -c {count} | {line} 2>&1 >&3); code=$?; {told}"
            )
            return f"stty raw -echo || exit {NO_TERMINAL}; {fed}"
        become, _, wanted = line.partition(" ")
        inner = shlex.split(wanted)[-1]
        fed = (
            f"exec 3>&1; printf '{self.mark} ready\\n'; "
            f"said=$(head -c {count} | sh -c {shlex.quote(inner)} 2>&1 >&3); code=$?; {told}"
        )
        begun = f"printf '{self.mark} asks\\n'; exec {become} sh -c {shlex.quote(fed)}"
        return f"stty raw -echo || exit {NO_TERMINAL}; {begun}"

    def _read(self, done: Result) -> Result:
        """The two streams and the status, cut at our marks."""
        _, begun, rest = done.out.partition(self._said("ready"))
        out, ended, said = rest.rpartition(f"\n{self.mark} ".encode())
        if not begun or not ended:
            return Result(done.status or NO_TERMINAL, b"", done.out.rpartition(self._said("asks"))[2])
        code, _, err = said.partition(b"\n")
        return Result(int(code) if code.isdigit() else NO_TERMINAL, out, err)

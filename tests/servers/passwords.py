"""What FTP servers of all makes have in common: a login by name and password."""

from __future__ import annotations

import subprocess

from app.context import Context
from tests.servers import need

PASSWORD = "correct horse"


def hashed() -> str:
    """`PASSWORD` as crypt(5) writes it."""
    command = [need("openssl"), "passwd", "-6", "-stdin"]
    return subprocess.run(command, input=PASSWORD, capture_output=True, check=True, text=True).stdout.strip()


class ByPassword:
    """A server that lets somebody in with `PASSWORD`."""

    @property
    def login(self) -> str:
        """The key under which the password is given."""
        raise NotImplementedError

    def known(self, ctx: Context) -> Context:
        """*ctx*, in which the password was given."""
        ctx.answers.give(self.login, PASSWORD)
        return ctx

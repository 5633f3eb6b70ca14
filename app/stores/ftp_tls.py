"""Which TLS version an FTP server is spoken to in: some servers' TLS 1.3 fails on data lines, so it can be given up.

A data line whose handshake ends early may be a cut line or such a server, and one failure cannot tell: vsftpd then
replies in the clear, Pure-FTPd hangs up, ProFTPD says 425 and pyftpdlib nothing, whatever the cause was. So the line
is taken as cut. Only where the login works once more, the handshake ends early again, and no upload to this place
was ever confirmed over TLS 1.3, is it the server.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.context import Context

NEWEST, OLDER = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
WORKS, CUT, FAULTY = "works", "cut", "faulty"


class Version:
    """The version for the server *host*. The journal keeps what was seen (fact `tls13`): each try is a new login."""

    def __init__(self, host: str, ctx: Context) -> None:
        self._host, self._ctx = host, ctx

    @property
    def newest(self) -> ssl.TLSVersion:
        """The newest version that may be used."""
        return OLDER if self._known == FAULTY else NEWEST

    def worked(self) -> None:
        """The server confirmed an upload."""
        if self._known not in (WORKS, FAULTY):
            self._ctx.fact(tls13=WORKS)

    def was_cut(self) -> bool:
        """A data line ended before it was encrypted; whether the older version is to be tried because of that."""
        if self._known == CUT:
            return self.step_down()
        if not self._known:
            self._ctx.fact(tls13=CUT)
        return False

    def step_down(self) -> bool:
        """Use TLS 1.2 from now on; False when that is so already."""
        if self._known == FAULTY:
            return False
        self._ctx.fact(tls13=FAULTY)
        self._ctx.note(f"The data line to {self._host} failed with TLS 1.3, so TLS 1.2 is used from now on.")
        return True

    @property
    def _known(self) -> str:
        return str(self._ctx.state.of(self._ctx.step).get("tls13", ""))

"""Getting into the right folder of an FTP server: certificate, TLS version, name, password, folder."""

from __future__ import annotations

import ftplib
import ssl
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from app.errors import JobError, NeedsAnswer, Question, Transient
from app.secrets import login_of
from app.stores import ftp_words
from app.stores.certificates import Trust
from app.stores.ftp_session import FtpSession
from app.stores.ftp_tls import Version
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

PORTS = {"ftps": 990, "ftpes": 21}
ANONYMOUS = "anonymous"


class Door:
    """The way into the folder of *url*; `enter` may be used again after a line was cut."""

    def __init__(self, url: str, ctx: Context) -> None:
        parts = urlsplit(url)
        self.host, self.implicit = parts.hostname or "", parts.scheme == "ftps"
        self.port = parts.port or PORTS[parts.scheme]
        self.user = unquote(parts.username) if parts.username else ANONYMOUS
        self.login, self.path, self.ctx = login_of(url), unquote(parts.path), ctx
        self.trust = Trust(self.host, self.port, ctx)
        self.version = Version(self.host, ctx)

    def enter(self) -> FtpSession:
        """Connect, check the certificate, log in, and go into the folder."""
        ftp = self._trusted()
        try:
            self._log_in(ftp)
            ftp.prepare()
            self._go_into(ftp)
        except BaseException:
            ftp.close()
            raise
        return ftp

    def _trusted(self) -> FtpSession:
        """A session whose certificate is right; nothing secret was sent on it yet."""
        try:
            ftp, refusal = self._started(self.trust.context(self.version.newest)), None
        except ssl.SSLCertVerificationError as exc:
            ftp, refusal = self._started(self.trust.look(self.version.newest)), exc
        try:
            if refusal:
                self.trust.judge(refusal, ftp.wire.certificate)
            self.trust.check(ftp.wire.certificate)
        except BaseException:
            ftp.close()
            raise
        return ftp

    def _started(self, context: ssl.SSLContext) -> FtpSession:
        ftp = FtpSession(self.host, self.port, self.ctx, context, implicit=self.implicit)
        try:
            ftp.start()
        except ssl.SSLCertVerificationError:
            ftp.close()
            raise
        except OSError as exc:
            ftp.close()
            raise ftp_words.unreachable(exc, self.host, self.port) from exc
        except BaseException:
            ftp.close()
            raise
        return ftp

    def _log_in(self, ftp: FtpSession) -> None:
        try:
            ftp.enter(self.user, self._password())
        except ftplib.error_perm as exc:
            said = plain(exc)
            if ftp_words.is_crowded(exc):
                text = f"The server {self.host} lets nobody more in just now: {said}"
                raise Transient(text, "Close other connections to it; it is tried again.") from exc
            if self.user == ANONYMOUS:
                raise JobError(
                    f"The server {self.host} lets nobody in without a name: {said}",
                    f"Put your login name into the address: …://name@{self.host}/…",
                    topic="login",
                ) from exc
            self.ctx.answers.forget(self.login)
            text = f"The server {self.host} did not accept the name and password of {self.user} ({said})."
            remedy = "Check both and give the password again. It is not tried again by itself, so nothing gets locked."
            raise NeedsAnswer(Question("password", self.login, text), remedy) from exc

    def _password(self) -> str:
        if self.user == ANONYMOUS:
            return "sandhopper@"
        text = f"The server {self.host} asks for the password of {self.user}."
        return self.ctx.need(Question("password", self.login, text))

    def _go_into(self, ftp: FtpSession) -> None:
        """`/~/x` is in the login's own folder, `/x` at the top, or in the login's own folder if not there."""
        refusal: ftplib.error_perm | None = None
        for path in _ways(self.path):
            try:
                ftp.cwd(path)
            except ftplib.error_perm as exc:
                refusal = refusal or exc
            else:
                return
        if refusal:
            raise JobError(
                f"The server {self.host} has no folder {self.path} for you: {plain(refusal)}",
                "Check the folder's name. A one-time folder is gone once its upload has ended: if yours had sent "
                "everything, look for the image at the other side first.",
                topic="no-folder",
            )


def _ways(path: str) -> list[str]:
    if path.startswith("/~/"):
        return [path[3:].rstrip("/")] if path[3:].strip("/") else []
    whole = path.rstrip("/")
    return [whole, whole.lstrip("/")] if whole.strip("/") else []

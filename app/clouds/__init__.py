"""One login at an OpenStack cloud, for its provider and its stores. The only place that knows openstacksdk.

Logins come from `clouds.yaml` (docs.openstack.org/openstacksdk, “Configuring OpenStack SDK Applications”):
`$OS_CLIENT_CONFIG_FILE`, the places that OpenStack's own tools read, and this program's data folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from app.clouds.faults import explained_cloud, refused
from app.clouds.files import SILENCE, region_of
from app.clouds.projects import need_project
from app.clouds.threads import Beside, pumped
from app.errors import JobError

if TYPE_CHECKING:
    import requests

    from app.context import Context

BLOCK = 1 << 18
CONNECT = 30.0  # seconds
SERVICES = {
    "compute": "compute",
    "image": "image",
    "swift": "object_store",
    "volume": "block_storage",
    "network": "network",
}
OK = (200, 201, 202, 203, 204, 206)


def split(url: str) -> tuple[str, str, str]:
    """Cloud, kind and id of `openstack://CLOUD/kind/ID` (cloud names keep their case: RFC 3986 hosts do not)."""
    parts = urlsplit(url)
    kind, _, name = parts.path.lstrip("/").partition("/")
    return unquote(parts.netloc), kind, unquote(name)


class Cloud:
    """A cloud of clouds.yaml, logged in on first use.

    Every call raises `JobError`, `Transient` or `NeedsAnswer` and no library's own exception.
    """

    def __init__(self, name: str, ctx: Context) -> None:
        self.name, self.ctx = name, ctx
        self._connection: Any = None

    @property
    def connection(self) -> Any:
        """The openstacksdk connection (made on first use; the login itself mostly comes with the first call)."""
        if self._connection is None:
            import openstack.connection

            with explained_cloud(self.name, self.ctx):
                made = openstack.connection.Connection(config=region_of(self.name, self.ctx))
                self._see_keystone(made)
                need_project(made, self.name)
                self._connection = made
        return self._connection

    def _see_keystone(self, connection: Any) -> None:
        """See who answers: keystoneauth 5.18 waits for ever when an address that is not Keystone's says 401."""
        url = connection.config.config.get("auth", {}).get("auth_url")
        if url:
            with connection.session.get(url, authenticated=False, raise_exc=False) as answer:
                if answer.status_code == 401:
                    remedy = "Download clouds.yaml anew from the cloud's web page (API Access), or correct auth_url."
                    raise JobError(f"There is no login service of a cloud at {url}.", remedy, topic="clouds")

    def open(self) -> None:
        """Log in now, or say why that cannot be done."""
        self._beside(self._log_in)

    def renew(self) -> None:
        """Log in anew, so that a long upload begins with a token that is as young as can be."""
        self._beside(lambda: self._log_in(anew=True))

    def call(
        self, service: str, method: str, path: str, *, ok: Sequence[int] = (), stubborn: bool = False, **kwargs: Any
    ) -> requests.Response:
        """One request; statuses of *ok* besides 2xx are returned, all others raised as the person's errors.

        A request that fails on the way is not repeated here: the engine does that. A *stubborn* request
        is finished even when the person has cancelled (for tidying up).
        """
        act = self.begin(service, method, path, ok=ok, **kwargs)
        return act.wait(None if stubborn else self.ctx)

    def begin(
        self, service: str, method: str, path: str, *, ok: Sequence[int] = (), **kwargs: Any
    ) -> Beside[requests.Response]:
        """As `call`, but only begun: `wait` for its answer."""
        return Beside(lambda: self._call(service, method, path, ok, **kwargs))

    def _call(self, service: str, method: str, path: str, ok: Sequence[int], **kwargs: Any) -> requests.Response:
        with explained_cloud(self.name, self.ctx):
            proxy = getattr(self.connection, SERVICES[service])
            kwargs.setdefault("timeout", (CONNECT, SILENCE))
            answer: requests.Response = proxy.request(path, method, raise_exc=False, connect_retries=0, **kwargs)
            if answer.status_code in OK or answer.status_code in ok:
                return answer
            with answer:
                raise refused(answer, self.name)

    def offers(self, service: str) -> bool:
        """Whether the cloud has that service."""

        def look() -> bool:
            with explained_cloud(self.name, self.ctx):
                return bool(getattr(self.connection, SERVICES[service]).get_endpoint())

        return Beside(look).wait(self.ctx)

    def body(self, answer: requests.Response) -> Generator[bytes, None, None]:
        """The bytes of a streamed answer; the connection is dropped when the iterator is closed early."""
        return pumped(self._blocks(answer), self.ctx, lambda: _hang_up(answer))

    def _blocks(self, answer: requests.Response) -> Iterator[bytes]:
        with explained_cloud(self.name, self.ctx):
            yield from answer.iter_content(BLOCK)

    def _log_in(self, *, anew: bool = False) -> None:
        session = self.connection.session
        if anew:
            session.invalidate()
        session.get_token()

    def _beside(self, act: Callable[[], object]) -> None:
        def explained() -> None:
            with explained_cloud(self.name, self.ctx):
                act()

        Beside(explained).wait(self.ctx)

    def ask(self, service: str, path: str, **kwargs: Any) -> dict[str, Any] | None:
        """The JSON answer to GET *path*, or None for 404."""
        answer = self.call(service, "GET", path, ok=(404,), **kwargs)
        return None if answer.status_code == 404 else self.read_json(answer)

    def read_json(self, answer: requests.Response) -> dict[str, Any]:
        """The JSON object in *answer*; a body cut short or of another kind counts as a broken line."""
        with explained_cloud(self.name, self.ctx):
            data = answer.json()
        return dict(data) if isinstance(data, Mapping) else {}

    def close(self) -> None:
        """Let go of the connections. Never raises."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _hang_up(answer: requests.Response) -> None:
    """Wake a thread that may still be reading (urllib3 ≥ 2.3), then close."""
    with contextlib.suppress(Exception):  # the connection may be gone already, in any way
        answer.raw.shutdown()
    with contextlib.suppress(Exception):
        answer.close()

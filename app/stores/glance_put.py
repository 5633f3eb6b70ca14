"""One upload into a Glance image: sent once, and believed only after the service has told its hash."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from app.clouds.threads import Feed, SizedFeed
from app.errors import JobError, Transient
from app.hashing import Hashing

if TYPE_CHECKING:
    from app.clouds import Cloud
    from app.stores import Acked

POLL = 0.5, 5.0  # seconds between two looks: the first, the longest
HASHES = ("sha256", "sha512", "md5")
AGAIN = "It is sent again from the beginning."


class Upload:
    """The bytes of the queued image *image*; *size* is sent along when it is known."""

    def __init__(self, cloud: Cloud, image: str, size: int | None) -> None:
        self.cloud, self.path, self.size = cloud, f"/images/{image}", size
        self._sums = {name: hashlib.new(name, usedforsecurity=False) for name in HASHES}
        self._sent = 0

    def send(self, blocks: Iterator[bytes], acked: Acked) -> str:
        """Send everything, wait until the image is whole, compare; returns the SHA-256 of what is there.

        Whatever goes wrong, no half-made image stays.
        """
        try:
            self._stream(blocks, acked)
            return self._settled()
        except BaseException:
            with contextlib.suppress(JobError):  # the first trouble is the one to tell
                self.cloud.call("image", "DELETE", self.path, ok=(404, 409), stubborn=True, timeout=10)
            raise

    def _stream(self, blocks: Iterator[bytes], acked: Acked) -> None:
        feed = Feed() if self.size is None else SizedFeed(self.size)
        headers = {"Content-Type": "application/octet-stream"}
        if self.size is not None:
            headers["X-OpenStack-Image-Size"] = str(self.size)
        # keystoneauth would answer a 401 by sending the rest of the body as if it were the whole: never let it
        sender = self.cloud.begin("image", "PUT", f"{self.path}/file", data=feed, headers=headers, allow_reauth=False)
        ctx = self.cloud.ctx
        try:
            with self._counting() as count:
                for block in blocks:
                    if not feed.give(block, sender, ctx):
                        break
                    count(block)
                    acked(len(block))
            if self.size not in (None, self._sent) and not sender.over:
                text = f"{self.size} bytes were to be sent, but there were {self._sent}."
                raise JobError(text, "Has the file been changed meanwhile? Try again.", topic="changed")
            feed.give(None, sender, ctx)
            sender.wait(ctx).close()
        except Transient:
            if self._state() in ("saving", "active", "importing"):
                return  # the answer was lost, not the bytes; `_settled` finds out
            raise
        finally:
            feed.drop()

    @contextlib.contextmanager
    def _counting(self) -> Iterator[Callable[[bytes], None]]:
        """What counts a block and adds it to the sums, each in a thread of its own."""
        with contextlib.ExitStack() as stack:
            beside = [stack.enter_context(contextlib.closing(Hashing(one))) for one in self._sums.values()]

            def count(block: bytes) -> None:
                self._sent += len(block)
                for one in beside:
                    one.update(block)

            yield count

    def _state(self) -> str:
        return str((self.cloud.ask("image", self.path) or {}).get("status", "gone"))

    def _settled(self) -> str:
        wait, longest = POLL
        while True:
            image = self.cloud.ask("image", self.path)
            if image and image["status"] == "active":
                return self._compared(image)
            if image is None or image["status"] not in ("saving", "importing", "uploading"):
                raise Transient("The cloud did not keep the image that was sent.", AGAIN)
            self.cloud.ctx.advance()
            self.cloud.ctx.sleep(wait)
            wait = min(wait * 1.5, longest)

    def _compared(self, image: dict[str, Any]) -> str:
        algorithm, told = image.get("os_hash_algo") or "md5", image.get("os_hash_value") or image.get("checksum")
        if image.get("size") != self._sent:
            text = f"The cloud stored {image.get('size')} bytes of the {self._sent} that were sent."
            raise Transient(text, AGAIN)
        if algorithm in self._sums and told and self._sums[algorithm].hexdigest() != told:
            raise Transient("The image arrived damaged at the cloud.", AGAIN)
        return self._sums["sha256"].hexdigest() if algorithm in self._sums and told else ""

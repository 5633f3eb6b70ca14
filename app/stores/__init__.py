"""Places that hold a file: where a snapshot lies, where an image goes. One class a kind of place.

Every store passes tests/stores/test_contract.py on a real server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from app.errors import JobError, Transient, Usage

if TYPE_CHECKING:
    from app.context import Context

BLOCK = 255 << 10  # bytes handed on at a time: what OpenSSH takes as one request, so that nothing is cut anew
Acked = Callable[[int], None]

STORES = {
    "file": "local:Local",
    "sftp": "sftp:Sftp",
    "ftps": "ftps:Ftps",
    "ftpes": "ftps:Ftps",
    "openstack": "glance:Glance",
    "swift": "swift:Swift",
}


@dataclass(frozen=True)
class Abilities:
    """What a place can do, found out by trying it (`bandwidth.probe`), not by asking.

    *rename*: a finished `.part` may be given its name. *resume*: writing may go on at an offset.
    *read*: content may be read back. *remove*: files may be deleted. *size*: lengths may be asked.
    *digest*: the server computes SHA-256. *whole*: only one stream from first to last byte (Glance).
    """

    rename: bool = True
    resume: bool = True
    read: bool = True
    remove: bool = True
    size: bool = True
    digest: bool = False
    whole: bool = False

    @property
    def only_read_back(self) -> bool:
        """Whether a copy there can be proven by reading it back, and by nothing quicker."""
        return self.read and not self.digest

    def as_json(self) -> dict[str, bool]:
        """The abilities as plain data, for the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Abilities:
        """The abilities that a journal remembers."""
        return cls(**{k: bool(v) for k, v in data.items() if k in cls.__dataclass_fields__})


class Unseekable(JobError):
    """The place cannot write at that offset: it appends only, or begins at 0 only. Begin at 0."""


class HungUp(Transient):
    """A line ended before its first byte. At a first meeting the server may be to blame: the next try allows for it."""


def not_kept(where: str, name: str, have: int, wanted: int) -> JobError:
    """A server that says that it has stored *wanted* bytes, and again holds no more of them than before (or more)."""
    return JobError(
        f"{where} says that it stored {name}, but holds {have:,} bytes in place of {wanted:,}, each time it is sent.",
        "Ask its people: a quota, a limit of lengths, or a program that changes what arrives may be the cause.",
        means="What it holds stays there. The image here is as it was.",
        topic="server-limits",
    )


class Store(Protocol):
    """A folder (container, image service) on some computer, opened once and used by one thread.

    Names are plain file names in that folder. All calls raise `JobError`, `Transient` or
    `NeedsAnswer`, never a library's own exception; after a `Transient` the store has dropped its
    connection and the next call makes a new one.
    """

    url: str
    abilities: Abilities

    def open(self) -> None:
        """Log in; also says clearly why that cannot be done. Other calls open by themselves."""

    def size(self, name: str) -> int | None:
        """Length in bytes, or None when there is no such file."""

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from *offset* on, *length* of them at most, in blocks of any size."""

    def write(self, name: str, blocks: Iterator[bytes], offset: int, acked: Acked) -> None:
        """Keep the first *offset* bytes of *name* and replace everything behind them by *blocks*.

        *acked*(n) is called as n more bytes are confirmed by the far side (or, where a protocol
        confirms nothing, have left this computer). Whatever `blocks` raises is passed on after the
        bytes sent so far have been delivered as far as can be.
        """

    def rename(self, old: str, new: str) -> None:
        """Give a file its name in one step, replacing what had it."""

    def remove(self, name: str) -> None:
        """Delete a file; one that is gone already is fine."""

    def digest(self, name: str, length: int | None = None) -> str | None:
        """SHA-256 (hex) of the first *length* bytes computed at the far side; None where it cannot."""

    def free(self) -> int | None:
        """Bytes that may still be written there; None when it does not say."""

    def close(self) -> None:
        """Log out. Never raises."""


def open_store(url: str, ctx: Context) -> Store:
    """The store of the folder that *url* names (`app.addresses.TARGETS` lists the forms); connects on first use."""
    scheme = urlsplit(url).scheme
    if scheme not in STORES:
        raise Usage(f"There is no way to store files at {scheme}://.", f"Use one of: {', '.join(STORES)}.")
    module, name = STORES[scheme].split(":")
    made: Store = getattr(import_module(f"app.stores.{module}"), name)(url, ctx)
    return made

"""What a cloud says about an image that lies in it, so that a download can be proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Remote:
    """*size* in bytes; *algorithm* is a hashlib name (`sha512`, `md5`) or empty when the place tells no hash."""

    id: str
    size: int
    format: str = ""
    algorithm: str = ""
    digest: str = ""


@runtime_checkable
class Announced(Protocol):
    """A store that wants to know a file's length before its first byte."""

    def announce(self, name: str, size: int) -> None:
        """*name* will have *size* bytes."""


@runtime_checkable
class Publishing(Protocol):
    """A store whose files have properties."""

    def describe(self, name: str, known: dict[str, str | int]) -> bool:
        """Set these properties of *name*; False when there is no such thing."""


@runtime_checkable
class Describing(Protocol):
    """A store that knows size and hash of what it holds."""

    def described(self, name: str) -> Remote | None:
        """What the place says about *name*; None when there is no such thing."""

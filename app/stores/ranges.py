"""Reading the rest of a file over HTTP from services that may or may not understand where to begin (RFC 9110 §14)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.errors import Transient

if TYPE_CHECKING:
    import requests

    from app.clouds import Cloud


def ranged(
    cloud: Cloud, service: str, path: str, size: int, offset: int, length: int | None, **kwargs: Any
) -> Iterator[bytes]:
    """The bytes of *path* from *offset* on, *length* at most; the whole file has *size* bytes.

    Some of Glance's back ends answer a range with the whole file, with or without saying so (its release
    notes), others with 400: then the file is read from its start and skipped to *offset*.
    """
    end = size if length is None else min(size, offset + length)
    if offset >= end:
        return
    answer, begin = _asked(cloud, service, path, size, offset, end, **kwargs)
    with contextlib.closing(cloud.body(answer)) as blocks:
        at = begin
        for block in blocks:
            piece = block[max(0, offset - at) : max(0, end - at)]
            at += len(block)
            if piece:
                yield piece
            else:
                cloud.ctx.advance()  # skipping may take long; the person may cancel
            if at >= end:
                return
    raise Transient(f"The cloud “{cloud.name}” ended the download {end - at} bytes too early.", "It is gone on with.")


def _asked(
    cloud: Cloud, service: str, path: str, size: int, offset: int, end: int, **kwargs: Any
) -> tuple[requests.Response, int]:
    """An answer, and which byte of the file its body begins with."""
    plain = {"Accept-Encoding": "identity"}
    if offset == 0 and end == size:
        return cloud.call(service, "GET", path, stream=True, headers=plain, **kwargs), 0
    wish = {**plain, "Range": f"bytes={offset}-{end - 1}"}
    answer = cloud.call(service, "GET", path, ok=(400, 416), stream=True, headers=wish, **kwargs)
    if answer.status_code == 206 and _honest(answer, size, offset, end):
        return answer, offset
    if (answer.status_code == 206 and not _whole(answer, size)) or answer.status_code in (400, 416):
        answer.close()
        answer = cloud.call(service, "GET", path, stream=True, headers=plain, **kwargs)
    return answer, 0


def _honest(answer: requests.Response, size: int, offset: int, end: int) -> bool:
    """Whether a 206 says that it begins where it should, and is as long as it should be."""
    said = re.match(rf"bytes {offset}-", answer.headers.get("Content-Range", ""))
    return said is not None and answer.headers.get("Content-Length", str(end - offset)) == str(end - offset)


def _whole(answer: requests.Response, size: int) -> bool:
    return answer.headers.get("Content-Length") == str(size)

"""The addresses of sources and targets: which forms there are, what may be wrong with one, what it names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from app.secrets import redact_urls

SOURCES = {
    "file": "file:///path/of/disk.qcow2",
    "ssh": "ssh://user@host (its cloud has no API here: you make the snapshot by hand)",
    "openstack": "openstack://CLOUD/server/ID or openstack://CLOUD/image/ID",
}
TARGETS = {
    "sftp": "sftp://user@host/folder/",
    "ftps": "ftps://user@host/folder/ (implicit TLS)",
    "ftpes": "ftpes://user@host/folder/ (explicit TLS)",
    "file": "file:///folder/",
    "openstack": "openstack://CLOUD/image/NAME",
    "swift": "swift://CLOUD/container/NAME",
}
ENDINGS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vhd", "vhdx": "vhdx", "ova": "ova"}
NO_ADDRESS = r"[\x00-\x1f\x7f\ud800-\udfff]|%00"


def url_problems(what: str, url: str, known: dict[str, str]) -> list[str]:
    """What is wrong with the address *url* of a *what* (source, target …), in sentences; *known*: scheme → its form."""
    if re.search(NO_ADDRESS, url):
        return [f"The {what} has a character in it that no address can have."]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        return [f"The {what} “{redact_urls(url)}” is not an address: {exc}."]
    if parts.scheme not in known:
        return [f"The {what} “{redact_urls(url)}” is not an address I know; write it as {' or '.join(known.values())}."]
    if parts.password is not None:
        return [f"The {what} contains a password; leave it out, you will be asked for it."]
    return [p for p in (_shape_problem(what, parts, port),) if p]


def _shape_problem(what: str, parts: SplitResult, port: int | None) -> str:
    if parts.scheme == "file":
        return "" if parts.path.startswith("/") and not parts.netloc else f"The {what} must name a full path: file:///…"
    if not parts.hostname or port == 0:
        return f"The {what} names no host."
    depth = len([p for p in parts.path.split("/") if p])
    if parts.scheme == "openstack" and (depth < 2 or parts.path.split("/")[1] not in ("server", "image", "volume")):
        return f"The {what} must be openstack://CLOUD/server/ID or openstack://CLOUD/image/ID."
    return f"The {what} must be swift://CLOUD/container/name." if parts.scheme == "swift" and depth < 2 else ""


def split_target(url: str) -> tuple[str, str]:
    """A target's folder URL (ending in a slash) and the file's name in it, empty when the URL names a folder.

    An `sftp:`, `ftps:`, `ftpes:` or `file:` URL names a file only when it ends like a disk image.
    """
    parts = urlsplit(url)
    folder, _, last = parts.path.rpartition("/")
    if last and (parts.scheme in ("openstack", "swift") or is_image(last)):
        return parts._replace(path=folder + "/").geturl(), unquote(last)
    return parts._replace(path=parts.path.rstrip("/") + "/").geturl(), ""


def is_image(name: str) -> bool:
    """Whether *name* ends like a disk image."""
    return PurePosixPath(name).suffix.lower().removeprefix(".") in (*ENDINGS.values(), "img", "vpc")

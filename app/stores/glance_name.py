"""What an image is called in a cloud, where names have no endings and the format is a field of its own."""

from __future__ import annotations

import re

FORMATS = {"img": "raw", "raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vhd", "vpc": "vhd",
           "vhdx": "vhdx", "ova": "ova"}  # fmt: skip
_PARTS = re.compile(
    rf"(?P<stem>.+?)\.(?P<format>{'|'.join(FORMATS)})(?P<tail>(\.[0-9a-f]{{8}})?\.part)?", re.IGNORECASE
)


def disk_format(name: str) -> str:
    """Glance's `disk_format` of the file *name* (also while it is called `.part`); raw when it has no ending."""
    found = _PARTS.fullmatch(name)
    return FORMATS[found["format"].lower()] if found else "raw"


def title(name: str) -> str:
    """*name* without the ending of its format."""
    found = _PARTS.fullmatch(name)
    return found["stem"] + (found["tail"] or "") if found else name

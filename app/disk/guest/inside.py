"""Scripts in the machine of libguestfs itself, for what its own commands cannot do: vgextend(8), cp(1), long lists.

libguestfs does not promise to keep `debug sh`; without it this raises `Refused`, and nothing is lost.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from app.disk.guest.files import Guest

LONG = 14 * 86400  # seconds; a copy is watched by what it writes, not by a clock


def run(guest: Guest, script: str, watch: Callable[[], None] | None = None) -> str:
    """What a bash *script* says; `Refused` with its errors when it fails. *watch* is called meanwhile.

    guestfish reads the words of `debug` as a list of its own, so nothing but letters is given to it.
    """
    whole = base64.b64encode(f"{{ {script}\n}} < /dev/null".encode("utf-8", "surrogateescape")).decode()
    said = guest.call("debug", "sh", f"echo {whole} | base64 -d | bash", patience=LONG, watch=watch)
    return said.decode("utf-8", "backslashreplace")


def device(guest: Guest, name: str) -> str:
    """What the machine itself calls a device, which may differ from libguestfs' own name for it."""
    return guest.table("blkid", name).get("DEVNAME", name)

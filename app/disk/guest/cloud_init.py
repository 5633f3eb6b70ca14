"""cloud-init looks for its data at the new place, not only at today's (its own documentation: “Datasources”)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.disk.guest.change import Change
from app.disk.guest.disks import rewritten
from app.disk.guest.files import Guest

FOLDER, OURS = "/etc/cloud/cloud.cfg.d", "/etc/cloud/cloud.cfg.d/99_zz_sandhopper.cfg"
# Those that ask a server only where the machine's own name says that there is one, and None, so that it ends at once.
WANTED = ("NoCloud", "ConfigDrive", "OpenStack", "OVF", "VMware", "Ec2", "None")
_LIST = re.compile(r"^datasource_list\s*:\s*(?:\[([^\]]*)\]|((?:\n\s*-\s*\S+)+))", re.MULTILINE)


def sources(text: str) -> list[str] | None:
    """The `datasource_list` of a cloud.cfg, or None when it has none."""
    found = list(_LIST.finditer(re.sub(r"(?m)^\s*#.*\n?|\s#.*$", "", text)))
    return re.findall(r"[\w]+", found[-1][1] or found[-1][2] or "") if found else None


def wider(now: list[str]) -> list[str]:
    """The list with the places of other clouds added before the end; what was first stays first."""
    named = [name for name in now if name.lower() != "none"]
    return [*named, *(name for name in WANTED[:-1] if name not in named), "None"]


def look_everywhere(guest: Guest) -> Iterator[Change]:
    """Widen the list where it is narrow; where there is none, cloud-init looks everywhere already."""
    now, place = None, ""
    for path in ["/etc/cloud/cloud.cfg", *guest.below(FOLDER, ".cfg")]:
        if (found := sources(guest.text(path))) is not None:
            now, place = found, path
    if now is None or {"ConfigDrive", "OpenStack", "NoCloud"} <= {*now}:
        return
    after = f"# Written by Sandhopper: {place} names only places of the cloud that this machine came from.\n"
    after += f"datasource_list: [ {', '.join(wider(now))} ]\n"
    guest.folder(FOLDER)
    before = guest.text(OURS)
    for change in rewritten(
        guest, OURS, before, after, "cloud-init", "cloud-init looks for its data at the new place too"
    ):
        yield Change(change.fix, change.title, f"datasource_list: [ {', '.join(now)} ]", after)

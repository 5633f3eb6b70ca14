"""Rules that tie the network to today's card: the card of the new place has another number and would get no name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.disk.guest.change import Change
from app.disk.guest.files import Guest

RULES = "/etc/udev/rules.d"
LINKS = "/etc/systemd/network"
_NET = re.compile(
    r'(?=.*(?:SUBSYSTEM\S?=\S*"net"|NAME=))(?=.*(?:ATTRS?\{(?:address|device)\}|ENV\{ID_NET_NAME_MAC\})).*',
    re.IGNORECASE,
)
_MAC = re.compile(r"^\s*(?:Permanent)?MACAddress\s*=", re.IGNORECASE | re.MULTILINE)


def ties(rules: str) -> bool:
    """Whether udev rules (udev(7)) name a network card by its number."""
    return any(_NET.match(line) for line in rules.split("\n") if not line.lstrip().startswith("#"))


def link_ties(text: str) -> bool:
    """Whether a systemd.link(5) file is for one card only."""
    match = text.partition("[Match]")[2].partition("\n[")[0]
    return bool(_MAC.search(match))


def remove(guest: Guest) -> Iterator[Change]:
    """Remove the rules; each is kept beside it under another name, which udev does not read."""
    found = [path for path in guest.below(RULES, ".rules") if ties(guest.text(path))]
    found += [path for path in guest.below(LINKS, ".link") if link_ties(guest.text(path))]
    for path in found:
        before, kept = guest.text(path), guest.aside(path)
        guest.remove(path)
        yield Change(
            "nic-rules", f"{path} no longer ties the network to today's card; it is kept as {kept}.", before, ""
        )

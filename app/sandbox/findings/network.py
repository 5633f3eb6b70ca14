"""What ties the network to this place, and who can get in at the other one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.context import Finding
from app.sandbox.findings.words import some
from app.sandbox.look import Seen

_STATIC = (
    ("/etc/network/", re.compile(r"iface \S+ inet6? static")),
    ("ifcfg-", re.compile(r"IPADDR[0-9_]*=['\"]?[0-9]", re.IGNORECASE)),
    ("ifcfg-", re.compile(r"BOOTPROTO=['\"]?static", re.IGNORECASE)),
    ("/netplan/", re.compile(r"addresses: *\[ *['\"]?[0-9a-f]|- *['\"]?[0-9a-f.:]+/[0-9]+", re.IGNORECASE)),
    ("/NetworkManager/", re.compile(r"method=manual|address1?=[0-9a-f]", re.IGNORECASE)),
    ("/systemd/network/", re.compile(r"Address=[0-9a-f]", re.IGNORECASE)),
)
_CARD = re.compile(
    r"(HWADDR|MACADDR|LLADDR|macaddress|mac-address|MACAddress|hwaddress\s+ether)[=: ]+\S*([0-9a-f]{2}[:-]){5}",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"^\s*(?:DEVICE|NAME|interface-name|Name|iface|auto|allow-hotplug)[=\s]+['\"]?((?:en[spox]|enP|eth|venet)[0-9a-z]+)"
)
_FIXED = re.compile(r"(en[spox]|enP)[0-9]")


def findings(seen: Seen) -> Iterator[Finding]:
    """Addresses, cards, names, firewall, logins."""
    yield from _addresses(seen)
    yield from _cards(seen)
    yield from _way_in(seen)
    yield from _place(seen)


def _addresses(seen: Seen) -> Iterator[Finding]:
    files = [file for file, line in _lines(seen) if _is_static(file, line)]
    files += seen.words("static")
    if files:
        yield Finding(
            "care",
            f"The sandbox's address is fixed in {some(files)}.",
            "The copy would keep it, and be reached by nobody elsewhere.",
            "It takes its address from the target (DHCP) in the copy.",
            "static-network",
            {"files": sorted(set(files))},
            "network",
        )


def _lines(seen: Seen) -> list[tuple[str, str]]:
    return [(file, line) for file, line in seen.filed("network_files") if not file.endswith(("ifcfg-lo", "/lo"))]


def _is_static(file: str, line: str) -> bool:
    if "127.0.0.1" in line or "::1/128" in line:
        return False
    return any(where in file and pattern.search(line) for where, pattern in _STATIC)


def _cards(seen: Seen) -> Iterator[Finding]:
    if rules := seen.words("nic_rules"):
        title = f"{some(rules)} ties the names of network cards to this machine's card."
        text = "Another card gets another name elsewhere, and no address."
        yield Finding(
            "care", title, text, "It is removed in the copy.", "static-network", {"files": rules}, "nic-rules"
        )
    lines = _lines(seen)
    if files := [file for file, line in lines if _CARD.search(line)]:
        title = f"The serial number of this machine's network card stands in {some(files)}."
        text = "The copy has another card, and would leave it without an address."
        yield Finding(
            "care", title, text, "It is taken out in the copy.", "static-network", {"files": files}, "network"
        )
    named = {match[1]: file for file, line in lines if (match := _NAME.match(line)) and _FIXED.match(match[1])}
    named |= {name: file for file, line in lines if "/netplan/" in file and (name := _netplan_name(line))}
    if named:
        title = f"The network is set up for a card called {some(list(named))}."
        text = "The name says where the card is plugged in, which is another place elsewhere."
        remedy = "Any card is taken in the copy."
        yield Finding("care", title, text, remedy, "static-network", {"names": named}, "network")


def _netplan_name(line: str) -> str:
    match = re.match(r"\s*((?:en[spox]|enP)[0-9a-z]+):\s*$", line)
    return match[1] if match else ""


def _way_in(seen: Seen) -> Iterator[Finding]:
    rules = [line for _, line in seen.filed("firewall")]
    closed = any(
        re.search(r":INPUT (DROP|REJECT)|policy drop|-A INPUT .*-j (DROP|REJECT)|ENABLED=yes", line) for line in rules
    )
    ssh = [line for line in rules if re.search(r"\b(22|ssh)\b", line)]
    tied = [line for line in ssh if re.search(r"(-s|saddr|from)\s+(?!0\.0\.0\.0/0|any)[0-9a-f]", line, re.IGNORECASE)]
    if closed and ssh and len(tied) == len(ssh):
        title = "The sandbox's firewall lets SSH in from certain addresses only."
        text = "If you come from another address, the copy cannot be reached."
        remedy = "Add the address that you will come from, or use the target's console."
        yield Finding("care", title, text, remedy, "firewall", {"rules": tied[:10]})
    elif closed and not ssh:
        title = "The sandbox's firewall seems to let no SSH in."
        text = "The copy may not be reached over the network elsewhere."
        yield Finding("care", title, text, "Allow port 22 before the export, or use the target's console.", "firewall")
    if seen.filed("tcp_wrappers"):
        text = "Where /etc/hosts.allow names addresses of this place only, nobody gets in elsewhere."
        yield Finding("care", "/etc/hosts.deny keeps strangers out.", text, "Look at both files.", "firewall")
    if not seen.has("console"):
        return
    facts = {"console": seen.words("console"), "keys": seen.words("keyed")}
    if not seen.words("console"):
        grade = "care" if not seen.words("keyed") else "ok"
        text = "If the network of the copy does not come up, nobody can log in on its console."
        remedy = "Give one account a password first (passwd NAME), if the target has no other way in."
        yield Finding(grade, "No account of the sandbox has a password.", text, remedy, "console", facts)


def _place(seen: Seen) -> Iterator[Finding]:
    if files := [file for file, _ in seen.filed("place_bound")]:
        title = f"Time or package servers of this place are set in {some(files)}."
        text = "They are not reached elsewhere: updates and the clock may need others."
        facts = {"lines": [f"{file}: {line}"[:200] for file, line in seen.filed("place_bound")][:20]}
        yield Finding("care", title, text, "Name others in the copy, once it runs.", "place-bound", facts)

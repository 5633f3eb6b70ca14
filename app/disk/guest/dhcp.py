"""Network settings of each kind, rewritten to take an address by DHCP on whatever card there is. Pure text.

Each function returns the new text, None when nothing needs to change, and raises `TooMuch` for what a machine with
bridges, bonds or tunnels has: nobody but its owner knows what that should be elsewhere.
"""

from __future__ import annotations

import re

CARDS = (  # names of a first card: Xen and old systems, OpenStack, EC2, Google, VMware, VirtualBox …
    "eth0", "ens3", "ens4", "ens5", "ens6", "ens18", "ens32", "ens33", "ens160", "ens192", "ens224", "eno1", "enX0",
    "enp0s1", "enp0s2", "enp0s3", "enp0s4", "enp0s5", "enp0s8", "enp0s25", "enp1s0", "enp2s0", "enp3s0",
)  # fmt: skip
NETPLAN = """# Written by Sandhopper: an address by DHCP on whatever card the machine has.
network:
  version: 2
{renderer}  ethernets:
    any-card:
      match:
        name: "e*"
      dhcp4: true
      optional: true
"""
NETWORKD = """# Written by Sandhopper: an address by DHCP on whatever card the machine has.
[Match]
Name=en* eth*

[Network]
DHCP=yes
"""
_COMPLEX_PLAN = re.compile(r"^\s*(bonds|bridges|vlans|tunnels|vrfs|wifis|modems)\s*:", re.MULTILINE)
_COMPLEX_FACE = re.compile(
    r"^\s*(bridge[_-]|bond[_-]|vlan[_-]|wpa-|pre-up\s+ip link add|iface\s+\S+[.:]\d)", re.MULTILINE
)
_COMPLEX_CFG = re.compile(
    r"^\s*(MASTER|BRIDGE|BONDING_\w+|VLAN|TEAM_\w+|TYPE=\S*(Bond|Bridge|Team|Vlan|Wireless))",
    re.MULTILINE | re.IGNORECASE,
)


class TooMuch(Exception):
    """The settings are more than one card with one address."""


def netplan(texts: dict[str, str]) -> str | None:
    """The one netplan(5) file that replaces all of *texts* (path → content)."""
    plain = {path: _uncommented(text) for path, text in texts.items()}
    ours = [text for text in plain.values() if re.search(r"^\s*ethernets\s*:", text, re.MULTILINE)]
    if not ours or all(_any_card(text) for text in ours):
        return None
    if any(_COMPLEX_PLAN.search(text) for text in plain.values()):
        raise TooMuch
    manager = any(re.search(r"renderer\s*:\s*NetworkManager", text) for text in plain.values())
    return NETPLAN.format(renderer="  renderer: NetworkManager\n" if manager else "")


def _any_card(text: str) -> bool:
    named = re.search(r"match\s*:\s*(?:\{\s*|\n\s+)name\s*:\s*[\"']?e[nth]*\*", text)
    fixed = re.search(
        r"macaddress\s*:|gateway4\s*:|^\s*-?\s*\[?\s*[\"']?\d+\.\d+\.\d+\.\d+/\d+|addresses:\s*\[\s*[\"']?[\d.]+/",
        text,
        re.MULTILINE,
    )
    return bool(named and not fixed and re.search(r"dhcp4\s*:\s*(true|yes|on)", text))


def networkd(text: str) -> bool:
    """Whether a systemd.network(5) file ties a card of today (then it goes); `TooMuch` where it is part of more."""
    match, _, rest = _uncommented(text).partition("[Match]")[2].partition("\n[")
    names = re.search(r"^\s*Name\s*=\s*(.*)$", match, re.MULTILINE)
    tied = bool(re.search(r"^\s*(Permanent)?MACAddress\s*=|^\s*Path\s*=", match, re.MULTILINE))
    ethernet = tied or any(re.match(r"!?e(th|n|\*)", name) for name in (names[1].split() if names else []))
    if not ethernet and not re.search(r"^\s*Type\s*=\s*ether", match, re.MULTILINE):
        return False
    if re.search(r"^\s*(Bond|Bridge|VLAN|VRF|MACVLAN|Tunnel)\s*=", rest, re.MULTILINE):
        raise TooMuch
    wide = not names or any(name in ("en*", "e*", "eth*") for name in names[1].split())
    dhcp = re.search(r"^\s*DHCP\s*=\s*(yes|true|ipv4|both|v4)", rest, re.MULTILINE | re.IGNORECASE)
    return tied or not wide or not dhcp or bool(re.search(r"^\s*Address\s*=", rest, re.MULTILINE))


def interfaces(texts: dict[str, str], *, old_names: bool = False) -> str | None:
    """The one interfaces(5) file that replaces all of *texts*; *old_names*: cards are called eth0 there for sure."""
    faces = [
        face
        for text in texts.values()
        for face in re.findall(r"^\s*iface\s+(\S+)\s+(\S+)\s+(\S+)", _uncommented(text), re.MULTILINE)
    ]
    cards = [(name, how) for name, family, how in faces if name != "lo" and family == "inet"]
    if not cards or any(name.startswith(("/", "*")) for name, _ in cards):
        return None
    if old_names and cards == [("eth0", "dhcp")] and not any("hwaddress" in text for text in texts.values()):
        return None
    if any(_COMPLEX_FACE.search(_uncommented(text)) for text in texts.values()):
        raise TooMuch
    names = dict.fromkeys([*(name for name, _ in cards), *CARDS])
    blocks = "".join(f"\nallow-hotplug {name}\niface {name} inet dhcp\n" for name in names)
    return (
        "# Written by Sandhopper: an address by DHCP on the first card, whatever it is called there.\n"
        f"auto lo\niface lo inet loopback\n{blocks}"
    )


def ifcfg(text: str, *, any_card: bool) -> str | None:
    """An ifcfg file of Red Hat's or SUSE's; *any_card*: NetworkManager reads it, which then takes any card."""
    if _COMPLEX_CFG.search(text):
        raise TooMuch
    gone = r"(HWADDR|MACADDR|LLADDR|IPADDR\w*|NETMASK\w*|PREFIX\w*|GATEWAY\w*|BROADCAST\w*|NETWORK|DNS\d+|UUID)"
    if any_card:
        gone = rf"({gone}|DEVICE)"
    lines = [line for line in text.split("\n") if not re.match(rf"\s*(export\s+)?{gone}=", line)]
    after = "\n".join(lines)
    after, count = re.subn(r"^(\s*)BOOTPROTO=.*$", r"\1BOOTPROTO=dhcp", after, flags=re.MULTILINE)
    after = after if count else f"{after.rstrip()}\nBOOTPROTO=dhcp\n"
    tied = re.search(
        r"^\s*(HWADDR|IPADDR\w*|LLADDR)=|^\s*BOOTPROTO=[\"']?(static|none)", text, re.MULTILINE | re.IGNORECASE
    )
    named = any_card and re.search(r"^\s*DEVICE=", text, re.MULTILINE)
    return after if tied or named else None


def keyfile(text: str) -> str | None:
    """A NetworkManager connection (nm-settings-keyfile(5)) for one wired card."""
    if not re.search(r"^\s*type\s*=\s*(ethernet|802-3-ethernet)\s*$", text, re.MULTILINE):
        return None
    if re.search(r"^\s*(master|controller|slave-type|port-type)\s*=\s*\S", text, re.MULTILINE):
        raise TooMuch
    part, lines = "", []
    for line in text.split("\n"):
        found = re.match(r"\s*\[(.*)\]", line)
        part = found[1] if found else part
        name = line.partition("=")[0].strip()
        if part == "connection" and name == "interface-name":
            continue
        if part in ("ethernet", "802-3-ethernet") and name in (
            "mac-address",
            "cloned-mac-address",
            "assigned-mac-address",
        ):
            continue
        if part == "ipv4" and re.fullmatch(r"address(es)?\d*|gateway|route\d+|dns", name):
            continue
        lines.append("method=auto" if part == "ipv4" and name == "method" else line)
    after = "\n".join(lines)
    return after if after != text else None


def _uncommented(text: str) -> str:
    return re.sub(r"(?m)^\s*[#;].*$", "", text)

"""The network of the copy takes its address from the new place, on whatever card it has there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.disk.guest import dhcp
from app.disk.guest.change import Change
from app.disk.guest.disks import loader_files
from app.disk.guest.files import Guest
from app.disk.guest.system import System

FIX, TITLE = "network", "The network takes its address from the new place (DHCP)"
_CLIENTS = ("dhclient", "udhcpc", "dhcpcd", "dhcpcd5", "pump")


def by_dhcp(guest: Guest, system: System) -> Iterator[Change]:
    """Rewrite what is tied to today's network; every file that changes is kept beside it, under another name."""
    ways: tuple[Callable[[], Iterator[Change]], ...] = (
        lambda: _netplan(guest),
        lambda: _networkd(guest),
        lambda: _interfaces(guest, system),
        lambda: _ifcfg(guest),
        lambda: _keyfiles(guest),
    )
    for way in ways:
        try:
            yield from way()
        except dhcp.TooMuch:
            text = "The network settings hold bridges, bonds or the like; they were left as they are."
            yield Change(FIX, text, grade="care")


def _netplan(guest: Guest) -> Iterator[Change]:
    texts = {path: guest.text(path) for path in guest.below("/etc/netplan", ".yaml")}
    if (after := dhcp.netplan(texts)) is not None:
        yield from _replaced(guest, texts, "/etc/netplan/01-sandhopper.yaml", after, mode=0o600)


def _networkd(guest: Guest) -> Iterator[Change]:
    texts = {path: guest.text(path) for path in guest.below("/etc/systemd/network", ".network")}
    tied = {path: text for path, text in texts.items() if dhcp.networkd(text)}
    if tied:
        yield from _replaced(guest, tied, "/etc/systemd/network/90-sandhopper.network", dhcp.NETWORKD)


def _interfaces(guest: Guest, system: System) -> Iterator[Change]:
    main = "/etc/network/interfaces"
    if not guest.file(main) or not any(guest.file(f"{path}/ifup") for path in ("/sbin", "/usr/sbin")):
        return
    paths = [main, *guest.below("/etc/network/interfaces.d")]
    texts = {path: guest.text(path) for path in paths if not path.endswith(".sandhopper-before")}
    after = dhcp.interfaces(texts, old_names=_old_names(guest, system))
    if after is None:
        return
    if not any(
        guest.file(f"{path}/{name}") for name in _CLIENTS for path in ("/sbin", "/usr/sbin", "/bin", "/usr/bin")
    ):
        yield Change(
            FIX, "The copy has no program that asks for an address (DHCP); its fixed address stays.", grade="care"
        )
        return
    yield from _replaced(guest, texts, main, after)


def _old_names(guest: Guest, system: System) -> bool:
    """Whether cards are called eth0 there, and not by the slot they are in."""
    return not system.systemd or any("net.ifnames=0" in guest.text(path) for path in loader_files(guest))


def _ifcfg(guest: Guest) -> Iterator[Change]:
    manager = bool(guest.file("/usr/sbin/NetworkManager"))
    for folder in ("/etc/sysconfig/network-scripts", "/etc/sysconfig/network"):
        for path in guest.below(folder):
            name = path.rpartition("/")[2]
            if (
                not name.startswith("ifcfg-")
                or name == "ifcfg-lo"
                or name.endswith(("-before", "~", ".bak", ".rpmsave"))
            ):
                continue
            after = dhcp.ifcfg(guest.text(path), any_card=manager and "scripts" in folder)
            if after is not None:
                yield from _changed(guest, path, after, folder="/etc/sysconfig")


def _keyfiles(guest: Guest) -> Iterator[Change]:
    for path in guest.below("/etc/NetworkManager/system-connections"):
        after = dhcp.keyfile(guest.text(path)) if not path.endswith("-before") else None
        if after is not None:
            yield from _changed(guest, path, after, folder="/etc/NetworkManager")


def _changed(guest: Guest, path: str, after: str, *, folder: str) -> Iterator[Change]:
    """Change one file whose old self must not lie beside it, where it would be read as well."""
    before = guest.text(path)
    kept = f"{folder}/{path.rpartition('/')[2]}.sandhopper-before"
    if guest.lstat(kept) is None:
        guest.call("cp-a", guest.real(path), kept)
    guest.write(path, after)
    yield Change(FIX, f"{TITLE}: {path}. The old one is kept as {kept}.", before, after)


def _replaced(guest: Guest, texts: dict[str, str], path: str, after: str, mode: int = 0o644) -> Iterator[Change]:
    """Put one new file in the place of several, which are kept under names that nobody reads."""
    like = guest.real(next(iter(texts)))
    kept = [guest.aside(old) for old in texts]
    if guest.lstat(guest.real(path)) is None:
        guest.write(path, after, like=like, mode=mode)
    else:
        guest.write(path, after)
    for old in texts:
        if old != path:
            guest.remove(guest.real(old))
    before = "\n".join(f"{old}:\n{text.rstrip()}" for old, text in texts.items())
    yield Change(FIX, f"{TITLE}: {path}. What was there is kept as {', '.join(kept)}.", before, after)

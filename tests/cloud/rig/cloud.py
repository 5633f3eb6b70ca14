"""Brings the cloud up and takes it down."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable

from tests.cloud.rig import people, processes, room, schemas, services, settings, supplies
from tests.cloud.rig.ground import HOST, PORTS, Ground

KEPT = ".kept"
Say = Callable[[str], None]
PROGRAMS = (
    "keystone-manage", "glance-api", "placement-manage", "nova-api", "nova-compute", "neutron-server",
    "neutron-linuxbridge-agent", "neutron-dhcp-agent", "dnsmasq", "cinder-volume", "swift-proxy-server",
    "swift-object-server", "libvirtd", "mariadbd", "mariadb-install-db", "epmd", "rabbitmqctl", "uwsgi",
    "qemu-system-x86_64", "qemu-img", "unshare", "nsenter", "sudo", "ip",
)  # fmt: skip


def up(ground: Ground, say: Say) -> None:
    """Start it as nobody has used it yet; the first time with these files it is made, which takes minutes."""
    down(ground)
    _ports_are_free(ground)
    if not ground.seed.exists():
        say("making a cloud: this takes a few minutes, once")
        _make(ground, say)
    shutil.rmtree(ground.var, ignore_errors=True)
    shutil.copytree(ground.seed, ground.var, symlinks=True)
    _start(ground, say)


def down(ground: Ground) -> None:
    """End every process of it, and remove its bridge and its network namespace."""
    (ground.run / KEPT).unlink(missing_ok=True)
    guests = processes.noted_by_others(ground, "libvirt/run/qemu/*.pid")
    for guest in guests:
        guest.signal(signal.SIGKILL)
    others = processes.noted_by_others(ground, "neutron/dhcp/*/pid")
    processes.end(ground)
    processes.finish([*guests, *others])
    _tidy_network(ground)
    room.leave()


def stop(ground: Ground, name: str) -> None:
    """Take one service away, as a cloud's own staff does."""
    processes.end(ground, {name})


def resume(ground: Ground, name: str) -> None:
    """Bring back what `stop` took away, and wait until it answers."""
    service = next(one for one in [*services.base(ground), *services.rest(ground)] if one.name == name)
    services.start(ground, service, room.words(ground))
    services.wait(ground, service)


def wipe(ground: Ground) -> None:
    """As `down`, and forget everything: the next start makes it anew."""
    down(ground)
    shutil.rmtree(ground.home, ignore_errors=True)


def alive(ground: Ground) -> dict[str, bool]:
    """Every program that was started, and whether it still runs."""
    return {name: known.lives for name, known in processes.started(ground).items()}


def by_hand(ground: Ground) -> bool:
    """Whether somebody has brought it up to keep it (`python -m tests.cloud.rig up`), and it still runs."""
    programs = alive(ground)
    return (ground.run / KEPT).exists() and bool(programs) and all(programs.values())


def keep(ground: Ground) -> None:
    """Note that it is to outlive a session of tests."""
    (ground.run / KEPT).touch()


def _make(ground: Ground, say: Say) -> None:
    """A whole cloud from nothing, kept as the seed of all later ones."""
    for old in ground.home.glob("seed-*"):
        shutil.rmtree(old)
    shutil.rmtree(ground.var, ignore_errors=True)
    ground.var.mkdir(parents=True)
    ground.home.chmod(0o700)
    (ground.var / "password").write_text(secrets.token_urlsafe(18))
    (ground.var / "password").chmod(0o600)
    schemas.lay_database(ground)
    schemas.rings(ground)
    _start(ground, say, first=True)
    # the database must end well, and last; all else is thrown away, or is files
    processes.end(ground, set(processes.started(ground)) - {"database"})
    down(ground)
    for passing in ("queue", "libvirt", "nova", "neutron", "cinder", "room"):
        shutil.rmtree(ground.var / passing) if (ground.var / passing).is_dir() else (ground.var / passing).unlink()
    shutil.copytree(ground.var, ground.home / "seed.part", symlinks=True)
    (ground.home / "seed.part").rename(ground.seed)
    say("made and kept")


def _start(ground: Ground, say: Say, *, first: bool = False) -> None:
    began, since = time.monotonic(), time.time()
    for folder in (ground.run, ground.log):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    settings.write(ground)
    inside = room.enter(ground)
    base, rest = services.base(ground), services.rest(ground)

    def told(what: str) -> None:
        say(f"{time.monotonic() - began:5.1f} s: {what}")

    for service in base[:-1]:
        services.start(ground, service, inside)
    services.wait(ground, base[0])
    if first:
        schemas.create(ground)
        told("databases made")
    services.start(ground, base[-1], inside)
    if first:
        services.wait(ground, base[-1])
        people.settle(ground)
        told("people and catalog made")
    services.wait(ground, base[2])  # the others wait long for a queue that is not there yet
    for service in rest:
        services.start(ground, service, inside)
    for service in [*base, *rest]:
        services.wait(ground, service)
    told("all services answer")
    if first:
        services.until(ground, "nova-compute", lambda: _announced(ground))
        supplies.stock(ground)
    supplies.awake(ground, since)
    told("all workers report")


def _announced(ground: Ground) -> bool:
    """Whether the compute host is known to nova (its services are listed only when it is mapped to a cell)."""
    question = "SELECT COUNT(*) FROM compute_nodes WHERE deleted = 0"
    command = ["mariadb", "--no-defaults", "-uroot", f"-h{HOST}", f"-P{ground.port('database')}", "-N", "-e", question]
    env = {**services.environment(ground), "MYSQL_PWD": ground.password}
    told = subprocess.run([*command, "nova"], env=env, capture_output=True, text=True, check=False).stdout
    return told.strip() not in ("", "0")


def _ports_are_free(ground: Ground) -> None:
    for name in PORTS:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((HOST, ground.port(name)))
            except OSError as exc:
                raise RuntimeError(
                    f"port {ground.port(name)}, which {name} needs, is taken by another program"
                ) from exc


def _tidy_network(ground: Ground) -> None:
    """Neutron leaves its bridge and the name space of its DHCP server (their names are made of the network's ID)."""
    note = ground.var / "network"
    if not note.exists() or os.geteuid():
        return
    network = note.read_text()
    for command in (["ip", "netns", "del", f"qdhcp-{network}"], ["ip", "link", "del", f"brq{network[:11]}"]):
        subprocess.run(command, capture_output=True, check=False)

"""Writes the settings of all services from the files in templates/."""

from __future__ import annotations

import shutil
from pathlib import Path
from string import Template

from tests.cloud.rig.ground import HERE, HOST, PORTS, REGIONS, Ground

SERVICES = (
    "keystone.conf", "nova.conf", "neutron.conf", "ml2.conf", "bridges.conf", "dhcp.conf", "cinder.conf", "nfs_shares",
    "placement/placement.conf", "libvirt/libvirtd.conf", "libvirt/qemu.conf", "swift/swift.conf",
    "swift/swift-proxy.conf", "rabbitmq.conf",
)  # fmt: skip
RINGS = ("account", "container", "object")
FOLDERS = (
    "nova/instances", "neutron", "cinder/share", "keystone", "locks", "queue", "swift/d1",
    *(f"{name}/{part}" for name in REGIONS.values() for part in ("images", "staging", "tasks")),
)  # fmt: skip


def write(ground: Ground) -> None:
    """Write them below etc/; whoever may read there may do anything in the cloud."""
    shutil.rmtree(ground.etc, ignore_errors=True)
    ground.etc.mkdir(mode=0o700)
    values = _values(ground)
    for name in SERVICES:
        _render(ground.etc / name, Path(name).name, values)
    for name in REGIONS.values():
        own = {"own": name, "own_port": str(ground.port(name))}
        _render(ground.etc / f"{name}.conf", "glance.conf", values | own)
    for name in RINGS:
        own = {"own": name, "own_port": str(ground.port(name))}
        _render(ground.etc / "swift" / f"{name}-server.conf", "swift-backend.conf", values | own)
    for ring in (ground.var / "rings").glob("*.ring.gz"):
        shutil.copy(ring, ground.etc / "swift")
    (ground.etc / "queue_plugins").write_text("[].")
    _programs(ground, values)
    for folder in FOLDERS:
        (ground.var / folder).mkdir(parents=True, exist_ok=True)


def _values(ground: Ground) -> dict[str, str]:
    password = ground.password
    values = {
        "etc": str(ground.etc),
        "var": str(ground.var),
        "bin": str(ground.etc / "bin"),
        "password": password,
        "identity": ground.identity,
        "database": f"mysql+pymysql://root:{password}@{HOST}:{ground.port('database')}",
        "queue": f"rabbit://rig:{password}@{HOST}:{ground.port('queue')}/",
        **{f"port_{name}": str(ground.port(name)) for name in PORTS},
    }
    return {**values, "login": Template((HERE / "templates" / "login.conf").read_text()).substitute(values)}


def _render(to: Path, name: str, values: dict[str, str]) -> None:
    to.parent.mkdir(exist_ok=True)
    to.write_text(Template((HERE / "templates" / name).read_text()).substitute(values))


def _programs(ground: Ground, values: dict[str, str]) -> None:
    """Our mount in place of the system's (room.py), and a mount.nfs: cinder only looks whether it is there."""
    programs = ground.etc / "bin"
    _render(programs / "mount", "mount", values)
    shutil.copyfile("/usr/bin/mount", programs / "mount.real")
    (programs / "mount.nfs").write_text("#!/bin/sh\nexit 1\n")
    for file in programs.iterdir():
        file.chmod(0o755)

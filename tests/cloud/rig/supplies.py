"""What a cloud has before anybody uses it (sizes of machines, a network, a kind of volume), and whether it is awake."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from keystoneauth1.exceptions import ClientException

from tests.cloud.rig import schemas, services
from tests.cloud.rig.ground import Ground
from tests.cloud.rig.people import Api, admin

# name, memory in MiB, processors, disk in GiB (0: as big as the volume)
FLAVORS = (("tiny", 128, 1, 1), ("small", 512, 1, 3), ("medium", 1024, 2, 10), ("volume", 128, 1, 0))
NETWORK, SUBNET = "inside", "10.99.0.0/24"


def stock(ground: Ground) -> None:
    """Make it, once; the compute host must have announced itself."""
    schemas.map_host(ground)
    nova, neutron, cinder = (admin(ground, ground.url(name)) for name in ("nova", "neutron", "cinder"))
    for name, ram, vcpus, disk in FLAVORS:
        nova.post("/v2.1/flavors", flavor={"name": name, "ram": ram, "vcpus": vcpus, "disk": disk})
    network = neutron.post("/v2.0/networks", network={"name": NETWORK, "shared": True})["id"]
    neutron.post("/v2.0/subnets", subnet={"network_id": network, "ip_version": 4, "cidr": SUBNET, "gateway_ip": None})
    extra = {"volume_backend_name": "nfs"}
    cinder.post(f"/v3/{_project(cinder)}/types", volume_type={"name": "nfs", "extra_specs": extra})
    (ground.var / "network").write_text(network)


def awake(ground: Ground, since: float) -> None:
    """Wait until the workers without a port have reported since the moment *since*."""
    nova, neutron, cinder = (admin(ground, ground.url(name)) for name in ("nova", "neutron", "cinder"))

    def compute() -> bool:
        return _reported(nova.get("/v2.1/os-services?binary=nova-compute")["services"], "updated_at", since)

    def bridges() -> bool:
        found = neutron.get("/v2.0/agents?binary=neutron-linuxbridge-agent")["agents"]
        return _reported(found, "heartbeat_timestamp", since)

    def dhcp() -> bool:
        return _reported(neutron.get("/v2.0/agents?binary=neutron-dhcp-agent")["agents"], "heartbeat_timestamp", since)

    def volumes() -> bool:
        found = cinder.get(f"/v3/{_project(cinder)}/os-services?binary=cinder-volume")["services"]
        return _reported(found, "updated_at", since)

    checks: dict[str, Callable[[], bool]] = {
        "nova-compute": compute, "neutron-bridges": bridges, "neutron-dhcp": dhcp, "cinder-volume": volumes,
    }  # fmt: skip
    for name, check in checks.items():
        services.until(ground, name, lambda check=check: _quietly(check))


def _reported(found: list[dict[str, Any]], key: str, since: float) -> bool:
    stamps = [str(one[key] or "").replace("T", " ")[:19] for one in found]
    return any(stamp >= datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S") for stamp in stamps)


def _quietly(check: Callable[[], bool]) -> bool:
    with contextlib.suppress(ClientException):
        return check()
    time.sleep(0.5)
    return False


def _project(api: Api) -> str:
    return str(api.session.get_project_id())

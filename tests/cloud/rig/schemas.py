"""What is made once, by the services' own programs: databases, keys, rings."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

from tests.cloud.rig.ground import HOST, REGIONS, Ground
from tests.cloud.rig.services import environment
from tests.cloud.rig.settings import RINGS

DATABASES = ("keystone", *REGIONS.values(), "nova", "nova_api", "nova_cell0", "placement", "neutron", "cinder")


def lay_database(ground: Ground) -> None:
    """The empty data folder of the database server, before its first start."""
    _run(
        ground, "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={ground.var / 'database'}",
        "--auth-root-authentication-method=normal", "--skip-test-db",
    )  # fmt: skip


def create(ground: Ground) -> None:
    """Databases and their tables, keys and the administrator: two chains, for two processors."""
    _databases(ground)
    with ThreadPoolExecutor() as pool:
        for chain in [pool.submit(_first, ground), pool.submit(_second, ground)]:
            chain.result()


def rings(ground: Ground) -> None:
    """Where swift finds what: one device, one copy."""
    folder = ground.var / "rings"
    folder.mkdir()
    for name in RINGS:
        builder = str(folder / f"{name}.builder")
        where = f"--region 1 --zone 1 --ip {HOST} --port {ground.port(name)} --device d1 --weight 1"
        _run(ground, "swift-ring-builder", builder, "create", "6", "1", "1")
        _run(ground, "swift-ring-builder", builder, "add", *where.split())
        _run(ground, "swift-ring-builder", builder, "rebalance")


def _databases(ground: Ground) -> None:
    lines = [f"CREATE DATABASE {name};" for name in DATABASES]
    lines += [f"CREATE OR REPLACE USER root@'{HOST}' IDENTIFIED BY '{ground.password}';"]
    lines += [f"GRANT ALL ON *.* TO root@'{HOST}' WITH GRANT OPTION;"]
    lines += [f"DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> '{HOST}'; FLUSH PRIVILEGES;"]
    socket = f"--socket={ground.var}/database.sock"
    _run(ground, "mariadb", "--no-defaults", "-uroot", socket, stdin="\n".join(lines))


def _first(ground: Ground) -> None:
    keystone = ["keystone-manage", "--config-file", str(ground.etc / "keystone.conf")]
    us = ["--keystone-user", "root", "--keystone-group", "root"]
    _run(ground, *keystone, "db_sync")
    _run(ground, *keystone, "fernet_setup", *us)
    _run(ground, *keystone, "credential_setup", *us)
    where = [word for kind in ("public", "internal", "admin") for word in (f"--bootstrap-{kind}-url", ground.identity)]
    admin = ["--bootstrap-password", ground.password, "--bootstrap-region-id", next(iter(REGIONS))]
    _run(ground, *keystone, "bootstrap", *admin, *where)
    for name in REGIONS.values():
        _run(ground, "glance-manage", "--config-file", str(ground.etc / f"{name}.conf"), "db_sync")
    placement = ["placement-manage", "--config-file", str(ground.etc / "placement" / "placement.conf")]
    _run(ground, *placement, "db", "sync")
    neutron = [word for name in ("neutron", "ml2") for word in ("--config-file", str(ground.etc / f"{name}.conf"))]
    _run(ground, "neutron-db-manage", *neutron, "upgrade", "heads")


def _second(ground: Ground) -> None:
    nova = ["nova-manage", "--config-file", str(ground.etc / "nova.conf")]
    cell0 = f"mysql+pymysql://root:{ground.password}@{HOST}:{ground.port('database')}/nova_cell0"
    _run(ground, *nova, "api_db", "sync")
    _run(ground, *nova, "cell_v2", "map_cell0", "--database_connection", cell0)
    _run(ground, *nova, "db", "sync")
    _run(ground, *nova, "cell_v2", "create_cell", "--name", "cell1")
    _run(ground, "cinder-manage", "--config-file", str(ground.etc / "cinder.conf"), "db", "sync")


def map_host(ground: Ground) -> None:
    """Tell nova of the compute host that has announced itself."""
    _run(ground, "nova-manage", "--config-file", str(ground.etc / "nova.conf"), "cell_v2", "discover_hosts")


def _run(ground: Ground, *command: str, stdin: str = "") -> None:
    done = subprocess.run(
        command, input=stdin, env=environment(ground), capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode not in (0, 1 if command[0] == "swift-ring-builder" else 0):  # 1 is a warning there
        raise RuntimeError(
            f"{' '.join(command[:3])} ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}"
        )

"""The programs that make the cloud, how each is started, and how it is seen to be ready."""

from __future__ import annotations

import contextlib
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.cloud.rig import processes
from tests.cloud.rig.ground import HOST, REGIONS, Ground
from tests.cloud.rig.settings import RINGS

READY = 240.0  # seconds; a start on two busy processors takes a quarter of that
UWSGI = (
    "uwsgi --plugin python3 --master --die-on-term --lazy-apps --enable-threads --need-app --processes 1 --threads 4 "
    "--buffer-size 65535"
)


@dataclass(frozen=True)
class Service:
    """*command* in words; *inside* the room; *port* answers when it is ready."""

    name: str
    command: list[str]
    port: str = ""
    inside: bool = False
    env: dict[str, str] = field(default_factory=dict)


def environment(ground: Ground) -> dict[str, str]:
    """What every program of the cloud is given: nothing of the person who starts it."""
    path = f"{ground.etc / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", "HOME": str(ground.var / "queue")}


def base(ground: Ground) -> list[Service]:
    """Database, queue, and the service where everybody logs in."""
    return [_database(ground), *_queue(ground), _keystone(ground)]


def rest(ground: Ground) -> list[Service]:
    """All others, in the order in which they are needed."""
    etc, nova, cinder = ground.etc, _with(ground, "nova"), _with(ground, "cinder")
    neutron = _with(ground, "neutron")
    return [
        Service("nova-conductor", ["nova-conductor", *nova]),
        Service("neutron", ["neutron-server", *neutron, *_with(ground, "ml2")], "neutron"),
        Service("libvirtd", ["libvirtd", "-p", str(ground.var / "libvirtd.pid")], inside=True),
        Service("nova-api", ["nova-api", *nova], "nova"),
        *(Service(name, ["glance-api", *_with(ground, name)], name) for name in REGIONS.values()),
        Service("placement", _uwsgi(ground, "placement", "placement-api"), "placement",
                env={"OS_PLACEMENT_CONFIG_DIR": str(etc / "placement")}),
        Service("nova-scheduler", ["nova-scheduler", *nova]),
        Service("cinder-volume", ["cinder-volume", *cinder], inside=True),
        Service("cinder-api", ["cinder-api", *cinder], "cinder"),
        Service("cinder-scheduler", ["cinder-scheduler", *cinder]),
        Service("neutron-bridges", ["neutron-linuxbridge-agent", *neutron, *_with(ground, "bridges")]),
        Service("neutron-dhcp", ["neutron-dhcp-agent", *neutron, *_with(ground, "dhcp")]),
        *(Service(f"swift-{name}", [f"swift-{name}-server", str(etc / "swift" / f"{name}-server.conf")], name, True)
          for name in RINGS),
        Service("swift", ["swift-proxy-server", str(etc / "swift" / "swift-proxy.conf")], "swift", inside=True),
        # last: when the conductor is not there at once, it looks again after ten seconds
        Service("nova-compute", ["nova-compute", *nova], inside=True),
    ]  # fmt: skip


def start(ground: Ground, service: Service, room: list[str]) -> None:
    """Start one."""
    command = [*(room if service.inside else []), *service.command]
    processes.start(ground, service.name, command, {**environment(ground), **service.env})


def wait(ground: Ground, service: Service) -> None:
    """Wait until it answers; fails with its last words when it has ended."""
    if service.port:
        listens = service.port in ("database", "queue", "account", "container", "object")
        until(
            ground, service.name, lambda: _listens(ground, service.port) if listens else _serves(ground, service.port)
        )


def until(ground: Ground, name: str, true: Callable[[], object]) -> None:
    """Wait until *true*(); fails with the last words of the service *name* when it takes too long or has ended."""
    deadline = time.monotonic() + READY
    while not true():
        lives = processes.started(ground)[name].lives
        if not lives or time.monotonic() > deadline:
            tail = (ground.log / name).read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{name} {'is not ready' if lives else 'has ended'}:\n{tail}")
        time.sleep(0.2)


def _listens(ground: Ground, port: str) -> bool:
    with socket.socket() as sock:
        sock.settimeout(2)
        return sock.connect_ex((HOST, ground.port(port))) == 0


def _serves(ground: Ground, port: str) -> bool:
    path = "/healthcheck" if port == "swift" else "/"
    with contextlib.suppress(OSError):
        try:
            with urllib.request.urlopen(ground.url(port, path), timeout=10) as answer:
                return bool(answer.status)
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.code < 500
    return False


def _database(ground: Ground) -> Service:
    folder = ground.var / "database"
    words = f"--user=root --bind-address={HOST} --port={ground.port('database')} --skip-name-resolve"
    # what is lost in a power cut is made again: nothing here waits for the disk
    words += " --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-flush-method=nosync"
    words += " --innodb-buffer-pool-size=256M --innodb-log-file-size=32M --max-connections=600 --performance-schema=OFF"
    words += " --character-set-server=utf8mb3 --collation-server=utf8mb3_general_ci"
    own = [f"--datadir={folder}", f"--socket={ground.var}/database.sock", f"--pid-file={ground.var}/database.pid"]
    return Service("database", ["mariadbd", "--no-defaults", *own, *words.split()], "database")


def _queue(ground: Ground) -> list[Service]:
    names = {"ERL_EPMD_ADDRESS": HOST, "ERL_EPMD_PORT": str(ground.port("queue_names"))}
    env = {
        **names,
        "RABBITMQ_NODENAME": "rig@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(ground.port("queue")),
        "RABBITMQ_DIST_PORT": str(ground.port("queue_peers")),
        "RABBITMQ_MNESIA_BASE": str(ground.var / "queue"),
        "RABBITMQ_LOG_BASE": str(ground.log),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(ground.etc / "queue_plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(ground.etc / "rabbitmq"),
        "RABBITMQ_PID_FILE": str(ground.var / "queue.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    return [
        Service("queue-names", ["epmd", "-port", names["ERL_EPMD_PORT"]], env=names),
        # Debian's own rabbitmq-server changes to a user of its own, and reads /etc
        Service("queue", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], "queue", env=env),
    ]


def _keystone(ground: Ground) -> Service:
    config = f"--config-file {ground.etc / 'keystone.conf'}"
    return Service("keystone", [*_uwsgi(ground, "keystone", "keystone-wsgi-public"), "--pyargv", config], "keystone")


def _uwsgi(ground: Ground, name: str, program: str) -> list[str]:
    # without the header clients are cut off: uwsgi's own server closes what it did not say it would close
    here = ["--http-socket", f"{HOST}:{ground.port(name)}", "--add-header", "Connection: close"]
    return [*UWSGI.split(), *here, "--wsgi-file", f"/usr/bin/{program}"]


def _with(ground: Ground, name: str) -> list[str]:
    return ["--config-file", str(ground.etc / f"{name}.conf")]

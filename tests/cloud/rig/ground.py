"""Where the cloud lives: its folders, its ports, its password."""

from __future__ import annotations

import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOST = "127.0.0.1"
FIRST_PORT = 61_000  # above the ports of outgoing connections (ip(7)) and above those of tests/ports.py
PORTS = (
    "keystone", "glance_one", "glance_two", "placement", "nova", "neutron", "cinder", "swift",
    "account", "container", "object", "database", "queue", "queue_peers", "queue_names",
)  # fmt: skip
RECIPE = ("ground.py", "schemas.py", "people.py", "supplies.py")
REGIONS = {"RegionOne": "glance_one", "RegionTwo": "glance_two"}  # each has images of its own, the rest is shared


@dataclass(frozen=True)
class Ground:
    """*home* holds what is made once (`seed`) and what a running cloud writes (`etc`, `var`, `run`, `log`)."""

    home: Path

    @property
    def etc(self) -> Path:
        """Settings, written anew at each start."""
        return self.home / "etc"

    @property
    def var(self) -> Path:
        """All that the services remember: at each start a copy of the seed."""
        return self.home / "var"

    @property
    def run(self) -> Path:
        """One file for each process that was started."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """One file a service, of the last start."""
        return self.home / "log"

    @property
    def seed(self) -> Path:
        """A cloud that nobody has used yet, made by exactly these files."""
        files = [HERE / name for name in RECIPE] + sorted((HERE / "templates").iterdir())
        digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
        return self.home / f"seed-{digest[:12]}"

    @property
    def clouds(self) -> Path:
        """The clouds.yaml of all logins."""
        return self.var / "clouds.yaml"

    @property
    def password(self) -> str:
        """The password of everybody but the scientist: services, administrator, database, queue."""
        return (self.var / "password").read_text()

    def port(self, name: str) -> int:
        """The port of a service."""
        return FIRST_PORT + PORTS.index(name)

    def url(self, name: str, path: str = "") -> str:
        """The address of a service."""
        return f"http://{HOST}:{self.port(name)}{path}"

    @property
    def identity(self) -> str:
        """Where everybody logs in."""
        return self.url("keystone", "/v3")


def ground() -> Ground:
    """The cloud of this person: `SANDHOPPER_TEST_CACHE`/cloud, else below ~/.cache."""
    chosen = os.environ.get("SANDHOPPER_TEST_CACHE")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)  # HOME is another one in each test
    return Ground((Path(chosen) if chosen else home / ".cache" / "sandhopper-tests") / "cloud")

"""The whole practice site: its servers, its logins, and the job that goes through them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from app import host
from app.disk.practice_disk import write_disk
from app.errors import JobError
from app.job import Include, Job, new
from app.practice.cloud import Cloud
from app.practice.compute import SERVER
from app.practice.ftps import FtpsServer
from app.practice.images import Images, stamp
from app.practice.keys import certificate_fingerprint
from app.practice.machine import Machine
from app.practice.record import USER, Record, fingerprint
from app.practice.sftp import folder_server
from app.practice.ssh import SshServer
from app.practice.state import MOUNT
from app.practice.tree import tar_of

DISK = 128 << 20  # bytes of the practice machine's disk
CLOUD = "practice"
DAY = 86400.0


class Site:
    """`with Site() as site:` runs a practice cloud, a machine, an SFTP and an FTPS upload server on 127.0.0.1.

    After a crash the same site comes up again: same ports, logins, keys and disks. *uploads* is the folder
    of the SFTP server.
    """

    def __init__(self) -> None:
        self.record = Record.load()
        self.home = self.record.home
        self.uploads: Path = self.home / "uploads"
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_alone(self.home))
            self.record.complete()
            self._write_clouds()
            self._start_all(stack)
            self._running = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._running.close()

    def answers(self) -> dict[str, str]:
        """Every answer that this site's servers ask for: passwords, host keys, the certificate."""
        urls = {name: self.record.url(name) for name in ("machine", "sftp", "ftps")}
        found = {url: self.record.passwords[name] for name, url in urls.items()}
        found[f"openstack://{CLOUD}"] = self.record.passwords["cloud"]
        for name, server in (("machine", self.ssh), ("sftp", self.sftp)):
            found[f"host-key ssh://127.0.0.1:{self.record.ports[name]}"] = fingerprint(server.key.asbytes())
        pin = certificate_fingerprint(self.record.keys["ftps"])
        found[f"certificate ftps://127.0.0.1:{self.record.ports['ftps']}"] = pin
        return found

    def picture(self, file: Path) -> None:
        """Write the machine's disk as it is at this moment: it boots to a prompt, and holds the files as a tar."""
        write_disk(file, DISK, tar_of(self.machine.home / "root"), "Practice Linux 1\n\npractice-sandbox login: ")

    def _start_all(self, stack: contextlib.ExitStack) -> None:
        record = self.record
        self.machine = Machine(self.home / "machine")
        stack.callback(self.machine.stop)
        pem = self.home / "ftps.pem"
        pem.touch(mode=0o600)
        pem.write_text(record.keys["ftps"])
        host.private_folder(self.uploads)
        secrets, ports = record.passwords, record.ports
        self.cloud = Cloud(ports["cloud"], secrets["cloud"], self.home / "cloud", self.picture)
        stack.callback(self.cloud.stop)
        self.cloud.start()
        _tidy(self.cloud.images)
        self.ssh = SshServer(ports["machine"], record.keys["machine"], secrets["machine"], self.machine.answer)
        self.sftp = SshServer(ports["sftp"], record.keys["sftp"], secrets["sftp"], None, folder_server(self.uploads))
        self.ftps = FtpsServer(ports["ftps"], pem, secrets["ftps"], self.home / "ftps-uploads")
        for server in (self.ssh, self.sftp, self.ftps):
            stack.callback(server.stop)
            server.start()

    def _write_clouds(self) -> None:
        """The clouds.yaml of the practice cloud, without its password."""
        auth = {
            "auth_url": f"http://127.0.0.1:{self.record.ports['cloud']}/identity/v3",
            "username": USER,
            "project_name": USER,
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        cloud = {"auth": auth, "region_name": "Practice", "identity_api_version": 3}
        text = json.dumps({"clouds": {CLOUD: cloud}}, indent=1)  # JSON is YAML too
        host.write_whole(self.home / "clouds.yaml", text.encode())


def practice_job() -> Job:
    """A new job that takes the practice machine to the practice SFTP server."""
    record = Record.load()
    with _alone(record.home):
        record.complete(move=True)
    return new(
        f"openstack://{CLOUD}/server/{SERVER}",
        f"{record.url('sftp')}/",
        sandbox=record.url("machine"),
        include=(Include(MOUNT, "merge"), Include("/scratch", "leave")),
        practice=True,
    )


def _tidy(images: Images) -> None:
    """Remove snapshots that nobody will ask for any more: a day old, and their rehearsal is deleted."""
    yesterday = stamp(time.time() - DAY)
    for image in images.all():
        job = str(image.get("sandhopper_job", ""))
        if job and image["created_at"] < yesterday and not (host.jobs_home() / job).exists():
            images.delete(str(image["id"]))


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    host.private_folder(home)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(host.held(home / "lock"))
        except JobError as exc:
            remedy = "Wait until it has finished, or close it there."
            raise JobError("Another rehearsal is running on this computer.", remedy, topic="locked") from exc
        yield

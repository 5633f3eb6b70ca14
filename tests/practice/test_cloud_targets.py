"""A file of this computer into the practice cloud: as an image, and as an object."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from app import acts
from app.disk.practice_disk import write_disk
from app.job import new
from app.journal import read
from app.practice.site import Site
from app.secrets import Answers


@pytest.mark.parametrize("target", ["openstack://practice/image/My%20Image", "swift://practice/box/folder/my.qcow2"])
def test_a_disk_goes_into_the_cloud_and_out_again_on_undo(tmp_path: Path, target: str) -> None:
    disk = tmp_path / "a.raw"
    write_disk(disk, 32 << 20, os.urandom(4 << 20))
    job = new(disk.as_uri(), target, practice=True, prove=False)
    common = (job, job.folder, lambda event: None, threading.Event(), Answers(use_keyring=False))
    acts.run(*common)
    facts = read(job.folder / "journal.jsonl").of("upload")
    assert facts["grade"] in ("sha256-server", "read-back")
    with Site() as site:
        found = [i for i in site.cloud.images.all() if i["name"] == "My Image"]
        if target.startswith("openstack"):
            assert [(i["status"], i["disk_format"], i["size"]) for i in found] == [("active", "qcow2", facts["size"])]
            assert (found[0]["min_disk"], found[0]["os_type"], found[0]["hw_disk_bus"]) == (1, "linux", "virtio")
            content = site.cloud.images.path(str(found[0]["id"])).read_bytes()
            assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    acts.undo(*common)
    with Site() as site:
        assert site.cloud.images.all() == []
        left = [f for f in site.cloud.objects.home.rglob("*") if f.is_file()]
        assert left == []
    assert disk.stat().st_size == 32 << 20

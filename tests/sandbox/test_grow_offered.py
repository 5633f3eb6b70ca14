"""The way out of a root disk that is too small, as a small real machine and the terminal tell it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import job as jobs
from app.job import Include
from tests import forked
from tests.sandbox.machine import Machine
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]
NEEDS_PERSON = 3


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Any]:
    """What `check --json` finds for /application=HOW: title → finding; and the error's remedy."""
    box = Machine(tmp_path, disks={"/application": 200}, root_size=60)
    with box, Sshd(tmp_path) as server:
        box.run("sh", "-c", "head -c 90000000 /dev/urandom > /application/big; sync -f /application")

        def check(how: str) -> dict[str, dict[str, Any]]:
            include = (Include("/application", how),)
            jobs.new(box.url(), server.url("sftp"), include=include, prove=False).save(tmp_path / "job.json")
            keys = [*box.answers().values(), server.fingerprint]
            trust = [word for key in keys for word in ("--accept-host-key", key)]
            done = forked.run("app", "check", str(tmp_path / "job.json"), "--json", *trust)
            assert done.returncode == NEEDS_PERSON, done.stderr[-2000:]
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            return {line["text"]: line["facts"] for line in lines if line["kind"] == "finding"}

        yield check


def test_a_merge_that_is_too_big_names_it_and_a_root_without_partition_refuses_it(told: Any) -> None:
    (short,) = (facts for title, facts in told("merge").items() if "short" in title)
    assert short["grade"] == "stop"
    assert "(MOUNT=grow)" in short["remedy"]
    assert 30 << 20 < short["facts"]["short"] < 300 << 20
    (refused,) = (title for title, facts in told("grow").items() if facts["grade"] == "stop")
    assert refused == (
        "/application cannot be put into the copy: the system disk cannot be made bigger: it lies on no partition."
    )

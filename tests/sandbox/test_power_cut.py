"""The power goes at any moment of merge and restore, and the disk loses what it had not flushed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.sandbox.near import MOUNTS, SMALL, Before, Make, near, quick
from tests.sandbox.powercut import FLUSH, JournalledMachine, recorded
from tests.sandbox.test_interrupted import settle

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("quick")]
__all__ = ["quick"]
CUTS = 10  # of each part


@pytest.mark.parametrize("part", range(2))
def test_any_moment_of_a_disk_that_loses_what_it_did_not_flush(tmp_path: Path, sandbox: Make, part: int) -> None:
    dice = random.Random(part)
    with JournalledMachine(tmp_path, disks={"/application": 60}, root_size=160) as machine:
        machine.run("sh", "-c", SMALL)
        with recorded(machine) as record:
            machine.run("sync")
            was, begun = Before(machine), len(record.writes())
            near(sandbox(machine), machine).merge(MOUNTS, "job-1")
            merged = len(record.writes())
            near(sandbox(machine), machine).restore()
            writes = record.writes()
        ended = len(writes)
        assert begun < merged < ended
        assert sum(1 for write in writes[begun:] if write.flags & FLUSH) > 20
        for number in range(CUTS):
            upto = dice.randrange(begun, ended)
            record.cut(upto, dice, tmp_path / "cut.img")
            machine.exchange(tmp_path / "cut.img")
            machine.start()
            settle(near(sandbox(machine), machine), ("ok", "care"))
            was.is_now(f"cut {number} after {upto} of {begun}, {merged}, {ended}", started_again=True)
            machine.power_off()

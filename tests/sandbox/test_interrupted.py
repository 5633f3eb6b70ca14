"""Kill the remote program at every line of its journal, in merge and in restore: restore ends in the original state.

And wherever it makes something safe on the disk (flush, settle) or looks where it is; and with a disk that is full, or
read-only, from a line on.
"""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from app.errors import JobError, Transient
from app.sandbox import Sandbox
from tests.sandbox.machine import Machine
from tests.sandbox.near import FULL, MOUNTS, SMALL, STATE, Before, Make, hooked, near, quick

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("quick")]
__all__ = ["quick"]
PARTS = 4  # the points are dealt out to as many machines
CALLS = {"flush": 12, "settle": 3, "same_device": 12, "copy_of": 1, "free_kb": 1}  # at least, but for journal lines
KILL = "kill -9 $(ours merge) $(ours restore) 0 2>/dev/null"  # 0: its own group, a shell in a shell
AT_LINE = """note() {{
    echo >> /run/lines
    [ "$(wc -l < /run/lines)" != {line} ] || {{ {act}; }}
    note_it "$@" || return
    [ "$(wc -l < /run/lines)" != {after} ] || {{ {act}; }}
}}
"""
# what a kill leaves before a journal line is made safe is what it leaves after that line, and that is tried already
AT_CALL = """{function}() {{
    case $1 in */journal) ;; *)
        echo >> /run/lines
        [ "$(wc -l < /run/lines)" != {line} ] || {{ {act}; }} ;;
    esac
    {function}_it "$@"
}}
"""


def whole(sandbox: Sandbox) -> None:
    """A merge and a restore; what is cut off is no news here."""
    with contextlib.suppress(JobError):
        sandbox.merge(MOUNTS, "job-1")
        sandbox.restore()


def settle(sandbox: Sandbox, grades: tuple[str, ...] = ("ok",)) -> None:
    """Restore until it has been done, as the engine and the person would."""
    for _ in range(5):
        with contextlib.suppress(Transient):
            findings = sandbox.restore()
            assert {f.grade for f in findings} <= {*grades}, findings
            return
    raise AssertionError("it never ended")


def act_at(patch: pytest.MonkeyPatch, machine: Machine, act: str, line: int, *, before: bool) -> None:
    """From now on our scripts do *act* just before or just after the *line*-th journal line."""
    machine.run("rm", "-f", "/run/lines")
    hooked(patch, AT_LINE.format(act=act, line=line if before else 0, after=0 if before else line))


def lines(machine: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many journal lines a whole merge and restore write: counted, so that new ones are tried as well."""
    with monkeypatch.context() as patch:
        act_at(patch, machine, ":", 0, before=True)
        whole(near(sandbox(machine), machine))
    return machine.run("cat", "/run/lines").count(b"\n")


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_before_and_after_every_journal_line(
    tmp_path: Path, sandbox: Make, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(part)
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was, count = Before(machine), lines(machine, sandbox, monkeypatch)
        assert 2 * count + sum(CALLS.values()) >= 50, "fewer points than the way back is to be tried at"
        points = [(line, before) for line in range(1, count + 1) for before in (True, False)]
        for line, before in points[part::PARTS]:
            with monkeypatch.context() as patch:
                act_at(patch, machine, KILL, line, before=before)
                whole(near(sandbox(machine), machine))
            again = dice.randrange(1, 6) if dice.random() < 0.5 else 0
            if again:  # and the restore that follows as well
                with monkeypatch.context() as patch, contextlib.suppress(JobError):
                    act_at(patch, machine, KILL, again, before=dice.random() < 0.5)
                    near(sandbox(machine), machine).restore()
            settle(near(sandbox(machine), machine))
            was.is_now(f"line {line} {before=} {again=}")


@pytest.mark.parametrize("function", CALLS)
def test_killed_before_anything_is_made_safe_or_looked_at(
    tmp_path: Path, sandbox: Make, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        with monkeypatch.context() as patch:
            hooked(patch, AT_CALL.format(function=function, act=":", line=0), function)
            whole(near(sandbox(machine), machine))
        count = machine.run("cat", "/run/lines").count(b"\n")
        assert count >= CALLS[function]
        for number in range(1, count + 1):
            machine.run("rm", "-f", "/run/lines")
            with monkeypatch.context() as patch:
                hooked(patch, AT_CALL.format(function=function, act=KILL, line=number), function)
                whole(near(sandbox(machine), machine))
            settle(near(sandbox(machine), machine))
            was.is_now(f"{function} {number} of {count}")


@pytest.mark.parametrize("part", range(2))
def test_the_disk_is_full_at_any_journal_line(
    tmp_path: Path, sandbox: Make, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Machine(tmp_path, disks={"/application": 60}, root_size=220) as machine:
        machine.run("sh", "-c", f": > /filler; {SMALL}")
        was, count = Before(machine), lines(machine, sandbox, monkeypatch)
        stamp = "touch -r /etc/hostname /filler"
        machine.run("sh", "-c", stamp)
        was = Before(machine)
        for line in range(1 + part, count + 1, 2):
            with monkeypatch.context() as patch:
                act_at(patch, machine, FULL, line, before=True)
                whole(near(sandbox(machine), machine))
            settle(near(sandbox(machine), machine))
            machine.run("sh", "-c", f": > /filler; {stamp}")
            was.is_now(f"line {line}")


def test_a_root_disk_that_turns_read_only_is_told_and_put_back_after_the_repair(
    tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was, count = Before(machine), lines(machine, sandbox, monkeypatch)
        for line in (count // 3, count // 2, count - 2):
            with monkeypatch.context() as patch:
                act_at(patch, machine, "mount -o remount,abort /", line, before=True)
                whole(near(sandbox(machine), machine))
            with pytest.raises(JobError, match="read-only"):
                near(sandbox(machine), machine).restore()
            machine.power_off()
            machine.start()
            settle(near(sandbox(machine), machine), ("ok", "care"))
            was.is_now(f"line {line}", started_again=True)


def test_the_journal_is_written_before_the_act(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        journal = machine.run("cat", f"{STATE}/journal").decode().split()
        assert journal.index("place") < journal.index("copy") < journal.index("mask") < journal.index("done")
        settle(near(sandbox(machine), machine))

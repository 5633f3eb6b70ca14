"""How long a merge takes, all of it, next to `rsync -aHAX` and sync by hand for the same tree on the same machine.

They take turns in who begins, since the first to write into a fresh file system is faster. Without --host a small
machine is made on this computer (needs root, as the tests do). With --host, each --mount of that machine is merged and
restored there as often as --runs says; a copy by hand goes to /var/tmp/sandhopper-bench.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from app.context import Context
from app.job import Job
from app.journal import Journal
from app.sandbox import Sandbox
from app.secrets import Answers
from app.ssh import Ssh

BY_HAND = "/var/tmp/sandhopper-bench"  # noqa: S108 - on the machine that is measured, by root
SMALL = """import os, sys
for n in range(int(sys.argv[2])):
    folder = f"{sys.argv[1]}/d{n % (int(sys.argv[2]) // 100)}"
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/f{n}", "wb").write(os.urandom(n % 6000))
"""
BIG = """import os, sys
for n in range(int(sys.argv[2])):
    open(f"{sys.argv[1]}/big{n}", "wb").write(os.urandom(1 << 20) * 100)
"""
TREES = {  # what makes it, how many, MiB of the data disk and of the root disk
    "20 000 small files": (SMALL, 20_000, 900, 1400),
    "200 000 small files": (SMALL, 200_000, 3600, 6000),
    "4 files of 100 MiB": (BIG, 4, 900, 1400),
}


@contextlib.contextmanager
def small_machine(tree: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A machine of the tests with *tree* on its data disk: its address, and the answer about its key."""
    from tests.sandbox.machine import Machine

    program, count, size, root = TREES[tree]
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["HOME"] = str(place)  # its key goes there
        machine = stack.enter_context(Machine(place, disks={"/data": size}, root_size=root))
        machine.run("/usr/bin/python3", "-", "/data", str(count), stdin=program.encode())
        yield machine.url(), machine.answers()


def measured(url: str, mount: str, answers: dict[str, str], runs: int) -> tuple[list[float], list[float]]:
    """Seconds of copies by hand and of merges; the first of each only warms up."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        job = Job("", "", id="bench")
        ctx = Context(job, place, Journal(place / "j"), lambda _: None, threading.Event(), Answers(answers))
        hand: list[float] = []
        ours: list[float] = []
        with contextlib.closing(Ssh(url, ctx)) as ssh:
            turns = [lambda: hand.append(by_hand(ssh, mount)), lambda: ours.append(merged(url, ctx, mount))]
            for _ in range(runs + 1):
                for turn in turns:
                    turn()
                turns.reverse()
    return hand[1:], ours[1:]


def by_hand(ssh: Ssh, mount: str) -> float:
    """Seconds of rsync, until all is on the disk, as it is after a merge."""
    begun = time.monotonic()
    ssh.run(f"rsync -aHAX --one-file-system {mount}/ {BY_HAND}/ && sync", timeout=7200)
    took = time.monotonic() - begun
    ssh.run(f"rm -rf {BY_HAND}; sync", timeout=7200)
    return took


def merged(url: str, ctx: Context, mount: str) -> float:
    """Seconds of a merge, which is taken back."""
    with contextlib.closing(Sandbox(url, ctx)) as sandbox:
        begun = time.monotonic()
        sandbox.merge((mount,), ctx.job.id)
        took = time.monotonic() - begun
        sandbox.restore(ctx.job.id)
    return took


def main() -> None:
    """Print one table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="ssh://root@HOST")
    parser.add_argument("--mount", action="append", default=[], help="a data mount of --host")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    sys.stdout.write(f"{'tree':<24}{'rsync, sync':>14}{'merge':>10}{'ratio':>8}\n")
    for name in asked.mount if asked.host else TREES:
        with contextlib.nullcontext((asked.host, {})) if asked.host else small_machine(name) as (url, answers):
            hand, ours = measured(url, name if asked.host else "/data", answers, asked.runs)
        a, b = statistics.median(hand), statistics.median(ours)
        sys.stdout.write(f"{name:<24}{a:>12.2f} s{b:>8.2f} s{b / a:>8.2f}\n")


if __name__ == "__main__":
    main()

"""How long a merge takes, all of it, next to `rsync -aHAX` by hand for the same tree on the same machine.

Without --host a small machine is made on this computer (needs root, as the tests do). With --host, each --mount of that
machine is merged and restored there as often as --runs says; a copy by hand goes to /var/tmp/sandhopper-bench.
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
for n in range(20000):
    folder = f"{sys.argv[1]}/d{n % 200}"
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/f{n}", "wb").write(os.urandom(n % 6000))
"""
BIG = """import os, sys
for n in range(4):
    open(f"{sys.argv[1]}/big{n}", "wb").write(os.urandom(1 << 20) * 100)
"""
TREES = {"20 000 small files": SMALL, "4 files of 100 MiB": BIG}


@contextlib.contextmanager
def small_machine(tree: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A machine of the tests with *tree* on its data disk: its address, and the answer about its key."""
    from tests.sandbox.machine import Machine

    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["HOME"] = str(place)  # its key goes there
        machine = stack.enter_context(Machine(place, disks={"/data": 900}, root_size=1400))
        machine.run("/usr/bin/python3", "-", "/data", stdin=TREES[tree].encode())
        yield machine.url(), machine.answers()


def measured(url: str, mount: str, answers: dict[str, str], runs: int) -> tuple[list[float], list[float]]:
    """Seconds of copies by hand and of merges, one after the other in turn; the first of each only warms up."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        job = Job("", "", id="bench")
        ctx = Context(job, place, Journal(place / "j"), lambda _: None, threading.Event(), Answers(answers))
        ssh, hand, ours = Ssh(url, ctx), [], []
        for _ in range(runs + 1):
            begun = time.monotonic()
            ssh.run(f"rsync -aHAX --one-file-system {mount}/ {BY_HAND}/", timeout=7200)
            hand.append(time.monotonic() - begun)
            ssh.run(f"rm -rf {BY_HAND}; sync", timeout=7200)
            with contextlib.closing(Sandbox(url, ctx)) as sandbox:
                begun = time.monotonic()
                sandbox.merge((mount,), job.id)
                ours.append(time.monotonic() - begun)
                sandbox.restore(job.id)
        ssh.close()
    return hand[1:], ours[1:]


def main() -> None:
    """Print one table of medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="ssh://root@HOST")
    parser.add_argument("--mount", action="append", default=[], help="a data mount of --host")
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    sys.stdout.write(f"{'tree':<24}{'rsync -aHAX':>14}{'merge':>10}{'ratio':>8}\n")
    for name in asked.mount if asked.host else TREES:
        with contextlib.nullcontext((asked.host, {})) if asked.host else small_machine(name) as (url, answers):
            hand, ours = measured(url, name if asked.host else "/data", answers, asked.runs)
        a, b = statistics.median(hand), statistics.median(ours)
        sys.stdout.write(f"{name:<24}{a:>12.2f} s{b:>8.2f} s{b / a:>8.2f}\n")


if __name__ == "__main__":
    main()

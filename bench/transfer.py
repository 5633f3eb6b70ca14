"""How fast an upload is, next to OpenSSH's sftp, lftp, rclone and curl on the same servers in the same run.

The servers are those of the tests (OpenSSH, vsftpd), on this computer. Each program runs in turn, as often as --runs
says; the table shows medians. A ratio is the time by that of the best peer: below 1 is faster. “sending and proving” is
Sandhopper's step alone, “the whole command” also tries the place out and measures the line; no peer but rclone looks
whether what arrived is right. CPU is the client's, in seconds (of lftp without the ssh that it starts).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from app.meter import Meter
from bench.delay import Delay
from bench.programs import PROGRAMS, Cost, Goal, Run, missing
from tests.faults import Relay
from tests.ports import free_range
from tests.servers.sshd import Sshd
from tests.servers.vsftpd import Vsftpd

MIB, GIB = 1 << 20, 1 << 30
OURS = "sandhopper"
OVER_SSH, OVER_TLS = ("OpenSSH sftp", "lftp", "rclone"), ("curl", "lftp")
BINARIES = {"OpenSSH sftp": "sftp"}
NARROW = 62_500.0  # bytes a second: 0.5 Mbit/s


class Bench:
    """The folder of one bench, what is asked for, and the lines of its table."""

    def __init__(self, place: Path, runs: int, quick: bool) -> None:
        self.place, self.runs, self.quick = place, 1 if quick else runs, quick
        self.home = place / "home"
        self.home.mkdir()
        os.environ["HOME"] = str(self.home)  # the servers of the tests put a key there

    def file(self, size: int, name: str = "image.img") -> Path:
        """A file of *size* random bytes."""
        path = self.place / name
        if not path.exists() or path.stat().st_size != size:
            with path.open("wb") as file:
                for _ in range(size // MIB):
                    file.write(os.urandom(MIB))
        return path

    @contextlib.contextmanager
    def ssh(self, through: str = "127.0.0.1") -> Iterator[Goal]:
        """OpenSSH's server, reached at the address *through*."""
        with Sshd(self.place) as server:
            url = server.url("sftp").replace("127.0.0.1", through)
            yield Goal(through, server.port, server.folder, url, server.user, server.client_key, server.fingerprint)

    @contextlib.contextmanager
    def tls(self, through: str = "127.0.0.1", ports: range = range(0)) -> Iterator[Goal]:
        """The server vsftpd, which wants each data line to resume the session; *ports* are its passive ones."""
        passive = (f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}") if ports else ()
        with Vsftpd(self.place, *passive, "debug_ssl=NO", "log_ftp_protocol=NO") as server:
            url = server.url.replace("127.0.0.1", through)
            yield Goal(through, server.port, server.folder, url, ca=self.place / "ca.pem")

    def run(self, name: str, file: Path, goal: Goal, *, resume: bool = False) -> Run:
        """Start one program."""
        return Run(PROGRAMS[name](file, goal, resume=resume), self.home, goal.ca)

    def tidy(self, goal: Goal) -> None:
        """Take away what an upload left at both sides, and let the disks come to rest."""
        for left in goal.folder.iterdir():
            left.unlink()
        shutil.rmtree(self.home / "sandhopper", ignore_errors=True)
        os.sync()

    def speed(self, title: str, size: int, goal: Goal, peers: tuple[str, ...]) -> None:
        """A race of everybody, told in lines of the table."""
        file, found = self.file(size), {}
        for _ in range(self.runs):
            for name in (*peers, OURS):
                if missing(BINARIES.get(name, name)) and name != OURS:
                    continue
                cost = self.run(name, file, goal).wait()
                _stop_if_wrong(name, cost, file, goal)
                found.setdefault(name, []).append(cost)
                self.tidy(goal)
        _race(title, peers, found)


def _stop_if_wrong(name: str, cost: Cost, file: Path, goal: Goal) -> None:
    there = goal.folder / file.name
    if not cost.ok or not there.exists() or there.stat().st_size != file.stat().st_size:
        sys.exit(f"{name} did not do it: {cost.words}")


def _race(title: str, peers: tuple[str, ...], found: dict[str, list[Cost]]) -> None:
    def middle(name: str, what: str = "seconds") -> float:
        return statistics.median(getattr(cost, what) for cost in found[name])

    best = min((middle(name) for name in peers if name in found), default=0.0)
    for name in peers:
        if name in found:
            _line(title, name, f"{middle(name):.2f} s", middle(name) / best, f"{middle(name, 'cpu'):.1f} s")
        else:
            _line(title, name, "is not installed here")
    for what, words in (("sending", "sending"), ("step", "sending and proving"), ("seconds", "the whole command")):
        took = middle(OURS, what)
        cpu = f"{middle(OURS, 'cpu'):.1f} s" if what == "seconds" else ""
        _line(title, f"{OURS}, {words}", f"{took:.2f} s", took / best if best else None, cpu)


def _line(title: str, who: str, what: str, ratio: float | None = None, cpu: str = "", more: str = "") -> None:
    shown = f"{ratio:.2f}" if ratio is not None else ""
    sys.stdout.write(f"{title:<31}{who:<33}{what:>12}{shown:>8}{cpu:>9}  {more}".rstrip() + "\n")
    sys.stdout.flush()


def loopback(bench: Bench) -> None:
    """1 GiB by SFTP to OpenSSH on this computer."""
    with bench.ssh() as goal:
        bench.speed("1 GiB, loopback, SFTP", GIB, goal, OVER_SSH)


def far(bench: Bench) -> None:
    """256 MiB by SFTP, 80 ms away."""
    with bench.ssh("127.0.0.2") as goal, Delay(goal.port, 0.08):
        bench.speed("256 MiB, 80 ms, SFTP", 256 * MIB, goal, OVER_SSH)


def ftps(bench: Bench) -> None:
    """1 GiB by FTPS to vsftpd on this computer."""
    with bench.tls() as goal:
        bench.speed("1 GiB, loopback, FTPS", GIB, goal, OVER_TLS)


def killed(bench: Bench) -> None:
    """Killed at half of 256 MiB and begun again: the bytes that are sent again."""
    with bench.ssh("127.0.0.2") as goal, Relay(goal.port) as relay:
        _resumed(bench, "killed at 50 %, SFTP", goal, relay, ("OpenSSH sftp", "lftp"))
    ports = free_range(40)
    with bench.tls("127.0.0.2", ports) as goal, Relay(goal.port, ports) as relay:
        _resumed(bench, "killed at 50 %, FTPS", goal, relay, OVER_TLS)


def _resumed(bench: Bench, title: str, goal: Goal, relay: Relay, peers: tuple[str, ...]) -> None:
    file = bench.file(256 * MIB)
    for name in (*peers, OURS):
        if missing(BINARIES.get(name, name)) and name != OURS:
            _line(title, name, "is not installed here")
            continue
        again = []
        for _ in range(bench.runs):
            again.append(_sent_again(bench, name, file, goal, relay))
            bench.tidy(goal)
        proven = "content proven" if name == OURS else "nothing proven"
        _line(title, name, f"{max(0.0, statistics.median(again)) / MIB:.1f} MiB", more=proven)


def _sent_again(bench: Bench, name: str, file: Path, goal: Goal, relay: Relay) -> float:
    """Bytes that passed the relay after the kill, less those that were missing at the server."""
    relay.rate = 100e6  # else it is over before it can be killed
    run = bench.run(name, file, goal)
    while _there(goal) < file.stat().st_size / 2 and run.process.poll() is None:
        time.sleep(0.02)
    run.kill()
    run.wait()
    relay.rate = 0
    time.sleep(1.5)  # the server stores what was under way
    missing_there, before = file.stat().st_size - _there(goal), relay.passed
    cost = bench.run(name, file, goal, resume=True).wait()
    _stop_if_wrong(name, cost, file, goal)
    return relay.passed - before - missing_there


def _there(goal: Goal) -> int:
    sizes = [0]
    for file in goal.folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            sizes.append(0 if file.name.endswith(".probe") else file.stat().st_size)
    return max(sizes)


def narrow(bench: Bench) -> None:
    """A line of 0.5 Mbit/s: when progress shows first, how good the forecast is, how long it is silent."""
    file, title = bench.file(6 * MIB, "small.img"), "0.5 Mbit/s, SFTP"
    first, wrong, silent = [], [], []
    with bench.ssh("127.0.0.2") as goal, Relay(goal.port, rate=NARROW):
        for _ in range(bench.runs):
            cost = bench.run(OURS, file, goal).wait()
            _stop_if_wrong(OURS, cost, file, goal)
            for figures, figure in zip((first, wrong, silent), _told(cost), strict=True):
                figures.append(figure)
            bench.tidy(goal)
    _line(title, "first progress", f"{statistics.median(first):.1f} s")
    _line(title, "error of the forecast at 60 s", f"{statistics.median(wrong) * 100:.0f} %")
    _line(title, "longest silence", f"{max(silent):.1f} s")


def _told(cost: Cost) -> tuple[float, float, float]:
    """Seconds to the first progress, the share by which the forecast after 60 s is wrong, the longest silence."""
    sending = [e for e in cost.events if e.get("text", "").startswith("Sending")]
    begin = next(e["came"] for e in sending if e["kind"] == "phase")
    ticks = [e for e in sending if e["kind"] == "tick" and e["came"] > begin]
    meter, forecast, moments, last = Meter(begin), 0.0, [begin], 0
    for tick in ticks:
        meter.at(tick.get("done", 0), tick["total"], tick["came"])
        if tick.get("done", 0) > last:
            moments.append(tick["came"])
            last = tick["done"]
        if tick["came"] - begin <= 60:
            forecast = tick["came"] + (meter.remaining(tick["came"]) or 0.0)
    took = moments[-1] - begin
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    return moments[1] - begin, abs(forecast - begin - took) / took, max(gaps)


def sparse(bench: Bench) -> None:
    """A sparse file of 50 GiB, or as much as has room there: the most memory that is used."""
    wish = 2 * GIB if bench.quick else 50 * GIB
    size = min(wish, (shutil.disk_usage(bench.place).free - 8 * GIB) // MIB * MIB)  # it takes no room at either side
    file = bench.place / "sparse.img"
    with file.open("wb") as made:
        made.truncate(size)
    with bench.ssh() as goal:
        cost = bench.run(OURS, file, goal).wait()
        _stop_if_wrong(OURS, cost, file, goal)
        bench.tidy(goal)
    _line(f"{size / GIB:.0f} GiB sparse, SFTP", "most memory", f"{cost.peak:.0f} MiB")


ROWS: dict[str, Callable[[Bench], None]] = {
    "loopback": loopback,
    "far": far,
    "ftps": ftps,
    "killed": killed,
    "narrow": narrow,
    "sparse": sparse,
}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one run of each, and a smaller sparse file")
    parser.add_argument("--only", action="append", choices=list(ROWS), default=[])
    parser.add_argument("--place", help="a folder with room for 5 GiB (the system's for temporary files)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.place) as folder:
        bench = Bench(Path(folder), asked.runs, asked.quick)
        sys.stdout.write(f"{'work':<31}{'who':<33}{'median':>12}{'ratio':>8}{'CPU':>9}\n")
        for name in asked.only or ROWS:
            ROWS[name](bench)


if __name__ == "__main__":
    main()

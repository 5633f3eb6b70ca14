"""The practice machine's disks: small folders, the same each time but for their random bytes."""

from __future__ import annotations

import io
import os
import random
import tarfile
from pathlib import Path

FILLER = 12 << 20  # random bytes on each disk, so that an upload takes a moment
FILES = 300
FSTAB = """# /etc/fstab of the practice machine
UUID=9f0b4c1e-6d7a-4a53-8c55-1f2e3d4c5b6a /            ext4 defaults 0 1
UUID=1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f /application ext4 defaults 0 2
/dev/vdc /scratch ext4 defaults 0 2
"""
TEXTS = {
    "etc/fstab": FSTAB,
    "etc/hostname": "practice-sandbox\n",
    "etc/os-release": 'PRETTY_NAME="Practice Linux 1"\nNAME="Practice Linux"\nID=practice\n',
    "etc/cron.d/processing": "0 4 * * * root /application/run.sh\n",
    "home/scientist/notes.txt": "The thresholds of the 2024 scenes are in /application/parameters.\n",
    "home/scientist/größe.txt": "Names may have any letters.\n",
    "root/.profile": "umask 022\n",
}
SECRETS = {  # made up, and worth nothing: a place, its kind in resources/clean/kinds.toml, its owner
    "root/.ssh/id_ed25519": ("ssh-key", "0:root"),
    "home/scientist/.aws/credentials": ("cloud", "1000:scientist"),
    "home/scientist/.git-credentials": ("git", "1000:scientist"),
    "home/scientist/.bash_history": ("history", "1000:scientist"),
    "application/.netrc": ("netrc", "1000:scientist"),
}
SCRATCH = {"tiles/readme.txt": "Made anew by each run; it need not travel.\n", "tiles/cache.txt": "0\n" * 4000}
EMPTY = ("application", "scratch", "var/lib", "var/log", "tmp")


def lay(machine: Path) -> None:
    """Make *machine*/root and *machine*/data unless they are there whole."""
    root, data = machine / "root", machine / "data"
    if (machine / "laid").exists():
        return
    for name in EMPTY:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        _write(root / name, text.encode())
    _write(root / "usr/lib/system.bin", os.urandom(FILLER))
    _lay_data(data)
    for name, text in SCRATCH.items():
        _write(machine / "scratch" / name, text.encode())
    for name in SECRETS:
        place = data / name.removeprefix("application/") if name.startswith("application/") else root / name
        _write(place, b"for practice only: it opens nothing\n", 0o600)
    (machine / "laid").touch()


def _lay_data(data: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - the same small files each time
    for number in range(FILES):
        name = data / f"scenes/{number // 50:02}/scene-{number:03}.txt"
        _write(name, "".join(f"{chance.random():.6f}\n" for _ in range(chance.randrange(5, 400))).encode())
    _write(data / "parameters/thresholds.json", b'{"ndvi": 0.31, "cloud": 0.08}\n')
    _write(data / "run.sh", b"#!/bin/sh\necho processing\n", 0o755)
    _write(data / "scenes/mosaic.bin", os.urandom(FILLER))
    (data / "results").mkdir(exist_ok=True)


def _write(path: Path, data: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def tar_of(folder: Path) -> bytes:
    """The content of *folder* as a tar file, in the order of the names."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
    return made.getvalue()

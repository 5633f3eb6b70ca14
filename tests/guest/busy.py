"""busy.py FOLDER REPORT: a program that works in FOLDER all the time, as a scientist's does, and notices everything.

It writes, syncs, renames, reads and checks its own files. REPORT gets a line whenever something is worth telling:
`pause SECONDS` (the longest so far since the file was last emptied), `wrong WHAT`, and `round N` about once a second.
Runs inside the guest.
"""

import hashlib
import os
import random
import sys
import time
from pathlib import Path

FILES = 40


def main(folder: Path, report: Path) -> None:
    dice, longest, said, rounds = random.Random(5), 0.0, 0.0, 0
    folder.mkdir(exist_ok=True)
    while True:
        if not report.exists():
            longest, said = 0.0, 0.0
        began = time.monotonic()
        try:
            one(folder, dice)
        except (OSError, ValueError) as exc:
            tell(report, f"wrong {exc!r}")
        pause, rounds = time.monotonic() - began, rounds + 1
        if pause > longest:
            longest = pause
            tell(report, f"pause {pause:.3f}")
        if began > said + 1:
            said = began
            tell(report, f"round {rounds}")
        time.sleep(0.01)


def one(folder: Path, dice: random.Random) -> None:
    """Write one file safely, read another; a file's last 64 bytes are the digest of what comes before."""
    body = dice.randbytes(dice.randrange(20000))
    name, new = folder / f"{dice.randrange(FILES)}", folder / "new"
    with new.open("wb") as file:
        file.write(body + hashlib.sha256(body).hexdigest().encode())
        file.flush()
        os.fsync(file.fileno())
    new.rename(name)
    other = folder / f"{dice.randrange(FILES)}"
    if other.exists() and not whole(other.read_bytes()):
        raise ValueError(f"{other} is damaged")


def whole(content: bytes) -> bool:
    return hashlib.sha256(content[:-64]).hexdigest().encode() == content[-64:]


def tell(report: Path, line: str) -> None:
    with report.open("a") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""unbroken.py ROOT: whether what busy.py wrote below ROOT/application/busy is whole; says how many files there are."""

import sys
from pathlib import Path

from busy import whole  # type: ignore[import-not-found]  # it stands beside this program


def main(folder: Path) -> None:
    files = [file for file in folder.iterdir() if file.name != "new"]
    broken = [file.name for file in files if not whole(file.read_bytes())]
    if broken:
        sys.exit(f"damaged: {broken}")
    print(len(files))


if __name__ == "__main__":
    main(Path(sys.argv[1]) / "application" / "busy")

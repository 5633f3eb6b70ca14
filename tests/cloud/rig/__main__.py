"""`python -m tests.cloud.rig up|down|wipe|status`: the cloud by hand."""

from __future__ import annotations

import sys

from app import host
from tests.cloud.rig import cloud
from tests.cloud.rig.ground import Ground, ground


def main(word: str) -> None:
    """Do it."""
    here = ground()
    here.home.mkdir(parents=True, exist_ok=True)
    if word == "status":
        print("\n".join(f"{name}: {'runs' if lives else 'ended'}" for name, lives in cloud.alive(here).items()))
        return
    with host.held(here.home / "lock"):  # a session of tests holds it, too
        change(here, word)


def change(here: Ground, word: str) -> None:
    """Bring it up, take it down, or forget it."""
    if word == "up":
        cloud.up(here, lambda words: print(words, flush=True))
        cloud.keep(here)
        print(f"export OS_CLIENT_CONFIG_FILE={here.clouds}   # clouds: one, two, teaching, credential, admin")
    elif word == "down":
        cloud.down(here)
    elif word == "wipe":
        cloud.wipe(here)
    else:
        sys.exit("up, down, wipe or status?")


main(sys.argv[1] if len(sys.argv) > 1 else "status")

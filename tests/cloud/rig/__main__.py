"""`python -m tests.cloud.rig up|down|wipe|status`: the cloud by hand."""

from __future__ import annotations

import sys

from tests.cloud.rig import cloud
from tests.cloud.rig.ground import ground


def main(word: str) -> None:
    """Do it."""
    here = ground()
    if word == "up":
        cloud.up(here, lambda words: print(words, flush=True))
        cloud.keep(here)
        print(f"export OS_CLIENT_CONFIG_FILE={here.clouds}   # clouds: one, two, teaching, credential, admin")
    elif word == "down":
        cloud.down(here)
    elif word == "wipe":
        cloud.wipe(here)
    else:
        print("\n".join(f"{name}: {'runs' if lives else 'ended'}" for name, lives in cloud.alive(here).items()))


main(sys.argv[1] if len(sys.argv) > 1 else "status")

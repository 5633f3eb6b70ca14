"""Run one act of the program in this process and die by SIGKILL right after the Nth journal line.

`python -m tests.crash N JOB-FILE` is `sandhopper run JOB-FILE` with a sudden end, `tests.crash N resume …` is
`sandhopper resume …`; without a sudden end (N beyond the last line) it exits like the command line does.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from app import cli, journal


def main() -> int:
    """Count journal lines down to the end."""
    left = int(sys.argv[1])
    record = journal.Journal.record

    def counted(self: journal.Journal, step: str, event: str, /, **facts: Any) -> None:
        nonlocal left
        record(self, step, event, **facts)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    journal.Journal.record = counted  # type: ignore[method-assign]
    words = sys.argv[2:]
    return cli.main(words if words[0] == "resume" else ["run", *words])


if __name__ == "__main__":
    raise SystemExit(main())

"""The program, started many times for the price of once: a process that has imported all of it and then only forks.

Each run is a process of its own as `python -m app …` is, with its own end, also by kill -9; only the imports, half of
a second of work each time, are shared. That the real door opens as well is what tests/test_cli_export.py looks at.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
DOORS = {"app": "app.cli", "tests.crash": "tests.crash"}


def run(*words: str, timeout: int = 120) -> subprocess.CompletedProcess[str]:
    """As `python -m WORDS` with nothing on its standard input; ended by a signal after *timeout* seconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        streams = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
        order = {"words": words, "streams": streams, "env": dict(os.environ), "here": str(Path.cwd()), "most": timeout}
        status = _asked(order)
        texts = [(file.seek(0), file.read().decode(errors="replace"))[1] for file in (out, err)]
    return subprocess.CompletedProcess(list(words), status, *texts)


def _asked(order: dict[str, Any]) -> int:
    server = _server()
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(order) + "\n")
    server.stdin.flush()
    return int(server.stdout.readline())


@cache
def _server() -> subprocess.Popen[str]:
    """One for all tests of this process; it ends with it, by the end of its input."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def main() -> None:
    """Fork for each order that comes in; tell its exit status as subprocess does."""
    for name in (module.name for module in pkgutil.walk_packages(importlib.import_module("app").__path__, "app.")):
        if not name.startswith("app.practice") and not name.endswith("__main__"):
            importlib.import_module(name)
    importlib.import_module("tests.crash")
    gc.freeze()
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    while line := orders.readline():
        if not (child := os.fork()):
            orders.close()
            answers.close()
            _be(json.loads(line))
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        answers.flush()


def _be(order: dict[str, Any]) -> NoReturn:
    """This process is the program from now on."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["here"])
    for number, path in enumerate([os.devnull, *order["streams"]]):
        os.dup2(os.open(path, os.O_RDWR), number)
    signal.alarm(order["most"])
    module, *sys.argv[1:] = order["words"]
    status = importlib.import_module(DOORS[module]).main()
    threading._shutdown()  # what an interpreter does at its end, but for taking everything apart
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()

"""Talk to a running QEMU over its own standard input and output (QMP, docs/interop/qmp-spec): no port, no socket."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from typing import Any

from app.context import Context
from app.errors import JobError

PATIENCE = 20.0  # seconds for one answer: an emulated machine may keep QEMU busy


class Gone(JobError):
    """QEMU has ended, or does not answer any more."""


class Qmp:
    """The monitor of a QEMU that was started with `-qmp stdio`; every wait can be cancelled."""

    def __init__(self, process: subprocess.Popen[bytes], ctx: Context) -> None:
        self._process, self._ctx = process, ctx
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._next()  # the greeting
        self.call("qmp_capabilities")

    def call(self, command: str, **arguments: Any) -> Any:
        """Do *command* and return its answer; raises `Gone`, or `JobError` when QEMU refuses."""
        line = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        assert self._process.stdin is not None  # noqa: S101 - opened by us as a pipe
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as exc:
            raise Gone("The test machine has ended by itself.") from exc
        answer = self._next()
        if "error" in answer:
            raise JobError(f"QEMU refused {command}: {answer['error'].get('desc', '')}", "Look at the details.")
        return answer["return"]

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self._ctx.stop_if_cancelled()
            try:
                return self._answers.get(timeout=0.1)
            except queue.Empty:
                if self._process.poll() is not None and self._answers.empty():
                    break
        raise Gone("The test machine has ended by itself.")

    def _listen(self) -> None:
        """Keep answers, drop events; runs in a thread until QEMU ends."""
        assert self._process.stdout is not None  # noqa: S101 - opened by us as a pipe
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if "event" not in message:
                self._answers.put(message)

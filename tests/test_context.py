"""Programs end when they should, and progress is told without flooding."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app import host
from app.context import Context, Event
from app.errors import Cancelled, JobError

Make = Callable[..., Context]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_a_program_gives_its_output(context: Make) -> None:
    assert context().run(sys.executable, "-c", "print('ü')").decode().strip() == "ü"


def test_a_program_that_fails_says_its_last_words(context: Make) -> None:
    with pytest.raises(JobError, match="no such thing"):
        context().run(sys.executable, "-c", "import sys; sys.exit('no such thing')")


def test_much_output_does_not_block_and_is_watched(context: Make) -> None:
    seen: list[bytes] = []
    code = "import sys,time\nfor i in range(3): print('x'*400000, i, flush=True); time.sleep(0.1)"
    out = context().run(sys.executable, "-c", code, watch=seen.append)
    assert out.endswith(b" 2\n")
    assert len(out) <= 1_000_000
    assert any(seen)


def test_cancel_ends_a_program_that_ignores_being_asked(context: Make, tmp_path: Path) -> None:
    ctx = context()
    said = tmp_path / "pid"
    code = (
        "import os,signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"f=open({str(said)!r},'w'); f.write(str(os.getpid())); f.close(); time.sleep(60)"
    )

    def stop() -> None:
        while not (said.exists() and said.read_text()):
            time.sleep(0.01)
        ctx.cancel.set()

    threading.Thread(target=stop).start()
    with pytest.raises(Cancelled):
        ctx.run(sys.executable, "-c", code)
    assert gone(int(said.read_text()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl(2) is Linux")
def test_a_program_does_not_outlive_us_when_we_are_killed(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    code = (
        "from app import host\nimport time\n"
        f"host.start(['sh', '-c', 'echo $$ > {said}.new; mv {said}.new {said}; exec sleep 60'])\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not said.exists():
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    assert gone(int(said.read_text()))


def test_progress_is_told_at_most_ten_times_a_second_and_at_the_end(context: Make, events: list[Event]) -> None:
    ctx = context()
    ctx.begin("send", 5_000_000_000)
    for _ in range(5000):
        ctx.advance(1_000_000)
    ticks = [e for e in events if e.kind == "tick"]
    assert ticks[-1].done == 5_000_000_000
    assert len(ticks) < 100
    ctx.cancel.set()
    with pytest.raises(Cancelled):
        ctx.advance(1)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "f"
    host.write_whole(file, b"old")
    host.write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.glob("f*")) == [file]


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    code = (
        "from app import host\nfrom pathlib import Path\nimport time\n"
        f"with host.held(Path({str(tmp_path / 'l')!r})):\n print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout
    holder.stdout.readline()
    with pytest.raises(JobError, match="already running"), host.held(tmp_path / "l"):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with host.held(tmp_path / "l"):
        pass


def test_a_missing_tool_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(JobError, match="no qemu-img") as caught:
        host.need_tool("qemu-img")
    assert "apt install qemu-utils" in caught.value.remedy

"""Changing the pace of an export from another terminal, while its upload runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.cli import main
from app.job import load
from app.shelf import exports
from app.throttle import wanted
from tests.servers.sshd import Sshd

ROOT = Path(__file__).resolve().parents[1]


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def export(tmp_path: Path) -> str:
    """An export that has not begun."""
    (tmp_path / "there").mkdir()
    (tmp_path / "disk.raw").write_bytes(bytes(4096))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.commands.exporting.go", lambda *args: {})
        assert main(["upload", str(tmp_path / "disk.raw"), str(tmp_path / "there") + "/", "--limit", "3M"]) == 0
    return exports()[0].job.id


def test_the_limit_is_told_and_changed(export: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["limit", export]) == 0
    assert lines(capsys) == ["Limit: 3.0 MB/s"]
    assert main(["limit", export, "2MB/s", "--quiet", "22:00-06:00=pause"]) == 0
    assert lines(capsys) == ["Limit: 2.0 MB/s", "Quiet hours: from 22:00 to 06:00 nothing is sent"]
    assert main(["limit", export, "none"]) == 0
    assert lines(capsys)[0] == "Limit: none"
    assert main(["limit", export, "--no-quiet", "--json"]) == 0
    assert json.loads(lines(capsys)[-1]) == {
        "kind": "result", "command": "limit", "job": export, "limit": 0, "quiet": [],
    }  # fmt: skip


@pytest.mark.parametrize("words", [["fast"], ["--quiet", "8-18"], ["-1"]])
def test_what_is_no_limit_is_a_usage_error(export: str, words: list[str]) -> None:
    assert main(["limit", export, *words]) == 2


def test_deadline_and_quiet_hours_go_into_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "disk.raw").write_bytes(bytes(4096))
    said = ["--until", "2026-11-22 18:00", "--quiet", "8:00-18:00=1MB/s", "--quiet", "22:00-6:00=pause"]
    assert main(["new", "--source", str(tmp_path / "disk.raw"), "--target", "sftp://me@h/x/", *said]) == 0
    (tmp_path / "job.json").write_text(capsys.readouterr().out)
    job = load(tmp_path / "job.json")
    assert job.quiet == ("08:00-18:00=1000000", "22:00-06:00=pause")
    assert time.strftime("%d %H:%M", time.localtime(job.until)) == "22 18:00"
    assert main(["new", "--source", "x", "--target", "sftp://me@h/x/", "--until", "soon"]) == 2
    assert "is no moment" in capsys.readouterr().err


def test_a_running_upload_takes_up_another_limit(tmp_path: Path) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(os.urandom(12_000_000))
    with ExitStack() as stack:
        server = stack.enter_context(Sshd(tmp_path))
        command = [sys.executable, "-m", "app", "upload", str(image), server.url("sftp"), "--limit", "100k", "--json"]
        running = subprocess.Popen(
            [*command, "--accept-host-key", server.fingerprint], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        stack.callback(running.kill)
        assert running.stdout
        seen: list[dict[str, object]] = []
        for line in running.stdout:
            seen.append(json.loads(line))
            if seen[-1].get("text") == "Sending the image" and int(str(seen[-1].get("done") or 0)) > 100_000:
                break
        job = exports()[0].job
        assert main(["limit", job.id, "none"]) == 0
        rest = [json.loads(line) for line in running.stdout]
        assert running.wait(60) == 0
    told = [event["text"] for event in rest if event["kind"] == "note"]
    assert "The upload goes on with another limit: as fast as possible." in told
    assert rest[-1]["kind"] == "result"
    assert wanted(job, exports()[0].folder).limit == 0
    limits = {event["facts"].get("limit") for event in [*seen, *rest] if event["kind"] == "tick" and event.get("facts")}
    assert 100_000 in limits

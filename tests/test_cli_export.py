"""Whole exports through the terminal's real entry: a small disk that boots, real servers, kills, secrets."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.disk.practice_disk import write_disk
from tests.ports import free_port
from tests.servers import need
from tests.servers.pyftpd import PASSWORD, Pyftpd
from tests.servers.tls import pem

ROOT = Path(__file__).resolve().parents[1]
Capture = pytest.CaptureFixture[str]
MB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A small real QCOW2 disk that boots to a prompt."""
    raw, made = tmp_path / "made.raw", tmp_path / "my disk.qcow2"
    write_disk(raw, 16 * MB, os.urandom(2 * MB))
    subprocess.run([need("qemu-img"), "convert", "-O", "qcow2", str(raw), str(made)], check=True)
    raw.unlink()
    return made


def job_file(tmp_path: Path, capsys: Capture, disk: Path, target: str, *words: str) -> Path:
    assert main(["new", "--source", str(disk), "--target", target, *words]) == 0
    file = tmp_path / "job.json"
    file.write_text(capsys.readouterr().out)
    return file


def stream(capsys: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_disk_goes_to_a_folder_and_the_report_tells_its_true_hash(
    tmp_path: Path, disk: Path, capsys: Capture
) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    file = job_file(tmp_path, capsys, disk, str(usb))
    before = sha256(disk)
    assert main(["check", str(file)]) == 0
    assert "Nothing stands in the way." in capsys.readouterr().out
    assert not list(usb.iterdir())
    assert main(["run", str(file)]) == 0
    shown = capsys.readouterr()
    image = usb / "my-disk.qcow2"
    assert sha256(image) in shown.out
    assert str(image) in shown.out
    assert "a login was seen" in shown.err
    report = json.loads(next((tmp_path / "data").rglob("report.json")).read_text())
    assert report["image"]["sha256"] == sha256(image)
    assert report["boot"]["ok"] is True
    assert sha256(disk) == before
    assert main(["run", str(file)]) == 0  # again: it says so, and does nothing
    again = capsys.readouterr()
    assert "finished already" in again.err
    assert sha256(image) in again.out
    file.write_text(file.read_text().replace('"limit": 0', '"limit": 1000'))
    assert main(["run", str(file)]) == 0  # how fast is no other wish
    file.write_text(file.read_text().replace('"format": ""', '"format": "raw"'))
    assert main(["run", str(file)]) == 3
    assert "other wishes" in capsys.readouterr().err


def documented() -> tuple[dict[str, set[str]], set[str], set[str]]:
    """What docs/events.md names: the facts of each kind, the fields of an event, and those of an error."""
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    events = text.partition("## Events")[2].partition("## `result`")[0]
    fields_part, _, kinds_part = events.partition("| `kind` | when | `facts` |")
    fields = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", fields_part, re.MULTILINE))))
    kinds = {}
    for row in re.findall(r"^\| `(\w+)` \|[^|]*\|(.*)\|$", kinds_part, re.MULTILINE):
        kinds[row[0]] = set(re.findall(r"`(\w+)`", row[1]))
    errors = text.partition("## `error`")[2].partition("With `--json`")[0]
    return kinds, fields, set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", errors, re.MULTILINE))))


def test_the_stream_says_only_what_is_documented(tmp_path: Path, disk: Path, capsys: Capture) -> None:
    kinds, fields, errors = documented()
    assert len(kinds) == 12
    assert {"kind", "job", "step", "done", "total", "text", "facts", "at"} == fields
    file = job_file(tmp_path, capsys, disk, str(tmp_path / "usb.d"))
    assert main(["run", str(file), "--json"]) == 3  # the folder is not there
    (tmp_path / "usb.d").mkdir()
    assert main(["run", str(file), "--json"]) == 0
    said = stream(capsys)
    results = [line for line in said if line["kind"] in ("result", "error")]
    assert [line["kind"] for line in results] == ["error", "result"]
    assert said[-1] is results[-1]
    assert set(results[0]) - {"kind"} <= errors
    for line in said:
        if line in results:
            continue
        assert line["kind"] in kinds, line
        assert set(line) <= fields, line
        if line["kind"] != "done":
            assert set(line.get("facts", {})) <= kinds[line["kind"]], line
    assert {"planned", "started", "phase", "tick", "finding", "done", "finished"} <= {line["kind"] for line in said}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Pyftpd]:
    """An FTPS server with a password and a certificate of its own."""
    pem(tmp_path, "good")
    with Pyftpd(tmp_path) as server:
        yield server


def run_with_secret(server: Pyftpd, *words: str, secret: str = PASSWORD) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *words, "--secrets-stdin"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(f"{server.login}\t{secret}\n")
    process.stdin.close()
    process.stdin = None
    return process


def test_no_secret_is_left_anywhere(tmp_path: Path, disk: Path, server: Pyftpd, capsys: Capture) -> None:
    file = job_file(tmp_path, capsys, disk, server.url, "--no-prove")
    ca = str(tmp_path / "ca.pem")
    for words in (["run", str(file), "--ca", ca], ["run", str(file), "--ca", ca, "--json"], ["status", "--json"]):
        process = run_with_secret(server, *words)
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        assert PASSWORD not in out + err
    for secret in ("wrong-S3cr3t-Marker", PASSWORD):
        other = job_file(tmp_path, capsys, disk, server.url, "--no-prove", "--name", f"n{len(secret)}")
        process = run_with_secret(server, "run", str(other), "--ca", ca, "--debug", secret=secret)
        out, err = process.communicate(timeout=90)
        assert (process.returncode == 0) == (secret == PASSWORD), err
        assert secret not in out + err
    kept = [
        path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.suffix not in (".qcow2", ".part")
    ]
    assert any(path.name == "log.txt" for path in kept)
    for path in kept:
        text = path.read_bytes()
        assert PASSWORD.encode() not in text, path
        assert b"S3cr3t-Marker" not in text, path


def test_without_a_terminal_nothing_waits_and_the_way_out_is_told(tmp_path: Path, disk: Path, server: Pyftpd) -> None:
    words = [sys.executable, "-m", "app", "upload", str(disk), server.url]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    accept = re.search(r"--accept-certificate (SHA256:\S+)", done.stderr)
    assert accept, done.stderr
    words += ["--accept-certificate", accept[1]]
    done = subprocess.run(
        [*words, "--json"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    asked = json.loads(done.stdout.splitlines()[-1])["question"]
    assert (asked["kind"], asked["about"]) == ("password", server.login)
    assert f"{server.login}<TAB>SECRET" in done.stderr
    process = run_with_secret(server, *words[3:])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert sha256(disk) in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_upload_that_was_stopped_goes_on_with_the_same_command(tmp_path: Path, server: Pyftpd, number: int) -> None:
    data = tmp_path / "data.bin"
    data.write_bytes(os.urandom(4 * MB))
    words = ["upload", str(data), server.url, "--ca", str(tmp_path / "ca.pem"), "--json"]
    process = run_with_secret(server, *words, "--limit", "1500k")
    assert process.stdout
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event.get("step") == "upload" and event["kind"] == "tick" and event.get("done", 0) > MB:
                process.send_signal(number)
                break
        rest, err = process.communicate(timeout=20)
    finally:
        process.kill()
    if number != signal.SIGKILL:
        assert process.returncode == 130, err
        assert "error: Stopped, as you asked." in err
        assert json.loads(rest.splitlines()[-1])["trouble"] == "cancelled"
    assert not (server.folder / "data.bin").exists()  # nothing half-done looks done
    process = run_with_secret(server, *words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert sha256(server.folder / "data.bin") == sha256(data)
    lines = [json.loads(line) for line in out.splitlines()]
    sent = next(line["facts"]["sent"] for line in lines if line.get("step") == "upload" and line["kind"] == "done")
    assert sent < 4 * MB
    assert lines[-1]["image"]["sha256"] == sha256(data)


def test_a_changed_file_is_a_new_upload(tmp_path: Path, capsys: Capture) -> None:
    data, usb = tmp_path / "data.bin", tmp_path / "usb"
    usb.mkdir()
    for content in (b"first", b"second one"):
        data.write_bytes(content)
        assert main(["upload", str(data), str(usb)]) == 0
        assert (usb / "data.bin").read_bytes() == content
    assert main(["upload", str(data), str(usb), "--limit", "5M"]) == 0
    assert "finished already" in capsys.readouterr().err


def test_disk_acts(tmp_path: Path, disk: Path, capsys: Capture) -> None:
    out = tmp_path / "out.vmdk"
    assert main(["disk", "info", str(disk), "--json"]) == 0
    assert stream(capsys)[-1]["info"]["virtual_size"] == 16 * MB
    assert main(["disk", "convert", str(disk), str(out), "--format", "vmdk"]) == 0
    assert sha256(out) in capsys.readouterr().out
    assert main(["disk", "convert", str(disk), str(out), "--format", "vmdk"]) == 3
    assert "is a file" in capsys.readouterr().err.replace("There is a file", "is a file")
    assert main(["disk", "gate", str(disk), "--profile", "openstack"]) == 0
    capsys.readouterr()
    picture = tmp_path / "screen.png"
    assert main(["disk", "boot", str(disk), "--seconds", "60", "--picture", str(picture)]) == 0
    assert "a login was seen" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    empty = tmp_path / "empty.raw"
    empty.write_bytes(bytes(4 * MB))
    assert main(["disk", "gate", str(empty)]) == 3
    assert main(["disk", "info", str(tmp_path / "job.json")]) == 2


def test_a_killed_rehearsal_goes_on_and_can_be_forgotten(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "app", "rehearse", "--json"]
    first = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert first.stdout
    job = ""
    for line in first.stdout:
        event = json.loads(line)
        job = event["job"]
        if event.get("step") == "convert" and event["kind"] == "phase":
            break
    first.kill()
    first.communicate(timeout=20)
    second = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stderr
    result = json.loads(second.stdout.splitlines()[-1])
    assert result["job"] == job
    assert "Practice: " in result["practice"][0]
    uploaded = Path(result["uploaded"])
    assert sha256(uploaded) == result["image"]["sha256"]
    report = json.loads(Path(result["report"]).with_suffix(".json").read_text())
    assert "practice ones" in report["simulated"][0]
    assert report["sandbox"]["restored"]["equal"] is True
    assert main(["forget", job, "--yes"]) == 0
    assert not uploaded.exists()


def test_a_network_that_stays_broken_is_given_up_with_a_code_of_its_own(tmp_path: Path, capsys: Capture) -> None:
    data = tmp_path / "data.bin"
    data.write_bytes(b"x" * 1000)
    url = f"sftp://me@127.0.0.1:{free_port()}/in/"
    assert main(["upload", str(data), url, "--patience", "1", "--json"]) == 4
    last = stream(capsys)[-1]
    assert (last["kind"], last["trouble"], last["exit"]) == ("error", "network", 4)

"""The terminal through its real entry: words, exit codes, streams."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from app import acts, shelf
from app import job as jobs
from app.cli import main
from app.commands import progress
from app.commands.asking import Accepted
from app.commands.streams import Calm
from app.commands.terminal import Terminal
from app.context import Event
from app.engine import Report
from app.errors import JobError, Question, Transient, trouble
from app.journal import Journal, read
from app.secrets import Answers
from tests.servers import until

ROOT = Path(__file__).resolve().parents[1]
Capture = pytest.CaptureFixture[str]


def sandhopper(*words: str, stdin: str = "", **kwargs: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60, **kwargs,
    )  # fmt: skip


def test_ca_must_hold_certificates(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    assert main(["targets", "--ca", str(file)]) == 2
    assert "holds no certificates" in capsys.readouterr().err


def test_a_job_file_of_a_hundred_thousand_brackets_is_no_mistake_of_ours(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "job.json"
    file.write_text("[" * 100_000)
    assert main(["run", str(file)]) == 2
    assert "This is not a job file" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "wished"), [("a.raw", "raw"), ("a.b.VMDK", "vmdk"), ("a.img", ""), ("", "")])
def test_the_files_name_at_the_target_promises_a_format(
    tmp_path: Path, capsys: Capture, name: str, wished: str
) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.touch()
    assert main(["new", "--source", str(disk), "--target", f"sftp://h/in/{name}"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == wished


def test_what_is_found_again_after_an_answer_is_shown_once(capsys: Capture) -> None:
    accepted = Accepted(host_keys=("SHA256:abc",))
    terminal = Terminal(Answers(use_keyring=False), accepted, as_json=False, keyring=False)
    question = Question("host-key", "host-key ssh://h", "Is it?", "SHA256:abc")

    def act(report: Report, cancel: threading.Event, answers: Answers) -> None:
        report(Event("x", "", "planned", facts={"steps": ["a"]}))
        report(Event("x", "a", "finding", facts={"grade": "ok", "title": "Room enough."}))
        report(Event("x", "a", "note", text="Twice said is twice meant."))
        answers.need(question)

    terminal.act(act)
    shown = capsys.readouterr().err
    assert [shown.count(text) for text in ("Room enough", "1 steps", "Twice said")] == [1, 1, 2]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def made(tmp_path: Path, capsys: Capture, *words: str) -> tuple[Path, dict[str, Any]]:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    assert main(["new", "--source", str(disk), "--target", str(tmp_path / "usb"), *words]) == 0
    text = capsys.readouterr().out
    file = tmp_path / "job.json"
    file.write_text(text)
    return file, json.loads(text)


def test_it_starts_without_a_window_and_without_the_heavy_libraries() -> None:
    look = (
        "import sys; sys.modules['PySide6'] = None\n"
        "from app.cli import main\n"
        "assert main(['--help']) == 0\n"
        "heavy = {'openstack', 'paramiko', 'keystoneauth1', 'rich', 'jinja2', 'ui'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "rehearse" in done.stdout


@pytest.mark.parametrize(
    ("words", "told", "advice"),
    [
        (["rnu"], "There is no “rnu”", "“run”"),
        (["status", "--jsno"], "--jsno", "“--json”"),
        (["disk", "inffo", "x"], "“inffo”", "“info”"),
        (["new", "--source", "x"], "--target", "sandhopper new --help"),
        (["new", "--source", "x", "--target", "y", "--verify", "al"], "“al”", "auto"),
        (["run", "j", "--patience", "soon"], "soon", ""),
        (["upload", "f", "u", "--limit", "quick"], "quick", ""),
        (["resume", "nothing-like-it"], "nothing-like-it", "sandhopper status"),
        (["run", "/nowhere/job.json"], "cannot be read", ""),
        (["targets", "intrerout"], "intrerout", "interoute"),
        (["disk", "info", "/nowhere"], "There is no file", ""),
        (["status", "--ca", "/nowhere.pem"], "/nowhere.pem", "PEM"),
        ([], "COMMAND", "--help"),
    ],
)
def test_what_is_not_understood_is_said_with_advice(words: list[str], told: str, advice: str, capsys: Capture) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, *rest = shown.err.splitlines()
    assert error.startswith("error: ")
    assert told in error
    assert rest[0].startswith("try: ") or advice == ""
    assert advice in "".join(rest)


def test_with_json_the_error_is_one_line_too(capsys: Capture) -> None:
    assert main(["--json", "resume", "nothing"]) == 2
    (line,) = lines(capsys.readouterr().out)
    assert line["kind"] == "error"
    assert line["exit"] == 2
    assert main(["rnu", "--json"]) == 2
    assert lines(capsys.readouterr().out)[0]["remedy"] == "Did you mean “run”?"


@pytest.mark.parametrize("where", ["before", "after", "both"])
def test_options_of_every_command_stand_before_and_after_it(where: str, capsys: Capture) -> None:
    words = {"before": ["--json", "status"], "after": ["status", "--json"], "both": ["--json", "status", "--json"]}
    assert main(words[where]) == 0
    assert lines(capsys.readouterr().out) == [{"kind": "result", "command": "status", "exports": []}]


def test_a_job_is_made_of_plain_paths_and_words(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "my disk.raw").write_bytes(bytes(512))
    words = [
        "new", "--source", str(tmp_path / "my disk.raw"), "--target", str(tmp_path), "--sandbox", "me@box", "--include",
        "/application=merge", "--include", "/data=leave", "--limit", "4Mbit", "--no-prove", "--no-compress",
        "--format", "VMDK", "--name", "Thesis 1", "--verify", "whole",
    ]  # fmt: skip
    assert main(words) == 0
    job = json.loads(capsys.readouterr().out)
    assert job["source"] == f"file://{tmp_path}/my%20disk.raw"
    assert job["target"] == f"file://{tmp_path}/"
    assert job["sandbox"] == "ssh://me@box"
    assert job["include"] == [{"mount": "/application", "how": "merge"}, {"mount": "/data", "how": "leave"}]
    assert (job["limit"], job["format"], job["name"], job["verify"]) == (500_000, "vmdk", "Thesis 1", "whole")
    assert (job["prove"], job["compress"], job["profile"]) == (False, False, "local")


def test_a_target_that_names_a_file_stays_one(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(512))
    assert main(["new", "--source", str(tmp_path / "a.raw"), "--target", f"{tmp_path}/b.qcow2"]) == 0
    assert json.loads(capsys.readouterr().out)["target"] == f"file://{tmp_path}/b.qcow2"


@pytest.mark.parametrize(
    "target", ["sftp://me:secret@h/", "gopher://h/", "sftp:///x", "openstack://cloud/", "sftp://h:99999/"]
)
def test_a_target_that_cannot_be_is_refused_without_showing_a_password(
    target: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(512))
    assert main(["new", "--source", str(tmp_path / "a.raw"), "--target", target]) == 2
    shown = capsys.readouterr()
    assert "secret" not in shown.err + shown.out


def test_status_tells_of_exports_without_a_network(tmp_path: Path, capsys: Capture) -> None:
    file, job = made(tmp_path, capsys)
    folder = tmp_path / "data" / "jobs" / job["id"]
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(file.read_text())
    journal = Journal(folder / "journal.jsonl")
    journal.record("fetch", "done", own=False)
    journal.record("convert", "started")
    journal.record("convert", "failed", what="No room \x1b[31mhere.")
    journal.close()
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    assert job["id"] in shown
    assert "Stopped at “Convert the disk”: No room here." in shown
    assert main(["status", job["id"][:-2]]) == 0
    shown = capsys.readouterr().out
    assert "failed     Convert the disk" in shown
    assert "\x1b" not in shown
    assert main(["status", str(folder), "--json"]) == 0
    (line,) = lines(capsys.readouterr().out)
    assert line["export"]["steps"]["convert"] == "failed"


def test_forget_asks_and_without_a_terminal_does_nothing(tmp_path: Path, capsys: Capture) -> None:
    file, job = made(tmp_path, capsys)
    folder = tmp_path / "data" / "jobs" / job["id"]
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(file.read_text())
    done = sandhopper("forget", job["id"])
    assert done.returncode == 2
    assert folder.exists()
    assert main(["forget", job["id"], "--yes"]) == 0
    assert not folder.exists()


def test_forget_refuses_while_the_sandbox_may_be_changed(tmp_path: Path, capsys: Capture) -> None:
    file, job = made(tmp_path, capsys, "--sandbox", "ssh://me@box", "--include", "/application=merge")
    folder = tmp_path / "data" / "jobs" / job["id"]
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(file.read_text())
    journal = Journal(folder / "journal.jsonl")
    journal.record("prepare", "started")
    journal.close()
    assert main(["forget", job["id"], "--yes"]) == 3
    assert f"sandhopper undo {job['id']}" in capsys.readouterr().err
    assert folder.exists()


def test_a_mistake_of_ours_is_one_sentence_and_a_log(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        logging.getLogger("paramiko.transport").warning("chatter")
        raise RuntimeError("sftp://me:hunter2@host exploded")

    monkeypatch.setattr(acts, "machines", broken)
    assert main(["machines", "mycloud"]) == 1
    shown = capsys.readouterr()
    log = tmp_path / "data" / "log.txt"
    assert "a mistake of its own (RuntimeError)" in shown.err
    assert str(log) in shown.err
    assert "Traceback" not in shown.err
    assert "chatter" not in shown.err
    assert "Traceback" in log.read_text()
    assert "chatter" in log.read_text()
    assert "hunter2" not in log.read_text()
    assert main(["machines", "mycloud", "--debug"]) == 1
    shown = capsys.readouterr()
    assert "Traceback" in shown.err
    assert "hunter2" not in shown.err


FULL, CLOSED = OSError(28, "No space left on device"), PermissionError(13, "Permission denied", "/root/x")


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (JobError("a", "b"), 3),
        (Transient("a"), 4),
        (KeyboardInterrupt(), 130),
        (FULL, 3),
        (CLOSED, 3),
        (OSError(22, "a"), 1),
    ],
)
def test_the_exit_code_says_whose_turn_it_is(
    exc: BaseException, code: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise exc

    monkeypatch.setattr(acts, "machines", broken)
    assert main(["machines", "mycloud"]) == code
    assert "error: " in capsys.readouterr().err


def test_nobody_reading_any_more_is_no_mistake() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m app targets --json | true; {sys.executable} -m app help | head -1"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""


def test_every_alphabet_reaches_a_plain_terminal(tmp_path: Path) -> None:
    disk = tmp_path / "диск-ü.raw"
    disk.write_bytes(bytes(1 << 16))
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    for words in (["status"], ["status", "--json"], ["targets"], ["disk", "info", str(disk)]):
        done = sandhopper(*words, env=plain)
        assert done.returncode == 0, done.stderr


def test_secrets_without_a_tab_are_refused_and_not_shown() -> None:
    done = sandhopper("status", "--secrets-stdin", stdin="sftp://me@host S3cr3t-Marker\n")
    assert done.returncode == 2
    assert "no tab" in done.stderr
    assert "S3cr3t-Marker" not in done.stderr + done.stdout


def test_a_job_and_secrets_do_not_both_fit_into_standard_input() -> None:
    done = sandhopper("run", "-", "--secrets-stdin")
    assert done.returncode == 2
    assert "both" in done.stderr


def test_a_snapshot_made_by_hand_is_handed_over_only_where_it_is_waited_for(tmp_path: Path, capsys: Capture) -> None:
    file, job = made(tmp_path, capsys)
    folder = tmp_path / "data" / "jobs" / job["id"]
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(file.read_text())
    assert main(["resume", job["id"], "--image", str(tmp_path / "no.raw")]) == 2
    assert "nothing in a file" in capsys.readouterr().err
    assert main(["resume", job["id"], "--image", str(tmp_path / "disk.raw")]) == 2
    assert "makes its own snapshot" in capsys.readouterr().err
    (folder / "job.json").write_text(json.dumps({**job, "source": "ssh://me@box"}))
    acts.give_image(shelf.find(job["id"]), tmp_path / "disk.raw")
    assert read(folder / "journal.jsonl").of("snapshot") == {"given": {"/": f"file://{tmp_path}/disk.raw"}}
    for wrong in ("/data", "data=x", f"/data={tmp_path}/disk.raw"):
        assert main(["resume", job["id"], "--disk", wrong]) == 2
        assert "disk" in capsys.readouterr().err


def test_the_first_signal_asks_and_the_second_insists() -> None:
    deaf = (
        "import sys, time\n"
        "from app import acts\n"
        "from app.cli import main\n"
        "def sleeping(*args):\n"
        "    print('asleep', flush=True)\n"
        "    time.sleep(60)\n"
        "acts.machines = sleeping\n"
        "sys.exit(main(['machines', 'mycloud']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", deaf], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == "asleep\n"
    process.send_signal(signal.SIGTERM)
    assert "Stopping in good order" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=10)[1]
    assert process.returncode == 130
    assert "error: Stopped, as you asked." in err


def test_where_nothing_is_live_a_silent_phase_is_named_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AT_LEAST_EVERY", 1.0)
    shown = io.StringIO()
    lines = progress.display(Calm(shown))
    lines.show(Event("a", "convert", "phase", total=100, text="compare"))
    lines.show(Event("a", "convert", "tick", 40, 100, text="compare"))
    until(lambda: shown.getvalue().count("\n") >= 3)
    lines.close()
    first, *rest = shown.getvalue().splitlines()
    assert first == "  Comparing with the original …"
    assert rest[0].startswith("  Comparing with the original: 40 Bytes of 100 Bytes")
    time.sleep(1.2)
    assert shown.getvalue().splitlines() == [first, *rest]


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("printf '\\377' | {} status --secrets-stdin", 2, "not UTF-8"),
        ("printf '\\377' | {} run -", 2, "not UTF-8"),
        ("{} status --secrets-stdin <&-", 0, ""),
        ("{} status >&-", 0, ""),
        ("{} status --json >&- 2>&-", 0, ""),
        ("{} targets > /dev/full", 3, "disk is full"),
        ("{} targets --json > /dev/full", 3, "disk is full"),
    ],
)
def test_odd_streams(line: str, code: int, told: str) -> None:
    words = ["bash", "-c", line.format(f"{sys.executable} -m app")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, capsys: Capture) -> None:
    file, _ = made(tmp_path, capsys)
    for folder in (file, file / "below", "/proc/x"):
        assert main(["run", str(file), "--folder", str(folder)]) == 2
        assert "cannot be a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("It is tried again.", "Check the network. Then"),
        ("Check the network; it is tried again.", "Check the network. Then"),
        ("It is tried again; see whether this computer is online.", "See whether this computer is online. Then"),
        ("Is the port right (mostly 22)? Wait a while.", "Is the port right (mostly 22)? Wait a while. Then"),
        (
            "Wait: servers let go after some minutes. It goes on by itself.",
            "Wait: servers let go after some minutes. T",
        ),
    ],
)
def test_who_has_given_up_promises_no_more_tries(remedy: str, told: str) -> None:
    assert trouble(Transient("The line was cut.", remedy)).remedy.startswith(told)


def test_half_an_upload_is_not_told_as_verified(tmp_path: Path, capsys: Capture) -> None:
    made = jobs.new("file:///disk.qcow2", "sftp://h/in/")
    made.save(made.folder / "job.json")
    journal = Journal(made.folder / "journal.jsonl")
    journal.record("convert", "done", name="disk.qcow2", size=10, sha256="ab" * 32)
    journal.record("upload", "started")
    journal.record("upload", "fact", fresh=True, line={"median": 1.0})
    assert main(["status", made.id]) == 0
    told = capsys.readouterr().out
    assert "not at the target yet" in told
    assert "Verified" not in told
    assert main(["status", made.id, "--json"]) == 0
    image = json.loads(capsys.readouterr().out)["image"]
    assert (image["grade"], image["verified"]) == ("", "not uploaded yet")


def test_a_conversion_into_a_folder_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    assert main(["disk", "convert", str(disk), str(tmp_path / "no" / "x.vmdk"), "--format", "vmdk"]) == 2
    assert "There is no folder" in capsys.readouterr().err

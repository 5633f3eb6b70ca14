"""The log hides secrets and never becomes a trouble of its own."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app.logfile import LogFile
from app.secrets import Answers

FULL = Path("/dev/full")  # full(4): every write says that there is no room


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_under_the_log_is_told_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    file, log = LogFile(FULL, Answers(use_keyring=False)), logging.getLogger("test.full")
    log.addHandler(file)
    log.error("nobody will read this")
    log.removeHandler(file)
    file.close()
    assert capfd.readouterr().err == ""


def test_secrets_and_passwords_of_urls_are_hidden_also_in_tracebacks(tmp_path: Path) -> None:
    answers = Answers({"sftp://me@host": "S3cr3t"}, use_keyring=False)
    file, log = LogFile(tmp_path / "log.txt", answers), logging.getLogger("test.secrets")
    log.addHandler(file)
    try:
        raise ValueError("S3cr3t and sftp://me:hunter2@host")
    except ValueError:
        log.exception("it said %s", "S3cr3t")
    log.removeHandler(file)
    file.close()
    text = (tmp_path / "log.txt").read_text()
    assert "ValueError" in text
    assert "S3cr3t" not in text
    assert "hunter2" not in text

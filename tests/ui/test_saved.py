"""The check-up that the window saves is what the terminal tells: the same bytes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from app.practice.site import Site
from app.secrets import Answers
from tests.sandbox.machine import Machine
from ui.draft import Draft
from ui.pages.sandbox import SandboxPage

ACCEPT = "--accept-host-key"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch) -> Callable[..., list[str]]:
    """The lines of `sandhopper check HOST --json`, given the answers that it needs."""

    def tell(url: str, given: dict[str, str]) -> list[str]:
        keys = [word for about, key in given.items() if about.startswith("host-key") for word in (ACCEPT, key)]
        secrets = "".join(f"{about}\t{value}\n" for about, value in given.items() if not about.startswith("host-key"))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(secrets.encode())))
        capsys.readouterr()
        main(["--no-keyring", "check", url, "--json", "--secrets-stdin", *keys])
        return capsys.readouterr().out.splitlines(keepends=True)

    return tell


@pytest.fixture
def saved(kept, styled, answers: Answers, shown, tmp_path: Path) -> Callable[..., str]:
    """What the window's check-up page saves about the machine at *url*."""

    def save(url: str, given: dict[str, str]) -> str:
        for about, value in given.items():
            answers.give(about, value)
        page = kept(SandboxPage(answers))
        page.show()
        page.fill(Draft(source=url, sandbox=url))
        page.go.click()
        shown(lambda: not page.work.running, 60)
        assert page.found.isVisible(), page.trouble.what.text()
        page.found.keeping.write(str(tmp_path / "check-up.json"))
        return (tmp_path / "check-up.json").read_text()

    return save


def test_a_practice_machine_is_told_alike(told, saved) -> None:
    with Site() as site:
        url, given = site.record.url("machine"), site.answers()
        lines = told(url, {about: value for about, value in given.items() if "ftps" not in about})
        assert saved(url, given) == lines[-1]
    assert json.loads(lines[-1])["look"]["hostname"] == "practice-sandbox"


@pytest.mark.root
def test_a_real_machine_is_told_alike(tmp_path: Path, told, saved) -> None:
    with Machine(tmp_path) as machine:
        lines = told(machine.url(), machine.answers())
        assert saved(machine.url(), machine.answers()) == lines[-1]
    assert [mount["path"] for mount in json.loads(lines[-1])["look"]["mounts"]] == ["/application"]


@pytest.mark.root
def test_what_stands_in_the_way_is_told_whole_as_well(tmp_path: Path, told, saved) -> None:
    with Machine(tmp_path, hide=("rsync", "cp", "setsid")) as machine:
        lines = told(machine.url(), machine.answers())
        assert saved(machine.url(), machine.answers()) == lines[-2]
    result, error = (json.loads(line) for line in lines[-2:])
    assert "stop" in [found["grade"] for found in result["findings"]]
    assert (result["kind"], error["kind"]) == ("result", "error")

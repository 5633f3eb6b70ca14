"""What is done with few processes, as each takes long to start on a small sandbox, is done as well as with many."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.sandbox import remote
from tests.sandbox.machine import Machine
from tests.sandbox.near import MOUNTS, STATE, Make
from tests.sandbox.test_merge import merge_and_back
from tests.servers import need

SHELLS = ("dash", "bash", "busybox")


def said(shell: str, script: str, *parts: str, cwd: Path) -> bytes:
    program = "".join(map(remote.script, parts)) + script
    command = [need(shell), *(["sh"] if shell == "busybox" else []), "-c", program]
    return subprocess.run(command, cwd=cwd, capture_output=True, check=True).stdout


@pytest.mark.root
def test_much_data_is_copied_side_by_side(machine: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    script = remote.script
    monkeypatch.setattr(remote, "script", lambda name: script(name).replace("SIDE_BY_SIDE=262144", "SIDE_BY_SIDE=0"))
    assert "\nSIDE_BY_SIDE=0 " in remote.program("merge")
    merge_and_back(machine, sandbox)


@pytest.mark.root
def test_a_folder_that_looks_otherwise_is_named_on_a_line_of_its_own(machine: Machine, sandbox: Make) -> None:
    sandbox(machine).merge(MOUNTS, "job-1")
    machine.run("sh", "-c", f"echo odd >> {STATE}/m01/looks")
    first, *others = sandbox(machine).restore("job-1")
    assert [finding.title.split(" has ")[0] for finding in others] == ["/application"]
    assert any("mounted disks are the same" in text for text in first.facts["proven"])


@pytest.mark.parametrize("shell", SHELLS)
def test_lines_of_files_bear_the_name_of_their_file(tmp_path: Path, shell: str) -> None:
    files = {"a": b"one\n\n\ntwo", "b b": b"\n", "c": b"", "d": b"x\0y\r\n-mark file /a\nend\n\n", "e\nf": b"hidden\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    answer = said(shell, "MARK=--mark; text a none 'b b' c d . *f", "lib", "look_kit", cwd=tmp_path)
    assert answer == b"a:one\na:\na:\na:two\nb b:\nd:xy\nd:-mark file /a\nd:end\nd:\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_small_file_is_read_whole(tmp_path: Path, shell: str) -> None:
    odd = b"/data of\\040 all \\ * $x 'y'\nand\n\n more\n\n"
    (tmp_path / "odd").write_bytes(odd)
    (tmp_path / "none").touch()
    assert said(shell, "value odd; echo ,; value none; echo ,; value missing || echo no", "lib", cwd=tmp_path) == (
        odd + b",\n,\nno\n"
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_a_word_is_noted_only_as_a_whole_line(tmp_path: Path, shell: str) -> None:
    (tmp_path / "journal").write_bytes(b"version 1\nrestored\nempty m01\n torn\ncop")
    words = "restore restored 'empty m01' empty torn cop copied"
    ask = f'STATE=.; for w in {words}; do if noted "$w"; then echo "$w"; fi; done'
    assert said(shell, ask, "lib", cwd=tmp_path) == b"restored\nempty m01\ncop\n"


@pytest.mark.parametrize(
    ("differ", "moved"),
    [
        ("./\n./busy\n./busy/tmp1\n./busy/log\n", False),
        ("./busy\n./busy/tmp2\n", False),  # a new name, where names come and go all the time
        ("./busy\n./busy/tmp2\n./quiet/once\n", True),
        ("./quiet\n./quiet/new\n", True),
        ("./once\n./busy\n./busy/log\n", True),  # the root's own names held still
    ],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_service_that_goes_on_making_files_is_not_followed_for_ever(
    tmp_path: Path, shell: str, differ: str, moved: bool
) -> None:
    (tmp_path / "before.l").write_text("./\n./busy\n./busy/tmp1\n./busy/log\n")
    (tmp_path / "differ.l").write_text(differ)
    assert said(shell, "if moved_on .; then echo yes; else echo no; fi", "lib", "copy", cwd=tmp_path) == (
        b"yes\n" if moved else b"no\n"
    )

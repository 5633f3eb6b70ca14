"""The journal survives power cuts at every byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.journal import Journal, history, read


def written(path: Path) -> bytes:
    journal = Journal(path)
    journal.record("fetch", "started")
    journal.record("fetch", "fact", size=5_000_000_000)
    journal.record("fetch", "done", path="/ü\n.raw")
    journal.record("convert", "started")
    journal.close()
    return path.read_bytes()


def test_state_is_the_journal_read_to_its_end(tmp_path: Path) -> None:
    written(tmp_path / "j")
    state = read(tmp_path / "j")
    assert state.is_done("fetch")
    assert state.of("fetch") == {"size": 5_000_000_000, "path": "/ü\n.raw"}
    assert state.touched("convert")
    assert not state.is_done("convert")
    assert not state.touched("upload")


def test_cut_at_every_byte_the_whole_lines_count_and_writing_goes_on(tmp_path: Path) -> None:
    whole = written(tmp_path / "j")
    for end in range(len(whole) + 1):
        path = tmp_path / f"cut{end}"
        path.write_bytes(whole[:end])
        journal = Journal(path)
        journal.record("x", "done", n=end)
        journal.close()
        lines = path.read_bytes().splitlines()
        assert len(lines) == whole[:end].count(b"\n") + 1
        assert all(json.loads(line) for line in lines)
        assert read(path).of("x") == {"n": end}


def test_undone_forgets_the_facts(tmp_path: Path) -> None:
    written(tmp_path / "j")
    journal = Journal(tmp_path / "j")
    journal.record("fetch", "undone")
    assert journal.state.of("fetch") == {}
    assert not journal.state.touched("fetch")
    assert [line["event"] for line in history(tmp_path / "j")].count("undone") == 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_never_stops_it(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "j"
    whole = written(path)
    path.write_bytes(whole + garbage)
    journal = Journal(path)
    assert journal.state.is_done("fetch")
    journal.record("report", "done")
    journal.close()
    assert read(path).is_done("report")

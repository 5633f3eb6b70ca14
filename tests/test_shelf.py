"""What is told of exports comes from their files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import host, shelf
from app.errors import JobError, Usage
from app.job import Include, new
from app.journal import Journal


def kept(**wishes: object) -> Path:
    job = new("file:///x/a.raw", "file:///y/", **wishes)
    job.save(job.folder / "job.json")
    return job.folder


def test_exports_are_found_by_id_by_its_beginning_and_by_folder() -> None:
    one, two = kept(), kept()
    assert {e.job.id for e in shelf.exports()} == {one.name, two.name}
    assert shelf.find(one.name).folder == one
    assert shelf.find(str(two)).job.id == two.name
    assert shelf.find(two.name[:-1]).job.id == two.name
    with pytest.raises(Usage, match="several"):
        shelf.find(one.name[:8])
    with pytest.raises(Usage, match="no export"):
        shelf.find("nothing")


def test_a_broken_folder_hides_no_other() -> None:
    one = kept()
    (host.jobs_home() / "junk").mkdir()
    (host.jobs_home() / "torn").mkdir()
    (host.jobs_home() / "torn" / "job.json").write_text("{")
    (host.jobs_home() / "file").write_text("x")
    assert [e.job.id for e in shelf.exports()] == [one.name]


def test_a_sandbox_that_may_still_be_changed_is_known() -> None:
    folder = kept(sandbox="ssh://me@box", include=(Include("/application", "merge"),))
    journal = Journal(folder / "journal.jsonl")
    journal.record("prepare", "started")
    assert shelf.find(folder.name).disturbed
    journal.record("prepare", "done")
    assert shelf.find(folder.name).disturbed
    journal.record("restore", "done", equal=True)
    assert not shelf.find(folder.name).disturbed


def test_forgetting_deletes_the_folder_unless_it_is_in_use() -> None:
    folder = kept()
    (folder / "work").mkdir()
    (folder / "work" / "disk").write_bytes(b"x" * 10000)
    export = shelf.find(folder.name)
    assert export.bytes_here >= 10000
    assert not export.running
    with host.held(folder / "lock"):
        assert export.running
        with pytest.raises(JobError, match="already running"):
            shelf.forget(export)
    assert folder.exists()
    shelf.forget(export)
    assert not folder.exists()

"""Look, merge and restore on a real small machine, compared by full listings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.sandbox import Sandbox
from tests.sandbox.machine import Machine

Make = Callable[..., Sandbox]
pytestmark = pytest.mark.root


def test_look_tells_what_is_there(machine: Machine, sandbox: Make) -> None:
    before = machine.root_listing()
    look = sandbox(machine).look()
    assert look.hostname
    assert "Debian" in look.os
    assert [(m.path, m.fstype, m.owner, m.mergeable) for m in look.mounts] == [
        ("/application", "ext4", "1000:scientist", True)
    ]
    assert look.mounts[0].files > 200
    assert 0 < look.root_free < 400 << 20
    assert not look.journal
    assert machine.root_listing() == before


def test_the_copy_below_the_mount_equals_the_data_and_restore_leaves_no_trace(machine: Machine, sandbox: Make) -> None:
    root, data = machine.root_listing(), machine.listing("/application")
    facts = sandbox(machine).merge(("/application",), "job-1")
    assert facts["unsteady"] == []
    assert facts["lost"] == []
    merged = machine.root_listing()
    copy = {k.removeprefix("application/"): v for k, v in merged.items() if k.startswith("application/")}
    for fact in copy.values():
        if "links" in fact:
            fact["links"] = [name.removeprefix("application/") for name in fact["links"]]
    assert copy == {k: v for k, v in data.items() if k != "."}
    assert machine.listing("/application") == data
    findings = sandbox(machine).restore()
    assert [f.grade for f in findings] == ["ok"], findings
    assert machine.listing("/application") == data
    assert machine.root_listing() == root

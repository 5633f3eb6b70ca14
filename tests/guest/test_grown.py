"""A data disk put into a copy whose system disk is made bigger: the whole export, and the copy that starts alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guest.machine import Guest
from tests.guest.scene import arrived, let_in, listing, program, root_listing
from tests.guest.test_story import new

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]


def test_the_copy_holds_the_data_and_the_sandbox_is_never_touched(
    tmp_path: Path, sandbox_guest: Guest, guest_folder: Path
) -> None:
    guest, out = sandbox_guest, tmp_path / "out"
    out.mkdir()
    let_in(guest)
    data, root = listing(guest, "/application"), root_listing(guest)
    sandbox = f"ssh://scientist@127.0.0.1:{guest.port}"
    words = ["--source", sandbox, "--include", "/application=grow", "--target", out.as_uri() + "/"]
    made = new(tmp_path / "job.json", *words)
    trust = [word for key in guest.host_key().values() for word in ("--accept-host-key", key)]
    waits = program("run", str(tmp_path / "job.json"), *trust)
    assert waits.returncode == 3, waits.stdout[-2000:] + waits.stderr[-3000:]
    assert root_listing(guest) == root
    image, disk = guest.hot_copy(tmp_path / "system.qcow2"), guest.hot_copy(tmp_path / "data.qcow2", 1)
    done = program("resume", made.id, "--image", str(image), "--disk", f"/application={disk}", *trust)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    uploaded, told = arrived(out, made.folder)
    assert "grow" in {change["fix"] for change in told["changes"]["made"]}
    assert listing(guest, "/application") == data
    with Guest(tmp_path / "alone", [uploaded], guest_folder / "key") as alone:
        assert listing(alone, "/application") == data
        assert alone.ssh("findmnt -n -o TARGET -T /application").strip() == b"/"
        assert alone.ssh("systemctl --failed --no-legend") == b""
        assert int(alone.ssh("findmnt -n -b -o SIZE /")) > 3 << 30

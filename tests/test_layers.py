"""The direction of imports, kept by machines."""

from __future__ import annotations

import subprocess
import sys


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_the_command_line_needs_no_qt() -> None:
    blocked = "import sys; sys.modules['PySide6'] = None; import app.cli; app.cli.main(['targets'])"
    done = python(blocked)
    assert done.returncode == 0, done.stderr
    assert "generic" in done.stdout


def test_the_core_loads_no_cloud_or_ssh_library_before_it_is_used() -> None:
    done = python(
        "import sys, app.cli, app.engine, app.shelf, app.acts\n"
        "print([m for m in ('openstack', 'paramiko', 'PySide6', 'keystoneauth1', 'pyftpdlib') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_contracts_of_pyproject_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

"""The places that every test of the contract runs on: a row is a name and the function that lays the place.

Such a function takes `(tmp_path, context, stack)`, starts its server (`stack.callback` ends it) and returns a
`tests.servers.Place`. Add a row here when a new kind of place, or another make of server, is to be stood by.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest

from app.context import Context
from app.stores import Store, open_store
from tests.servers import Lay, Place, need
from tests.servers.sshd import Sshd

PLACES = {
    "local": "tests.servers.places:local",
    "openssh": "tests.servers.places:openssh",
    "openssh-no-shell": "tests.servers.places:openssh_no_shell",
    "vsftpd": "tests.servers.ftps_places:vsftpd",
    "vsftpd-implicit": "tests.servers.ftps_places:vsftpd_implicit",
    "proftpd": "tests.servers.ftps_places:proftpd",
    "proftpd-implicit": "tests.servers.ftps_places:proftpd_implicit",
    "pureftpd": "tests.servers.ftps_places:pureftpd",
    "pyftpdlib": "tests.servers.ftps_places:pyftpd",
    "glance": "tests.practice.cloud_places:glance",
    "swift": "tests.practice.cloud_places:swift",
    "paramiko": "tests.servers.places:paramiko_server",
}


@pytest.fixture
def ctx(context: Callable[..., Context]) -> Context:
    return context()


@pytest.fixture
def here(request: pytest.FixtureRequest, tmp_path: Path, ctx: Context) -> Store:
    """The folder on this computer with the image of the test's module: its `NAME` and `DATA`."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / request.module.NAME).write_bytes(request.module.DATA)
    return open_store(folder.as_uri() + "/", ctx)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    """OpenSSH's server; a file of tests about another one has its own."""
    with Sshd(tmp_path) as made:
        yield made


@pytest.fixture(params=list(PLACES))
def place(request: pytest.FixtureRequest, tmp_path: Path, context: Callable[..., Context]) -> Iterator[Place]:
    module, _, name = PLACES[request.param].partition(":")
    lay: Lay = getattr(import_module(module), name)
    with ExitStack() as stack:
        yield lay(tmp_path, context, stack)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 4 MB (tmpfs)."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    command = [need("mount"), "-t", "tmpfs", "-o", "size=4000k", "none", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        if os.environ.get("CI"):
            pytest.fail("no disk can be mounted here")
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run([need("umount"), "-l", str(folder)], check=True)

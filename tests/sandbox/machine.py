"""A small real machine on this computer: its own root disk, data disks, sshd; its own mounts and processes.

`/` there really is its root file system, so our scripts run as they do on a sandbox, and nothing of this computer
can be touched. Everything ends with the process that started it, however that ends (setpriv --pdeathsig,
unshare --kill-child, loop devices that clear themselves).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Self

import pytest

from app import host
from tests.ports import free_port
from tests.servers import need, until, wait_for_port
from tests.servers.sshd import alive

HERE = Path(__file__).parent
SUDO_PASSWORD = "open sesame"


def need_root() -> None:
    """Skip where mounts cannot be made; fail where CI is set."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("these tests need root")
    pytest.skip("needs root for mounts")


class Machine:
    """`with Machine(tmp_path) as machine:` boots it; `machine.url()` is its address.

    *disks* maps a mount point to the disk's size in MiB; *hide* are programs that it lacks; *shell* is what its
    /bin/sh is; *sudo* is `nopasswd`, `password` or `none`; *login* the shell of the user scientist; *sudoers* and
    *sshd* are further lines of their configuration. Data goes in by `fill` before it boots.
    """

    def __init__(
        self,
        tmp_path: Path,
        *,
        disks: dict[str, int] | None = None,
        root_size: int = 400,
        hide: tuple[str, ...] = (),
        shell: str = "dash",
        sudo: str = "nopasswd",
        fstab: str = "",
        login: str = "/bin/sh",
        sudoers: str = "",
        sshd: str = "",
    ) -> None:
        need_root()
        self.place = tmp_path / "machine"
        self.place.mkdir(mode=0o711)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.disks = disks or {"/application": 300}
        self._image("root.img", root_size)
        lines = ["# made by nobody's tool\n"]
        for number, (path, size) in enumerate(self.disks.items()):
            (self.place / f"d{number}.uuid").write_text((own := str(uuid.uuid4())) + "\n")
            self._image(f"d{number}.data", size, own)
            lines.append(f"UUID={own}\t{path.replace(' ', chr(92) + '040')}  ext4 defaults,nofail 0 2\n")
        self._etc("".join(lines) + fstab, sudo, login, sudoers, sshd)
        self._over(hide, shell)

    def _image(self, name: str, size: int, own: str = "") -> None:
        file = self.place / name
        with file.open("wb") as image:
            image.truncate(size << 20)
        uuids = ["-U", own] if own else []
        subprocess.run([need("mkfs.ext4"), "-q", "-b", "4096", "-O", "^has_journal", *uuids, str(file)], check=True)

    def _etc(self, fstab: str, sudo: str, login: str, sudoers: str, sshd: str) -> None:
        etc = self.place / "etc"
        (etc / "ssh").mkdir(parents=True)
        hashed = subprocess.run(["openssl", "passwd", "-6", SUDO_PASSWORD], check=True, capture_output=True, text=True)
        right = {"nopasswd": "scientist ALL=(ALL) NOPASSWD: ALL\n", "password": "scientist ALL=(ALL) ALL\n"}.get(
            sudo, ""
        )
        files = {
            "fstab": fstab,
            "hostname": "sandbox-01\n",
            "passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n"
            f"scientist:x:1000:1000::/home/scientist:{login}\nnobody:x:65534:65534::/:/bin/false\n",
            "group": "root:x:0:\nscientist:x:1000:\nnogroup:x:65534:\n",
            "shadow": f"root:*:19000::::::\nscientist:{hashed.stdout.strip()}:19000::::::\n",
            "sudoers": f"Defaults env_reset\nroot ALL=(ALL) ALL\n{right}{sudoers}",
            "ssh/config": "ListenAddress 127.0.0.1\nHostKey /etc/ssh/host\nAuthorizedKeysFile /etc/ssh/keys\n"
            "StrictModes no\nPermitRootLogin yes\nUsePAM no\nUseDNS no\nPidFile none\nMaxStartups 100\n" + sshd,
        }
        for name, text in files.items():
            (etc / name).write_text(text)
        self.key = Path(os.environ["HOME"]) / ".ssh" / "id_ed25519"
        self.key.parent.mkdir(mode=0o700, exist_ok=True)
        for file in (self.key, etc / "ssh" / "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
        shutil.copy(self.key.with_suffix(".pub"), etc / "ssh" / "keys")

    def _over(self, hide: tuple[str, ...], shell: str) -> None:
        """What lies over /usr there: white-outs of programs it lacks (overlayfs: a 0:0 device), and its sh."""
        over = self.place / "over"
        for folder in ("bin", "sbin"):
            (over / folder).mkdir(parents=True)
            for program in hide:
                os.mknod(over / folder / program, 0o600 | 0o020000, 0)
        # there, sync means the machine's own disks, not everything that this computer has to write just now
        shutil.copy(need("sync"), over / "bin" / "sync.real")
        (over / "bin" / "sync").write_text('#!/bin/dash\n[ $# -gt 0 ] || set -- -f /\nexec sync.real "$@"\n')
        (over / "bin" / "sync").chmod(0o755)
        if shell != "dash":
            (over / "bin" / "sh").symlink_to("/usr/bin/" + shell)

    def first(self, script: str) -> None:
        """A shell script that runs once with the new root file system as $1, before the first boot."""
        (self.place / "first").write_text("#!/bin/sh\n" + script)
        (self.place / "first").chmod(0o755)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()

    def start(self) -> None:
        """Switch it on."""
        inner = ["sh", str(HERE / "machine.sh"), str(self.place), str(self.port)]
        spaces = [need("unshare"), "--mount", "--pid", "--uts", "--fork", "--kill-child=KILL", *inner]
        with (self.place / "console").open("ab") as console:
            self.process = host.start(spaces, stdout=console, stderr=console, stdin=subprocess.DEVNULL)
        try:
            wait_for_port(self.port, self.process)
            until(lambda: Path(f"/proc/{self.init}/comm").read_text() == "sshd\n")
        except BaseException:
            print((self.place / "console").read_text()[-2000:], file=sys.stderr)
            self.power_off()
            raise

    def power_off(self) -> None:
        """Pull the plug: every process there is killed, every mount is gone; the disks keep what was written."""
        if self.process:
            first = self.init if self.process.poll() is None else 0
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
            until(lambda: not (first and alive(first)))

    @property
    def init(self) -> int:
        """The process 1 of the machine, as this computer numbers it."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert children, "the machine is off"
        return int(children[0])

    def run(self, *command: str, stdin: bytes = b"", check: bool = True) -> bytes:
        """Run a command inside, not through SSH."""
        inside = ["nsenter", "-t", str(self.init), "-m", "-p", "-r", "-w", *command]
        done = subprocess.run(inside, input=stdin, capture_output=True, timeout=60, check=False)
        assert not (check and done.returncode), done.stderr.decode(errors="replace")[-2000:]
        return done.stdout

    def url(self, user: str = "root") -> str:
        """Its address."""
        return f"ssh://{user}@127.0.0.1:{self.port}"

    def answers(self) -> dict[str, str]:
        """The fingerprint of its host key, as an accepted answer."""
        blob = (self.place / "etc" / "ssh" / "host.pub").read_text().split()[1]
        digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
        return {f"host-key ssh://127.0.0.1:{self.port}": f"SHA256:{digest}"}

    def fill(self, path: str = "/application", seed: int = 7) -> None:
        """Write everything that a copy can lose into a data disk of the running machine."""
        self.run("/usr/bin/python3", "-", path, str(seed), stdin=(HERE / "tree.py").read_bytes())

    def listing(self, path: str) -> dict[str, Any]:
        """Everything below *path* on its own file system: kinds, modes, owners, times, links, xattrs, digests."""
        found: dict[str, Any] = self._listed(path)
        return found

    def root_listing(self) -> dict[str, Any]:
        """The same of the root file system, seen as a second mount would: with what lies below the mount points."""
        found: dict[str, Any] = self._listed("--root")
        return found

    def listings(self, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both: of the root file system, and of what lies below *path*."""
        data, root = self._listed(path, "--root")
        return root, data

    def _listed(self, *what: str) -> Any:
        return json.loads(self.run("/usr/bin/python3", "-I", "-", *what, stdin=(HERE / "listing.py").read_bytes()))

    def mounts(self) -> str:
        """The table of mounts, as its process 1 has it."""
        return Path(f"/proc/{self.init}/mountinfo").read_text()

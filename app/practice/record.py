"""What a practice site needs to be the same again after a crash: its ports, logins, keys and folders."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app import host
from app.errors import JobError
from app.practice.keys import certificate, host_key

SERVERS = ("cloud", "machine", "sftp", "ftps")
USER = "practice"


@dataclass
class Record:
    """The kept facts of the site in data_home()/practice/site.json (mode 600). *keys* are PEM texts."""

    home: Path
    ports: dict[str, int] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls) -> Record:
        """The record of this data folder, whole or begun anew; nothing is written."""
        home = host.data_home() / "practice"
        made = cls(home)
        try:
            kept = json.loads((home / "site.json").read_text(encoding="utf-8"))
            made = cls(home, dict(kept["ports"]), dict(kept["passwords"]), dict(kept["keys"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or spoilt: a new one is as good, for nothing but practice hangs on it
        return made

    def complete(self, *, move: bool = False) -> None:
        """Fill in what is missing, and save. A port that another program has taken is given up for a new one if
        *move*, else it is a `JobError`: an unfinished rehearsal still points there.
        """
        for name in SERVERS:
            port = self.ports.get(name, 0)
            if port and not _free(port) and not move:
                text = f"Another program uses the address of the rehearsal (127.0.0.1:{port})."
                remedy = "End that program; or delete the unfinished rehearsal (sandhopper forget) and begin a new one."
                raise JobError(text, remedy)
            if not port or not _free(port):
                self.ports[name] = _any_port()
            self.passwords.setdefault(name, secrets.token_urlsafe(12))
        for name in ("machine", "sftp"):
            self.keys[name] = self.keys.get(name) or host_key()
        self.keys["ftps"] = self.keys.get("ftps") or certificate()
        host.private_folder(self.home)
        self.save()

    def save(self) -> None:
        """Write the record for this person's eyes only."""
        file = self.home / "site.json"
        file.touch(mode=0o600)
        data = {k: v for k, v in asdict(self).items() if k != "home"}
        new = file.with_name(file.name + ".new")
        new.touch(mode=0o600)
        host.write_whole(file, json.dumps(data, indent=1).encode())

    def url(self, name: str) -> str:
        """The login URL of a server, e.g. `sftp://practice@127.0.0.1:20022`."""
        scheme = {"machine": "ssh", "sftp": "sftp", "ftps": "ftpes"}[name]
        return f"{scheme}://{USER}@127.0.0.1:{self.ports[name]}"


def fingerprint(blob: bytes) -> str:
    """A host key's fingerprint as OpenSSH shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _free(port: int) -> bool:
    if not port:
        return False
    with socket.socket() as sock:
        if not host.WINDOWS:  # there it would let two listen
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    """A port below every system's range for outgoing connections, so that it is still free after a crash."""
    while not _free(port := 20000 + secrets.randbelow(12000)):
        continue
    return port

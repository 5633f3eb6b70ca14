"""A small FTPS server with bad manners that no real server can be told to have: each is an option."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from tests.ports import free_port
from tests.servers.tls import pem


class OddFtpd:
    """One folder, anyone may log in. Manners, each off by default:

    *silent*: never answers close_notify and never closes the data line. *mute*: drops the control line instead of
    226. *held*: refuses so many STORs with 550 “file in use”. *no_new_tls*: breaks data lines of TLS 1.3.
    *slow_226*: seconds before 226. *greeting*: what is said first, *after_greeting* seconds later. *after_auth*: said
    in the clear behind AUTH's reply. *keeps*: what of the bytes of a STOR is stored, *shows*: what SIZE makes of it.
    *busy*: answers so many SIZEs with 450. *passive*: what it answers EPSV and PASV with, with {port}. *stops*: reads
    only so many bytes of a STOR, *quits*: says 421 after so many. *crowded*: lets in nobody the first so many times.
    """

    def __init__(
        self,
        tmp_path: Path,
        *,
        silent: bool = False,
        mute: bool = False,
        held: int = 0,
        no_new_tls: bool = False,
        slow_226: float = 0,
        greeting: bytes = b"220 hello\r\n",
        after_greeting: float = 0,
        after_auth: bytes = b"",
        keeps: Callable[[bytes], bytes] = bytes,
        shows: Callable[[int], int] = int,
        busy: int = 0,
        passive: dict[str, str] | None = None,
        stops: int = 0,
        quits: int = 0,
        crowded: int = 0,
        features: tuple[str, ...] = ("SIZE", "REST STREAM", "EPSV"),
    ) -> None:
        self.silent, self.mute, self.held, self.no_new_tls = silent, mute, held, no_new_tls
        self.slow_226, self.after_auth, self.features = slow_226, after_auth, features
        self.greeting, self.after_greeting, self.keeps, self.shows = greeting, after_greeting, keeps, shows
        self.busy, self.stops, self.quits, self.crowded = busy, stops, quits, crowded
        self.passive = {"EPSV": "229 Extended (|||{port}|)", **(passive or {})}
        self.folder = tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        self.port = free_port()
        self.url = f"ftpes://127.0.0.1:{self.port}/"
        self.said: list[str] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pem(tmp_path, "good"))
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=_Visit(self, sock).serve, daemon=True).start()

    def pause(self, seconds: float) -> None:
        self._over.wait(seconds)


class _Visit:
    def __init__(self, house: OddFtpd, sock: socket.socket) -> None:
        self.house, self.sock, self.rest = house, sock, 0
        self.passive: socket.socket | None = None

    def serve(self) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            self.sock.settimeout(30)
            self.house.pause(self.house.after_greeting)
            self.sock.sendall(self.house.greeting)
            while line := self.line():
                verb, _, argument = line.partition(" ")
                self.house.said.append(line)
                handler = getattr(self, f"do_{verb.lower()}", None)
                if handler is None:
                    self.say("502 unknown")
                elif handler(argument) is False:
                    break
        self.sock.close()

    def line(self) -> str:
        heard = b""
        while not heard.endswith(b"\n"):
            piece = self.sock.recv(1)
            if not piece:
                return ""
            heard += piece
        return heard.decode().strip()

    def say(self, text: str) -> None:
        self.sock.sendall(f"{text}\r\n".encode())

    def do_auth(self, _: str) -> None:
        self.sock.sendall(b"234 go on\r\n" + self.house.after_auth)
        self.sock = self.house.context.wrap_socket(self.sock, server_side=True)

    def do_user(self, _: str) -> None:
        if self.house.crowded > 0:
            self.house.crowded -= 1
            self.say("530 Sorry, too many users are connected")
        else:
            self.say("230 in")

    do_pbsz = do_prot = do_type = do_cwd = lambda self, _: self.say("200 fine")

    def do_feat(self, _: str) -> None:
        self.say("211-Features\r\n" + "".join(f" {f}\r\n" for f in self.house.features) + "211 End")

    def do_size(self, name: str) -> None:
        path = self.house.folder / name
        if self.house.busy > 0 and path.exists():
            self.house.busy -= 1
            self.say("450 it is being looked at for viruses")
        else:
            self.say(f"213 {self.house.shows(path.stat().st_size)}" if path.exists() else "550 no such file")

    def do_rest(self, at: str) -> None:
        self.rest = int(at)
        self.say("350 from there")

    def do_epsv(self, _: str) -> None:
        self._open_passive("EPSV")

    def do_pasv(self, _: str) -> None:
        self._open_passive("PASV")

    def _open_passive(self, verb: str) -> None:
        self.passive = socket.create_server(("127.0.0.1", 0))
        port = self.passive.getsockname()[1]
        self.say(self.house.passive.get(verb, "502 unknown").format(port=port, high=port >> 8, low=port & 255))

    def do_stor(self, name: str) -> bool | None:
        assert self.passive
        if self.house.held > 0:
            self.house.held -= 1
            self.passive.close()
            self.say("550 The process cannot access the file because it is being used by another process.")
            return None
        self.say("150 send")
        raw, _ = self.passive.accept()
        self.passive.close()
        if self.house.no_new_tls and isinstance(self.sock, ssl.SSLSocket) and self.sock.version() == "TLSv1.3":
            raw.close()
            self.say("425 Unable to build data connection: TLS failure")
            return None
        raw.settimeout(30)
        self._take(self.house.context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=True), name)
        self.house.pause(self.house.slow_226)
        if self.house.mute:
            return False
        if self.house.quits:
            self.say("421 Service not available, closing control connection.")
            return False
        self.say("226 done")
        return None

    def _take(self, line: ssl.SSLSocket, name: str) -> None:
        path = self.house.folder / name
        with path.open("r+b" if path.exists() and self.rest else "wb") as file:
            file.seek(self.rest)
            self.rest = 0
            for data in self._heard(line):
                file.write(self.house.keeps(data))
        if self.house.quits:
            line.close()
        elif self.house.silent:
            threading.Thread(target=lambda: (self.house.pause(30), line.close()), daemon=True).start()
        else:
            with contextlib.suppress(OSError):
                line.unwrap()
            line.close()

    def _heard(self, line: ssl.SSLSocket) -> Iterator[bytes]:
        """The blocks of a STOR, as far as this server wants to read them."""
        got, most = 0, self.house.stops or self.house.quits
        while (not most or got < most) and (data := line.recv(1 << 16)):
            got += len(data)
            yield data
        if self.house.stops:
            self.house.pause(60)

"""The person's SSH agent (draft-miller-ssh-agent): it is asked with patience, and what it refuses harms nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

import paramiko
from paramiko import agent as theirs

from app import host
from app.ssh.config import USUAL_AGENT

if TYPE_CHECKING:
    from app.ssh.config import Settings

ANSWER = 5.0  # seconds for the list of its keys
SIGN = 45.0  # seconds for a signature: the person may have to say yes, or to touch a security key
_SIGN_REQUEST, _SIGN_RESPONSE = 13, 14


class Silent(Exception):
    """There is an agent, but it does not answer."""


class Held(paramiko.AgentKey):
    """A key that the agent holds. *public_blob* is its certificate, where it has one."""

    def __init__(self, asked: Asked, blob: bytes, comment: str = "") -> None:
        super().__init__(asked, blob, comment)
        self.asked = asked
        # paramiko forgets that an agent may hold certificates: it names them, but sends the bare key
        inner: Any = getattr(self, "inner_key", None)
        self.public_blob = inner.public_blob if inner else None

    def sign_ssh_data(self, data: Any, algorithm: str | None = None) -> Any:
        """The signature; a wrong one where the agent gives none: an exception here would end the whole connection."""
        try:
            return self._signed(data, theirs.ALGORITHM_FLAG_MAP.get(algorithm or "", 0))
        except (OSError, paramiko.SSHException, struct.error):
            self.asked.refused.add(self.comment or self.get_name())
            name = (algorithm or self.get_name()).encode()
            return struct.pack(f">I{len(name)}sI64x", len(name), name, 64)

    def _signed(self, data: bytes, flags: int) -> bytes:
        request = paramiko.Message()
        request.add_byte(bytes([_SIGN_REQUEST]))
        request.add_string(self.blob)  # the name by which the agent knows it, not that of the bare key
        request.add_string(data)
        request.add_int(flags)
        kind, answer = self.asked._send_message(request)
        if kind != _SIGN_RESPONSE:
            raise paramiko.SSHException("refused")
        return bytes(answer.get_binary())


_Theirs: Any = theirs.AgentSSH


class Asked(_Theirs):  # type: ignore[misc]
    """One line to the agent."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()  # the names of keys with which it would not sign


def keys(settings: Settings) -> list[Held]:
    """What the agent holds; nothing where there is none. Raises `Silent` when it does not answer in time."""
    line = _line(settings)
    if line is None:
        return []
    try:
        asked = Asked()
        asked._connect(line)
        found = [Held(asked, key.blob, key.comment) for key in asked.get_keys()]
    except TimeoutError as exc:
        line.close()
        raise Silent from exc
    except (OSError, ValueError, struct.error, paramiko.SSHException):
        line.close()
        return []
    if not found:
        line.close()
    elif isinstance(line, socket.socket):
        line.settimeout(SIGN)
    return found


def _line(settings: Settings) -> Any:
    if host.WINDOWS:
        return theirs.get_agent_connection() if settings.agent == USUAL_AGENT else None
    path = os.environ.get(USUAL_AGENT, "") if settings.agent == USUAL_AGENT else settings.agent
    if not path:
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(ANSWER)
    try:
        line.connect(path)
    except (BlockingIOError, TimeoutError) as exc:  # so many wait already that the system lets nobody else wait
        line.close()
        raise Silent from exc
    except OSError:
        line.close()
        return None
    return line


def close(held: list[Held]) -> None:
    """Let go of the agent's line. Never raises."""
    for key in held[:1]:
        with contextlib.suppress(Exception):
            key.asked._close()

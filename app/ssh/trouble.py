"""What the network, paramiko and an SSH server say, in words for the person: the one table at this border."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import paramiko

from app.errors import Cancelled, JobError, Transient
from app.ssh.prompts import expired, says_expired
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

T = TypeVar("T")
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)
AGAIN = "It is tried again; see whether this computer is online."

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else its errors are printed on stderr
logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it logs tracebacks of what is handled here


@contextlib.contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise `JobError` or `Transient` for what goes wrong with the connection to *where*."""
    try:
        yield
    except (JobError, Cancelled):
        raise
    except (OSError, EOFError, paramiko.SSHException) as exc:
        raise in_words(exc, where) from exc


def in_words(exc: BaseException, where: str) -> JobError:
    """The error for the person that *exc*, met while talking to *where*, stands for."""
    if isinstance(exc, paramiko.ssh_exception.IncompatiblePeer):
        text = f"{where} and this program know no common way of secure SSH ({_short(exc)})."
        return JobError(text, "Ask for an update of its SSH server (OpenSSH), or use another way.", topic="old-server")
    if isinstance(exc, paramiko.AuthenticationException):
        return refused_login(where)
    if isinstance(exc, paramiko.ChannelException):
        return JobError(f"{where} does not allow this kind of session ({exc.text}).", "Ask its administrator.")
    if isinstance(exc, socket.gaierror):
        return Transient(f"The name of {where} is not known on the network here.", "Check the name. " + AGAIN)
    if isinstance(exc, ConnectionRefusedError):
        return Transient(f"{where} refuses the connection.", "Is its port right, and is its SSH server running?")
    if isinstance(exc, ConnectionError | EOFError):
        return Transient(f"The connection to {where} was cut.", AGAIN)
    if isinstance(exc, TimeoutError):
        return Transient(f"{where} does not answer.", "Is a firewall in the way? " + AGAIN)
    if isinstance(exc, OSError) and exc.errno in _UNREACHABLE:
        return Transient(f"{where} cannot be reached from here.", "Is a VPN needed? " + AGAIN)
    if "banner" in str(exc) or "protocol version" in str(exc):
        remedy = "Is the port right (mostly 22)? After many failed logins some servers shut you out for a while."
        return Transient(f"{where} does not answer like an SSH server.", remedy)
    return Transient(f"The connection to {where} broke ({_short(exc)}).", AGAIN)


def refused_login(where: str, why: str = "", more: str = "") -> JobError:
    """No key that we have and no password that it takes; *more*: sentences on what may be the reason."""
    text = f"{where} did not let you in{why}. {more}".rstrip()
    remedy = "Check the user's name; put your key into ~/.ssh or your agent, and its .pub at the server."
    return JobError(text, remedy, means="Nothing was changed.", topic="login")


def no_shell(where: str, said: bytes) -> JobError:
    """A login that runs something else, or nothing, instead of our commands; *said* is what it wrote."""
    words = plain(said.decode(errors="replace"))[-200:]
    if says_expired(words):
        return expired(where, words)
    return JobError(
        f"{where} runs no commands for this login{f'; it says: “{words}”' if words else ''}.",
        "Use a login with an ordinary shell there (not a menu, not SFTP only), whose password has not expired.",
        topic="sandbox",
    )


def patiently(ctx: Context, act: Callable[[], T], abandon: Callable[[], object] = lambda: None) -> T:
    """*act*() in a thread of its own, so that a cancelled job need not wait for it; *abandon*() makes it end."""
    done, results, errors = threading.Event(), list[T](), list[BaseException]()

    def work() -> None:
        try:
            results.append(act())
        except BaseException as exc:  # noqa: BLE001 - raised again below, in the thread that waits
            errors.append(exc)
        finally:
            done.set()

    ctx.stop_if_cancelled()
    threading.Thread(target=work, daemon=True, name="ssh login").start()
    while not done.wait(0.05):
        if ctx.cancel.is_set():
            abandon()
            raise Cancelled
    if errors:
        raise errors[0]
    return results[0]


def _short(exc: BaseException) -> str:
    return str(exc).strip() or type(exc).__name__

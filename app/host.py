"""What differs from one computer to the next: folders, locks, processes, sleep, where tools lie.

Linux is what has been tried; the Windows and macOS branches follow the systems' documents.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs
from filelock import FileLock, Timeout

from app.errors import JobError

SYSTEM: str = sys.platform
WINDOWS = sys.platform == "win32"
log = logging.getLogger(__name__)

_PLACES = {
    "win32": (r"C:\Program Files\qemu", r"C:\Program Files (x86)\qemu"),
    "darwin": ("/opt/homebrew/bin", "/usr/local/bin"),
}
_PACKAGES = {
    "qemu-img": ("qemu-utils", "qemu", "QEMU for Windows (qemu.weilnetz.de)"),
    "qemu-system-x86_64": ("qemu-system-x86", "qemu", "QEMU for Windows (qemu.weilnetz.de)"),
}


def data_home() -> Path:
    """The folder of this program's own data (`SANDHOPPER_HOME`, else the system's place for it)."""
    chosen = os.environ.get("SANDHOPPER_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("sandhopper", appauthor=False))


def jobs_home() -> Path:
    """The folder that holds one folder a job."""
    return data_home() / "jobs"


def private_folder(path: Path) -> Path:
    """Make *path* (and what is above it), readable by this person only, and return it."""
    path.mkdir(parents=True, exist_ok=True)
    if not WINDOWS:
        with contextlib.suppress(PermissionError):
            path.chmod(0o700)
    return path


def write_whole(path: Path, data: bytes) -> None:
    """Replace *path* by *data* in one step: a reader sees the old bytes or the new ones, nothing between."""
    part = path.with_name(path.name + ".new")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable against a power cut, where the system has that (POSIX fsync(2))."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network drives cannot
                os.fsync(handle)
        finally:
            os.close(handle)


def write_all(file: BinaryIO, block: bytes) -> None:
    """Write the whole *block*: an unbuffered file may take a part of it only, e.g. when the disk is filling up."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def free_space(folder: Path) -> int:
    """Bytes that this person may still write where *folder* is (or will be)."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def filesystem(folder: Path) -> str:
    """The kind of file system of *folder*, in lower case (`ext4`, `vfat`, `fat32` …); empty where that is not told."""
    if WINDOWS:
        import ctypes

        kind = ctypes.create_unicode_buffer(64)
        root = ctypes.c_wchar_p(folder.resolve().anchor)
        windll: Any = getattr(ctypes, "windll", None)
        told = windll.kernel32.GetVolumeInformationW(root, None, 0, None, None, None, kind, len(kind))
        return kind.value.lower() if told else ""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    here, found = folder.resolve(), (0, "")
    for _, mount, kind_here, *_ in (line.split() for line in lines):
        place = Path(mount.encode().decode("unicode_escape"))  # proc(5): spaces are written as \040
        if here.is_relative_to(place):
            found = max(found, (len(place.parts), kind_here), key=lambda f: f[0])
    return found[1].lower()


@contextlib.contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold *lock* (released by the system when the process ends); `JobError` when another holds it."""
    try:
        with FileLock(lock, timeout=0.5):  # somebody who only looks (`is_held`) is gone at once
            yield
    except Timeout as exc:
        raise JobError(
            "This export is already running in another window or terminal.",
            "Go on there, or close it there first.",
            means="Nothing was changed by this attempt.",
            topic="locked",
        ) from exc


def is_held(lock: Path) -> bool:
    """Whether somebody holds *lock* just now."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # e.g. another person's folder: not ours to run
        return False


def find_tool(name: str) -> str | None:
    """The path of a program such as `qemu-img`: beside this program, on the PATH, or where the system puts it."""
    beside = Path(sys.executable).parent
    places = [str(beside / "qemu"), str(beside), *_PLACES.get(sys.platform, ())]
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(places))


def need_tool(name: str) -> str:
    """As `find_tool`, or a `JobError` that says what to install here."""
    found = find_tool(name)
    if found:
        return found
    debian, mac, windows = _PACKAGES.get(name, (name, name, name))
    how = {"win32": f"Install {windows}.", "darwin": f"Run: brew install {mac}"}
    remedy = how.get(sys.platform, f"Run: sudo apt install {debian}  (or your system's package of {name})")
    raise JobError(f"This computer has no {name}.", remedy, topic="tools")


def start(command: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own that ends with us even when we are killed (Linux)."""
    if WINDOWS:
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined,unused-ignore]
        return subprocess.Popen(command, creationflags=flags, **kwargs)
    keeper = shutil.which("setpriv") if sys.platform.startswith("linux") else None
    if keeper:  # util-linux ≥ 2.33; prctl(2) PR_SET_PDEATHSIG
        command = [keeper, "--pdeathsig", "KILL", *command]
    return subprocess.Popen(command, start_new_session=True, **kwargs)


def end(process: subprocess.Popen[bytes], patience: float = 3.0) -> None:
    """End a program that `start` began: ask, wait *patience* seconds, then insist."""
    for ask in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.terminate() if WINDOWS else os.killpg(process.pid, ask)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    if process.poll() is None:
        process.kill()
        process.wait()


def accelerator() -> str:
    """QEMU's name for this system's hardware help that may be tried, empty where there is none."""
    name = {"linux": "kvm", "darwin": "hvf", "win32": "whpx"}.get(sys.platform, "")
    return "" if name == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK) else name


def unacknowledged(sock: socket.socket) -> int | None:
    """Bytes handed to the system that the far side has not acknowledged yet; None where it does not say."""
    if SYSTEM == "linux":
        import fcntl
        import termios

        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0])  # tcp(7)
    if SYSTEM == "darwin":
        return sock.getsockopt(socket.SOL_SOCKET, 0x1024)  # SO_NWRITE, <sys/socket.h>
    return None


def held_back(sock: socket.socket) -> tuple[float, float] | None:
    """Seconds that a connection was busy sending, and those of them in which the far side's system took no more.

    Linux 4.10 and later (`struct tcp_info` in <linux/tcp.h>: tcpi_busy_time, tcpi_rwnd_limited); None elsewhere.
    """
    if SYSTEM != "linux":
        return None
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    if len(told) < 184:
        return None
    busy, by_receiver = struct.unpack_from("QQ", told, 168)
    return busy / 1e6, by_receiver / 1e6


def way_to(address: str) -> str:
    """This computer's own address on the way to the IP *address*; empty when there is no way. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))  # UDP's connect only looks up the route (udp(7))
            return str(sock.getsockname()[0])
    except OSError:
        return ""


@contextlib.contextmanager
def kept_awake() -> Iterator[bool]:
    """Keep the computer from sleeping; yields whether that worked. A closed lid still sleeps."""
    from wakepy import keep

    with contextlib.ExitStack() as stack:
        awake = False
        try:
            awake = bool(stack.enter_context(keep.running(on_fail="pass")).active)
        except Exception:  # the desktop's own trouble must never stop an export
            log.warning("sleep could not be inhibited", exc_info=True)
        yield awake

"""Whether disks can be opened here, and opening one: the machine of libguestfs around a `Guest`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from app import host
from app.context import Context
from app.disk import machine
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused, Shell
from app.errors import JobError

__all__ = ["Guest", "Refused", "available", "opened", "sweep", "why_not", "xfs_why_not"]

TOOL = "guestfish"
SCRATCH = ".guest-"
LAUNCH = 600.0  # seconds; the first start here also puts the machine together
APPLIANCE = 512 << 20  # bytes that libguestfs keeps of its machine in /var/tmp
INSTALL = "Run: sudo apt install libguestfs-tools  (or your system's package of guestfish)"


def available() -> bool:
    """Whether disks can be opened and changed here, as far as that can be told without trying."""
    return not why_not()[0]


@cache
def why_not() -> tuple[str, str]:
    """Why disks cannot be changed here and what to do about it, in sentences; empty when they can."""
    if not host.SYSTEM.startswith("linux"):
        return (
            "The program that changes disks (libguestfs) exists for Linux only.",
            "Do the export on a Linux computer.",
        )
    if not host.find_tool(TOOL):
        return "This computer has no libguestfs, the program that changes disks.", INSTALL
    if os.environ.get("LIBGUESTFS_PATH") or _kernels():
        return _no_room()
    if any(Path("/boot").glob("vmlinu*")):
        remedy = (
            "Run: sudo chmod a+r /boot/vmlinuz-*  (Ubuntu lets only its administrator read them; libguestfs needs it)"
        )
        return "libguestfs may not read this computer's own kernel.", remedy
    remedy = "Run: sudo apt install linux-image-cloud-amd64  (on Ubuntu: linux-image-kvm)"
    return "This computer has no kernel of its own that libguestfs could start its machine with.", remedy


def xfs_why_not() -> tuple[str, str]:
    """The same for making an XFS bigger, which wants programs that some systems pack apart; empty where not known."""
    if not (known := _packages()) or "xfsprogs" in known:
        return "", ""
    return "This computer's libguestfs has no programs for XFS.", "Run: sudo apt install libguestfs-xfs"


@cache
def _packages() -> frozenset[str]:
    """What libguestfs puts into its machine (supermin(1)); empty where its lists are not found."""
    lists = [
        file for lib in ("lib", "lib64", "lib/*") for file in Path("/usr").glob(f"{lib}/guestfs/supermin.d/*packages*")
    ]
    return frozenset(word for file in lists for word in file.read_text(errors="replace").split())


def _kernels() -> list[Path]:
    """Kernels that supermin(1) can use: readable, with their modules."""
    named = os.environ.get("SUPERMIN_KERNEL")
    found = (
        [Path(named)]
        if named
        else list(Path("/boot").glob("vmlinu[xz]-*")) + list(Path("/lib/modules").glob("*/vmlinuz"))
    )
    versions = {path.name for path in Path("/lib/modules").glob("*") if path.is_dir()}
    return [
        f
        for f in found
        if os.access(f, os.R_OK) and (named or f.parent.name in versions or f.name.partition("-")[2] in versions)
    ]


def _no_room() -> tuple[str, str]:
    folder = Path(os.environ.get("LIBGUESTFS_CACHEDIR") or os.environ.get("TMPDIR") or "/var/tmp")  # noqa: S108
    if (folder / f".guestfs-{os.getuid()}" / "appliance.d" / "root").exists() or host.free_space(folder) > APPLIANCE:
        return "", ""
    return f"libguestfs needs 512 MB in {folder} for its machine, and there is less.", "Make room there."


@contextlib.contextmanager
def opened(
    image: Path,
    ctx: Context,
    *,
    format_: str = "qcow2",
    write: bool = False,
    others: Sequence[tuple[Path, str]] = (),
) -> Iterator[Guest]:
    """The disk *image*, in a running machine of libguestfs; with *write* what is changed lands in it.

    *others*: more disks and their formats, which are only read.

    Raises `JobError` in words. Leaving the block normally closes the disk cleanly; leaving it by an exception ends
    the machine at once, and what it was writing to is then worth nothing.
    """
    accels = ["kvm", "tcg"] if _kvm_works(ctx) else ["tcg"]
    with contextlib.ExitStack() as stack:
        for accel in accels:
            ctx.begin("open-guest")
            try:
                guest = stack.enter_context(_launched(image, format_, accel, ctx, write=write, others=others))
                break
            except Refused as exc:
                if accel == accels[-1]:
                    raise _no_start(exc) from exc
                stack.close()
        yield guest
        guest.close()


_tried: list[bool] = []
_TRIAL_SECONDS = 8.0


def _kvm_works(ctx: Context) -> bool:
    """Whether a real kernel gets to its end with KVM here: a half-working KVM runs small code and hangs kernels."""
    if not _tried:
        _tried.append(machine.best_accel(ctx) == "kvm" and any(_boots(kernel, ctx) for kernel in _kernels()[:1]))
    return _tried[0]


def _boots(kernel: Path, ctx: Context) -> bool:
    """Start *kernel* without any disk: where all is well it says so much, panics, and the machine ends."""
    with tempfile.TemporaryDirectory(dir=ctx.work, prefix=SCRATCH, ignore_cleanup_errors=True) as name:
        said = Path(name) / "serial"
        command = ["-nodefaults", "-no-user-config", "-accel", "kvm", "-cpu", "host", "-m", "256", "-display", "none"]
        command += ["-no-reboot", "-chardev", "file,id=serial,path=serial", "-serial", "chardev:serial"]
        command += ["-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": name}
        with ctx.program(host.need_tool(machine.TOOL), *command, **pipes) as process:
            for _ in range(int(_TRIAL_SECONDS * 5)):
                ctx.sleep(0.2)
                if process.poll() is not None:
                    return said.exists() and b"Kernel panic" in said.read_bytes()
    return False


@contextlib.contextmanager
def _launched(
    image: Path, format_: str, accel: str, ctx: Context, *, write: bool, others: Sequence[tuple[Path, str]] = ()
) -> Iterator[Guest]:
    with tempfile.TemporaryDirectory(dir=ctx.work, prefix=SCRATCH, ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        errors = scratch / "errors"
        with errors.open("wb") as log:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            with ctx.program(host.need_tool(TOOL), "--no-progress-bars", **pipes, env=_environment(accel)) as process:
                shell = Shell(process, errors, ctx)
                how = ("discard:besteffort", "cachemode:unsafe") if write else ("readonly:true",)
                shell("add-drive", str(image.absolute()), f"format:{format_}", *how)
                for other, form in others:
                    shell("add-drive", str(other.absolute()), f"format:{form}", "readonly:true")
                shell("run", patience=LAUNCH)
                yield Guest(shell, scratch)


def _environment(accel: str) -> dict[str, str]:
    """This person's environment without what would change libguestfs; no libvirt, no hardware that hangs."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LIBGUESTFS_", "GUESTFISH_", "LC_", "LANG"))}
    for name in ("LIBGUESTFS_CACHEDIR", "LIBGUESTFS_TMPDIR", "LIBGUESTFS_PATH"):
        if name in os.environ:
            kept[name] = os.environ[name]
    settings = {"LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"} if accel == "tcg" else {}
    return {**kept, "LC_ALL": "C", "LIBGUESTFS_BACKEND": "direct", **settings}


def _no_start(exc: Refused) -> JobError:
    return JobError(
        f"The small machine that opens the copy did not start: {exc.message}",
        "Run libguestfs-test-tool in a terminal to see why; or do the export on another computer.",
        means="The copy was not changed. The fetched disk is kept.",
        topic="adapt",
    )


def sweep(work: Path) -> None:
    """Remove what machines that were killed have left in *work*."""
    for left in work.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)

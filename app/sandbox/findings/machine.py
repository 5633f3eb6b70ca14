"""What kind of machine it is, and in what state."""

from __future__ import annotations

from collections.abc import Iterator

from app.context import Finding
from app.sandbox.findings.words import some
from app.sandbox.look import Seen

INTEL = ("x86_64", "amd64")
INTEL_32 = ("i686", "i586", "i486", "i386")
LONG_UP = 180  # days after which nobody remembers whether it starts
FAMILIES = {
    "debian": ("debian", "ubuntu"),
    "rhel": ("rhel", "centos", "fedora", "rocky", "almalinux", "ol", "scientific", "amzn"),
    "suse": ("suse", "sles", "opensuse"),
    "alpine": ("alpine",),
    "arch": ("arch",),
}
IN_WORDS = {
    "look_boot": "its start-up files", "look_disks": "its disks", "look_network": "its network",
    "look_software": "its programs", "look_system": "the system", "look_rubbish": "what could be deleted",
    "look_places": "its mounts", "look_hidden": "what is hidden below the mounts",
}  # fmt: skip


def findings(seen: Seen) -> Iterator[Finding]:
    """System, rights, processor, state."""
    yield from _system(seen)
    yield from _rights(seen)
    yield from _processor(seen)
    yield from _state(seen)
    if late := seen.late:
        text = f"It took too long to look at {some([IN_WORDS.get(name, name) for name in late])}."
        remedy = "A disk or network folder may hang there. Repair it, then check again."
        yield Finding("care", "Not everything could be looked at.", text, remedy, "slow-sandbox", {"late": late})


def family(seen: Seen) -> str:
    """The family of systems it belongs to, or empty when that is not known."""
    named = f"{seen.named.get('ID', '')} {seen.named.get('ID_LIKE', '')}".lower().replace("-", " ").split()
    named += [word for line in seen.words("release") for word in line.lower().split()]
    return next((name for name, ids in FAMILIES.items() if set(ids) & set(named)), "")


def _system(seen: Seen) -> Iterator[Finding]:
    known = family(seen)
    facts = {"os": seen.os, "family": known, "kernel": seen.text("kernel")}
    if not seen.os:
        text = "It does not say what it is; nothing was guessed."
        yield Finding("care", "The sandbox's system is unknown.", text, "", "unknown-system", facts)
    elif not known:
        title = f"The sandbox runs {seen.os}, which this program does not know."
        text = "Its disk is copied all the same; repairs in the copy may not work."
        yield Finding("care", title, text, "Look at the test start with care.", "unknown-system", facts)
    else:
        title = f"The sandbox {seen.text('hostname')} runs {seen.os} ({seen.text('kernel')})."
        yield Finding("ok", title, facts=facts)


def _rights(seen: Seen) -> Iterator[Finding]:
    if seen.text("user") != "0":
        yield Finding(
            "stop",
            "This login is not the sandbox's administrator.",
            "Its disks cannot be copied completely without that.",
            "Use the login “root”, or one that may use sudo.",
            "sudo",
        )
    tools = seen.words("shell_tools")
    if "rsync" not in tools and "gnu-cp" not in tools:
        title, text = "The sandbox has no rsync.", "Its cp(1) is not GNU's, so data disks cannot be copied without it."
        yield Finding("stop", title, text, "Install the package rsync on the sandbox.", "rsync")


def _processor(seen: Seen) -> Iterator[Finding]:
    kind = seen.text("architecture")
    facts = {"architecture": kind}
    if kind in INTEL_32:
        text = "Some clouds take 64-bit systems only."
        yield Finding("care", "The sandbox runs a 32-bit system.", text, "Ask the target.", "architecture", facts)
    elif kind not in INTEL:
        yield Finding(
            "care",
            f"The sandbox's processor is of the kind {kind or '(not told)'}.",
            "It cannot be tried here whether its copy boots, and the target must have the same kind.",
            "Ask the target which processors it has.",
            "architecture",
            facts,
        )


def _state(seen: Seen) -> Iterator[Finding]:
    if "kernel-gone" in seen.words("pending"):
        title = "The kernel that runs now has been removed from the disk."
        text = f"The copy starts another one than {seen.text('kernel')}, which has not been tried yet."
        yield Finding("care", title, text, "Restart the sandbox once before the export.", "restart")
    elif seen.words("pending"):
        text = "Updates wait for it; the copy starts with them."
        yield Finding("care", "The sandbox wants to be restarted.", text, "Restart it before the export.", "restart")
    up = int(seen.text("uptime")) // 86400 if seen.text("uptime").isdigit() else 0
    if up >= LONG_UP:
        text = "Whether it still starts has not been tried for that long; the test start of the copy shows it."
        yield Finding("care", f"The sandbox has been up for {up} days.", text, "", "restart", {"days": up})
    if troubles := seen.words("troubles"):
        text = "What is damaged on the disk is damaged in the copy as well."
        remedy = "Have its file systems checked (fsck), then check again."
        yield Finding("care", "The sandbox's disks had errors.", text, remedy, "disk-errors", {"said": troubles[:10]})
    if hardware := seen.words("hardware"):
        kinds = sorted({"a graphics card" if line.startswith("gpu") else "InfiniBand" for line in hardware})
        text = "What needs it works in the copy only where the target has the same."
        yield Finding("care", f"The sandbox uses {some(kinds)}.", text, "", "hardware", {"hardware": hardware})

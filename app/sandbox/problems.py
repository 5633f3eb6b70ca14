"""What our scripts on the sandbox say when they stop, as errors for a person. One table, at the border."""

from __future__ import annotations

from app.errors import JobError, Transient
from app.units import size

SAFE = "Your data is as it was; a copy that was begun is taken away again by restore."
_TABLE: dict[str, tuple[str, str]] = {
    "not-root": ("This login is not the sandbox's administrator.", "Use “root”, or a login that may use sudo."),
    "readonly": (
        "Nothing can be written on the sandbox's root disk.",
        "Look at it there (it may be full, or read-only after a disk error), then try again.",
    ),
    "open": ("The sandbox is still prepared for another export ({0}).", "Put it back first: sandhopper restore HOST"),
    "version": (
        "The sandbox was prepared by a newer Sandhopper.",
        "Use that one to put it back.",
    ),
    "read-only": (
        "The sandbox's root disk is read-only, so nothing can be put back yet; nothing was changed now.",
        "This comes from a disk error most of the time: look there (dmesg), repair or restart it, then restore again.",
    ),
    "tampered": (
        "Somebody has put links into {0}, where Sandhopper keeps its notes. Nothing was changed.",
        "Look at it on the sandbox (ls -l {0}), take the links away, then restore again.",
    ),
    "protected": (
        "The folder below {0} is protected (chattr +i), and that cannot be lifted.",
        "Look at it on the sandbox (lsattr), or leave this data disk out.",
    ),
    "stuck": (
        "Something on the sandbox does not end or cannot be removed: {0}",
        "Restart the sandbox, then try again.",
    ),
    "view": ("The sandbox does not let the folder below a mount be seen.", "Check that this login may mount there."),
    "elsewhere": (
        "{0} does not lie on the root disk as it must. Nothing was written or deleted there.",
        "Look at what is mounted there, then try again.",
    ),
    "occupied": (
        "The folder below {0} is not empty: files are hidden behind the mounted disk.",
        "Move them elsewhere first (they are seen after: mount --bind / /mnt).",
    ),
    "unmounted": ("The disk of {0} is not mounted.", "Mount it again, then go on."),
    "touched": (
        "The copy below {0} has been written to by somebody else.",
        "Put the sandbox back first (sandhopper restore HOST): what was written is kept. Then start again.",
    ),
    "full": (
        "The sandbox's root disk was filling up, so the copy was stopped.",
        "Free some space there, or leave a data disk out.",
    ),
    "no-space": (
        "The sandbox's root disk is full to the last byte, so not everything could be put back yet.",
        "Free some space there, then restore again.",
    ),
    "norsync": ("The sandbox has neither rsync nor GNU cp.", "Install the package rsync on the sandbox."),
    "copy": ("A data disk could not be copied completely: {0}", "Look at the details, repair it, and try again."),
    "fstab": ("{0} on the sandbox cannot be changed.", "Check that it is not protected (lsattr {0})."),
    "below": (
        "{0} is mounted inside the copy that is to be taken away again. Nothing was changed.",
        "Unmount it on the sandbox (umount {0}), restore again, and mount it again then (mount -a).",
    ),
    "kept": ("What was written into the folder below {0} could not be kept.", "Free some space, then restore again."),
    "vault-away": (
        "The disk at {0} holds secrets that were put aside, and it is not mounted.",
        "If this is the sandbox, mount it again (mount {0}) and restore again. In an exported copy all is well.",
    ),
    "no-vault": (
        "The sandbox has no other disk with room that secrets could be put aside to.",
        "Install libguestfs-tools on this computer, or keep the secrets.",
    ),
    "secret-open": (
        "{0} is in use by a running program, so it cannot be put aside.",
        "End that program, or keep the secret (--secret {0}=keep).",
    ),
    "secret-place": (
        "{0} cannot be put aside: a link leads there, or another disk. Nothing was changed.",
        "Keep it (--secret {0}=keep), or install libguestfs-tools on this computer.",
    ),
    "secret-kind": ("{0} is no ordinary file, so it cannot be put aside.", "Keep it: --secret {0}=keep"),
    "secret-big": ("{0} is too big to be put aside.", "Keep it (--secret {0}=keep), or move it to a data disk."),
    "secret-old": (
        "{0} lies on a file system that keeps old contents (btrfs, ZFS), so putting it aside would not hide it.",
        "Install libguestfs-tools on this computer, or keep it (--secret {0}=keep).",
    ),
    "secret-copy": (
        "{0} could not be written on the sandbox. What was put aside lies safe on the data disk.",
        "Look whether a disk there is full or read-only, then restore again.",
    ),
    "unmerged": ("The merged copy on the sandbox is not there any more.", "Start again."),
    "away": (
        "The disk of {0} is not attached to this machine, so nothing was changed here.",
        "If this is the exported copy, all is well. If it is the sandbox, attach the disk again and restore again.",
    ),
}


def problem(words: str) -> JobError:
    """The error for what a script said after “problem”."""
    word, _, rest = words.partition(" ")
    if word == "room":
        return _room(*(int(n) for n in rest.split()[:2]))
    if word == "inodes":
        many, left = (int(n) for n in rest.split()[:2])
        what = f"The root disk cannot hold so many files: {many:,} to merge, room for {left:,}."
        return JobError(what, "Delete files that are not needed, or leave a data disk out.", means=SAFE, topic="space")
    if word == "busy":
        return Transient("Another Sandhopper is just talking to this sandbox.", "It is tried again.", means=SAFE)
    if word == "fstab-changed":
        what = f"{rest.strip() or '/etc/fstab'} on the sandbox was changed by somebody just now."
        return Transient(what, "Try again.", means=SAFE)
    if word == "secret-changed":
        return Transient(f"{rest.strip()} on the sandbox was changed just now.", "It is tried again.", means=SAFE)
    what, remedy = _TABLE.get(word, ("The work on the sandbox stopped: {0}", "Look at the details, then try again."))
    about = rest.strip() if word in _TABLE else words
    return JobError(what.format(about), remedy.format(about), means=SAFE, topic="sandbox")


def _room(want: int, free: int) -> JobError:
    what = f"The data does not fit into the root disk: {size((want - free) * 1024)} short."
    remedy = "Free space on the root disk, leave a data disk out, or give the sandbox a bigger root disk."
    return JobError(what, remedy, means=SAFE, topic="space")

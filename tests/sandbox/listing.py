# Names that are no text need bytes, which Path does not take.
# ruff: noqa: PTH114, PTH115, PTH118, PTH123
"""listing.py FOLDER …: everything about every file below it, on its file system, as JSON. Runs inside the machines.

`--root` lists the root file system as a second mount of it would show it, in a mount namespace of its own. Of one
folder it is one listing, of several a list of them.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys


def told(path: bytes, here: os.stat_result) -> dict[str, object]:
    kind = stat.S_IFMT(here.st_mode)
    fact: dict[str, object] = {"mode": oct(here.st_mode), "owner": (here.st_uid, here.st_gid), "time": here.st_mtime_ns}
    fact["xattr"] = {
        name: os.getxattr(path, name, follow_symlinks=False).hex()
        for name in sorted(os.listxattr(path, follow_symlinks=False))
    }
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            fact["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        fact["size"] = here.st_size
        fact["holes"] = here.st_size - here.st_blocks * 512 > 1 << 20
    if kind == stat.S_IFLNK:
        fact["target"] = os.readlink(path).decode(errors="backslashreplace")
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        fact["device"] = here.st_rdev
    return fact


def listed(top: bytes) -> dict[str, object]:
    found: dict[str, object] = {}
    same: dict[int, list[str]] = {}
    device = os.lstat(top).st_dev
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if os.lstat(os.path.join(folder, f)).st_dev == device)
        for path in [
            folder,
            *(
                os.path.join(folder, f)
                for f in [*files, *(d for d in folders if os.path.islink(os.path.join(folder, d)))]
            ),
        ]:
            here = os.lstat(path)
            name = os.path.relpath(path, top).decode(errors="backslashreplace")
            found[name] = told(path, here)
            if here.st_nlink > 1 and not stat.S_ISDIR(here.st_mode):
                same.setdefault(here.st_ino, []).append(name)
    for names in same.values():
        for name in names:
            found[name]["links"] = sorted(names)  # type: ignore[index]
    return found


def alone() -> bytes:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000):  # CLONE_NEWNS, unshare(2)
        raise OSError(ctypes.get_errno(), "unshare")
    for options in (["--make-rprivate", "/"], ["--bind", "/", "/mnt"]):
        subprocess.run(["mount", *options], check=True)
    return b"/mnt"


all_of_them = [listed(alone() if name == "--root" else os.fsencode(name)) for name in sys.argv[1:]]
json.dump(all_of_them if len(all_of_them) > 1 else all_of_them[0], sys.stdout)

# Names that are no text need bytes, which Path does not take.
# ruff: noqa: PTH101, PTH103, PTH118, PTH120, PTH123, PTH211
"""tree.py FOLDER SEED: what a developer's data disk may hold and a copy may lose. Runs inside machines and guests."""

import os
import random
import socket
import stat
import struct
import sys

top, dice = os.fsencode(sys.argv[1]), random.Random(int(sys.argv[2]))
os.umask(0o022)


def at(*parts: bytes) -> bytes:
    path = os.path.join(top, *parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def file(data: bytes, *parts: bytes, mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> bytes:
    path = at(*parts)
    with open(path, "wb") as out:
        out.write(data)
    os.chown(path, *owner)
    os.chmod(path, mode)
    return path


for n in range(150):
    file(dice.randbytes(dice.randrange(6000)), b"src", b"pkg%d" % (n % 7), b"mod%d.py" % n, owner=(1000, 1000))
for n in range(3):
    file(dice.randbytes(dice.randrange(1 << 20, 3 << 20)), b"data", b"run%d.bin" % n)

with open(at(b"data", b"sparse.img"), "wb") as out:
    for offset in (0, 9 << 20, 18 << 20):
        out.seek(offset)
        out.write(dice.randbytes(65536))
    out.truncate(24 << 20)

one = file(b"one inode, three names\n", b"links", b"a")
os.link(one, at(b"links", b"b"))
os.link(one, at(b"elsewhere", b"c"))
for name, goal in {
    b"rel": b"../src",
    b"dangling": b"/no/such",
    b"loop": b"loop",
    b"odd": b"new\nline",
    b"out": b"/etc/passwd",
}.items():
    os.symlink(goal, at(b"links", name))
os.lchown(at(b"links", b"rel"), 1000, 1000)

odd = [
    b"with space",
    b"trailing ",
    b" leading",
    b"tab\there",
    b"new\nline",
    b"-rf",
    b"--delete",
    b"*",
    b"quote\"'`$(x)",
]
odd += [
    b"back\\slash",
    b"\\012",
    b".hidden",
    "ünï-日本-😀".encode(),
    b"latin1-\xe9\xff",
    b"x" * 255,
    b"UPPER",
    b"upper",
    b"\x01",
]
for name in odd:
    file(b"content of " + name, b"odd names", name)
    file(b"in it", b"odd folders", name, b"f")

deep = [b"level-%02d-aaaaaaaaaaaaaaaa" % n for n in range(25)]
file(b"deep\n", *deep, b"bottom")
os.makedirs(at(b"empty", b"folder"))
file(b"", b"empty", b"file")

file(b"#!/bin/sh\n", b"modes", b"suid", mode=0o4755)
file(b"x", b"modes", b"sgid", mode=0o2755, owner=(0, 50))
file(b"secret", b"modes", b"none", mode=0)
file(b"u", b"modes", b"other", mode=0o640, owner=(12345, 23456))
for name, mode in ((b"sticky", 0o1777), (b"setgid", 0o2775), (b"private", 0o700)):
    os.makedirs(at(b"modes", name))
    os.chmod(at(b"modes", name), mode)

x = file(b"x\n", b"xattr", b"file")
os.setxattr(x, b"user.origin", b"sandbox \0bin")
os.setxattr(x, b"trusted.note", b"root only")
os.setxattr(x, b"user.big", dice.randbytes(2000))
acl = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, right, who)
    for tag, right, who in (
        (1, 6, 2**32 - 1),
        (2, 6, 12345),
        (4, 4, 2**32 - 1),
        (8, 4, 23456),
        (16, 6, 2**32 - 1),
        (32, 4, 2**32 - 1),
    )
)  # acl(5) as the kernel keeps it
os.setxattr(file(b"acl\n", b"acl", b"file"), b"system.posix_acl_access", acl)
os.setxattr(at(b"acl"), b"system.posix_acl_default", acl)
c = file(b"#!/bin/true\n", b"xattr", b"capable", mode=0o755)
os.setxattr(c, b"security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))

os.mkfifo(at(b"special", b"fifo"))
os.chdir(at(b"special"))
with socket.socket(socket.AF_UNIX) as s:
    s.bind(b"socket")
os.mknod(b"null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
os.chdir(b"/")

for name, when in ((b"old", 86400 * 10**9 + 123456789), (b"future", 4102444800 * 10**9 + 987654321)):
    os.utime(file(name, b"times", name), ns=(1, when))
for folder, _, _ in os.walk(top, topdown=False):
    if b"lost+found" not in folder and b"times" not in folder:
        os.utime(folder, ns=(1, 1600000000 * 10**9 + dice.randrange(10**9)))
os.chown(top, 1000, 1000)
os.chmod(top, 0o2775)

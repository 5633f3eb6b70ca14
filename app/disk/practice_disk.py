"""A small real disk that boots: an MBR whose code prints a prompt, and one partition with any content.

The practice cloud's machine and the tests of the boot test use it. Nothing in it is simulated: the BIOS
loads sector 0 to 0x7c00 and jumps there (the PC's boot protocol), and the code talks to the first serial
port (16550 at 0x3f8) and to the screen (BIOS interrupt 10h), as a boot loader does.
"""

from __future__ import annotations

import struct
from pathlib import Path

SECTOR = 512
START = 2048  # the partition's first sector: 1 MiB, as every partitioning tool of today begins
CODE_SPACE = 440  # bytes before the disk signature and the partition table
SIGNATURE = b"\x55\xaa"

_SET_UP = bytes.fromhex("fa 31c0 8ed8 8ec0 8ed0 bc007c fc fb")  # flat segments, a stack below us
_NEXT = bytes.fromhex("ac 84c0")  # lodsb; test al,al
_SCREEN = bytes.fromhex("50 b40e bb0700 cd10 58")  # int 10h, ah=0eh: write one letter
_SERIAL = bytes.fromhex("50 bafd03 ec a820 74fb 58 baf803 ee")  # wait until 0x3fd says empty, then write 0x3f8
_REST = bytes.fromhex("f4 ebfd")  # hlt for ever, which costs no processor time


def boot_code(text: str, *, serial: bool = True, screen: bool = True) -> bytes:
    """Boot sector code that writes *text* and then rests; raises `ValueError` if it does not fit."""
    write = (_SCREEN if screen else b"") + (_SERIAL if serial else b"")
    loop = _NEXT + bytes([0x74, len(write) + 2]) + write
    loop += bytes([0xEB, 256 - len(loop) - 2])
    begin = 0x7C00 + len(_SET_UP) + 3 + len(loop) + len(_REST)
    code = _SET_UP + b"\xbe" + struct.pack("<H", begin) + loop + _REST
    code += text.replace("\n", "\r\n").encode("ascii", "replace") + b"\0"
    if len(code) > CODE_SPACE:
        raise ValueError(f"the boot text is {len(code) - CODE_SPACE} bytes too long")
    return code


def write_disk(
    path: Path, size: int, payload: bytes, prompt: str = "practice login: ", *, serial: bool = True, screen: bool = True
) -> None:
    """Write a raw disk of *size* bytes to *path*: it boots to *prompt*, and its one partition begins with *payload*.

    The rest of the file is a hole. *serial* and *screen* say where the prompt is shown; an empty *prompt*
    makes a disk that boots and stays silent. Raises `ValueError` if *payload* does not fit.
    """
    sectors = size // SECTOR - START
    if size % SECTOR or len(payload) > sectors * SECTOR:
        raise ValueError("the disk must be whole sectors and hold its payload")
    code = boot_code(prompt, serial=serial, screen=screen)
    with path.open("wb") as file:
        file.write(code.ljust(CODE_SPACE, b"\0") + _partition_table(sectors))
        file.seek(START * SECTOR)
        file.write(payload)
        file.truncate(size)


def _partition_table(sectors: int) -> bytes:
    """Disk signature, one active Linux partition (type 83h), three empty entries, and the boot signature."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\x20\x21\x00", 0x83, b"\xfe\xff\xff", START, sectors)
    return struct.pack("<IH", 0x53616E64, 0) + entry + bytes(48) + SIGNATURE

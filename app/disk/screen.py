"""What a test machine shows on its screen: as text where it can be read, as a picture for the person."""

from __future__ import annotations

import contextlib
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from app.disk.qmp import Qmp
from app.errors import JobError

VGA_TEXT, VGA_SIZE, COLUMNS = 0xB8000, 0x8000, 80  # the text buffer of every PC's display (VGA)
TEXT_HEIGHTS = (400, 480)  # QEMU shows 80×25 letters as 640×400 or 720×400 dots
PIECE = 16 << 20
_GREY = 7  # attribute byte of ordinary letters in the Linux console's own buffer
_NEEDLES = ("login: ", "emergency mode", "(initramfs)", "Kernel panic", "dracut:/#", "for maintenance")


@dataclass(frozen=True)
class Shot:
    """One picture of the screen: dots as PPM (P6), and its letters if it is in text mode."""

    ppm: bytes
    text: str

    @property
    def mark(self) -> bytes:
        """Equal for equal pictures."""
        return hashlib.sha256(self.text.encode() if self.text else self.ppm).digest()


def take(qmp: Qmp, folder: Path) -> Shot:
    """Look at the screen now; *folder* is where QEMU runs."""
    qmp.call("screendump", filename="screen.ppm")
    ppm = (folder / "screen.ppm").read_bytes()
    width, height, _ = _shape(ppm)
    text = _vga_text(_memory(qmp, folder, VGA_TEXT, VGA_SIZE)) if width <= 720 and height in TEXT_HEIGHTS else ""
    return Shot(ppm, text)


def search_console(qmp: Qmp, folder: Path, megabytes: int) -> str:
    """The Linux console's text around anything that tells a verdict, found in the guest's memory.

    A console drawn with dots cannot be read from the screen, but the kernel keeps its letters as pairs of letter
    and colour (`vc_screenbuf`). Searched in pieces, so that no other thread has to wait.
    """
    needles = [b"".join(bytes((ord(letter), _GREY)) for letter in needle) for needle in _NEEDLES]
    found = []
    for start in range(0, megabytes << 20, PIECE):
        with contextlib.suppress(JobError):
            piece = _memory(qmp, folder, start, PIECE)
            for needle in needles:
                at = piece.rfind(needle)
                if at >= 0:
                    found.append(_around(piece, at, len(needle)))
    return "\n".join(found)


def png(ppm: bytes) -> bytes:
    """A PPM picture as PNG (RFC 2083): older QEMUs cannot write PNG themselves."""
    width, height, begin = _shape(ppm)
    row = width * 3
    rows = b"".join(b"\0" + ppm[begin + row * n : begin + row * (n + 1)] for n in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _shape(ppm: bytes) -> tuple[int, int, int]:
    """Width, height, and where the dots begin: `P6\\nWIDTH HEIGHT\\n255\\n`."""
    lines = ppm[:64].split(b"\n", 3)
    width, height = lines[1].split()
    return int(width), int(height), sum(len(line) + 1 for line in lines[:3])


def _memory(qmp: Qmp, folder: Path, start: int, count: int) -> bytes:
    file = folder / "memory"
    qmp.call("pmemsave", val=start, size=count, filename="memory")
    try:
        return file.read_bytes()
    finally:
        file.unlink(missing_ok=True)


def _vga_text(cells: bytes) -> str:
    letters = cells[::2].replace(b"\0", b" ").decode("cp437")
    rows = (letters[n : n + COLUMNS].rstrip() for n in range(0, len(letters), COLUMNS))
    return "\n".join(row for row in rows if row)


def _around(piece: bytes, at: int, length: int) -> str:
    """The letters of the lines before and behind a hit, as far as the pairs of letter and colour go on."""
    begin = at
    while begin >= 2 and at - begin < 4000 and 0x20 <= piece[begin - 2] < 0x7F and piece[begin - 1] < 0x80:
        begin -= 2
    letters = piece[begin : at + length + 160 : 2].decode("ascii", "replace")
    return "\n".join(part.strip() for part in letters.split("    ") if part.strip())

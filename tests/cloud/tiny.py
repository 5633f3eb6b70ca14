"""The smallest machine to take a snapshot of: it says a word on its serial line and writes to its disk for ever."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

WORD = "SANDHOPPER TINY"
NOISE_AT, NOISE = 2 << 20, random.Random(5).randbytes(8 << 20)
COUNTER = 2048  # the sector whose first four bytes grow
SIZE = 64 << 20
_BASE, _PRINT, _PACKET, _TEXT = 0x7C00, 0x60, 0x80, 0x90


def image(folder: Path, word: str = WORD) -> Path:
    """Make it: a qcow2 of 64 MiB with 8 MiB of noise, that says *word* (79 letters at the most)."""
    raw, made = folder / "tiny.raw", folder / "tiny.qcow2"
    with raw.open("wb") as file:
        file.write(boot_sector(word))
        file.truncate(SIZE)
        file.seek(NOISE_AT)
        file.write(NOISE)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(made)], check=True)
    raw.unlink()
    return made


def boot_sector(word: str) -> bytes:
    """What a PC loads at 0x7C00 and runs, in the machine's own words (real mode of the 8086)."""
    sector = bytearray(510)
    main = _main()
    sector[: len(main)] = main
    output = bytes.fromhex("88C4 BAFD03")  # print: mov ah, al; mov dx, 0x3FD   the state of the serial line
    output += bytes.fromhex("EC A820 74FB")  # wait: in al, dx; test al, 0x20; jz wait
    output += bytes.fromhex("B2F8 88E0 EE C3")  # mov dl, 0xF8; mov al, ah; out dx, al; ret
    sector[_PRINT : _PRINT + len(output)] = output
    # the packet of int 0x13, ah=0x43 (enhanced disk drive services): one sector from 0x8000 to COUNTER
    packet = bytes([16, 0, 1, 0]) + (0x8000).to_bytes(2, "little") + bytes(2) + COUNTER.to_bytes(8, "little")
    sector[_PACKET : _PACKET + 16] = packet
    text = f"{word}\r\n\0".encode()
    sector[_TEXT : _TEXT + len(text)] = text
    start, end = NOISE_AT // 512, SIZE // 512  # one partition, to be started from, of a Linux file system
    sector[446:462] = (
        bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + start.to_bytes(4, "little") + (end - start).to_bytes(4, "little")
    )
    return bytes(sector) + b"\x55\xaa"


def _main() -> bytes:
    code = bytearray.fromhex("31C0 8ED8 8EC0 8ED0 BC007C")  # xor ax, ax; ds, es, ss = ax; mov sp, 0x7C00
    code += bytes.fromhex("8816007E")  # mov [0x7E00], dl   the disk that this was read from
    code += b"\xbe" + (_BASE + _TEXT).to_bytes(2, "little")  # mov si, text
    code += bytes.fromhex("AC 84C0 7405")  # next: lodsb; test al, al; jz on
    code += _call(code, _PRINT) + bytes.fromhex("EBF6")  # call print; jmp next
    turn = len(code)
    code += bytes.fromhex("66FF060080")  # on: inc dword [0x8000]
    code += b"\xbe" + (_BASE + _PACKET).to_bytes(2, "little")  # mov si, packet
    code += bytes.fromhex("8A16007E B80043 CD13")  # mov dl, [0x7E00]; mov ax, 0x4300; int 0x13
    code += bytes.fromhex("31C9 BA204E B486 CD15")  # xor cx, cx; mov dx, 20000; mov ah, 0x86; int 0x15   20 ms
    code += bytes.fromhex("F60600803F 7505 B02E")  # test byte [0x8000], 0x3F; jnz over; mov al, '.'
    code += _call(code, _PRINT)  # call print
    return bytes(code) + b"\xeb" + (256 + turn - len(code) - 2).to_bytes(1, "little")  # over: jmp on


def _call(code: bytearray, to: int) -> bytes:
    return b"\xe8" + (to - len(code) - 3).to_bytes(2, "little", signed=True)


def count(raw: Path) -> int:
    """How often it has written, by a raw copy of its disk."""
    with raw.open("rb") as file:
        file.seek(COUNTER * 512)
        return int.from_bytes(file.read(4), "little")

"""Keeps Python's `True`, `False` and `None` alive.

PySide6 6.12 gives back a reference to `True` that it never took, each time a signal is emitted or
disconnected from Python: one reference fewer after each emit, measured with `sys.getrefcount`. `None` loses one
with each call of a method of Qt that returns nothing (`setText`, `processEvents`), and with others. Before Python 3.12
(PEP 683, immortal objects) the program then ends within minutes: "Fatal Python error: bool_dealloc".
"""

from __future__ import annotations

import ctypes
import sys

SPARE = 1 << 40  # references: more than a program can emit in a human life


def hold(value: object = True) -> bool:
    """Give *value* more references than it can run out of; False where that is not needed or cannot be done."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return False
    count = ctypes.c_ssize_t.from_address(id(value))  # ob_refcnt is the first field of an object (CPython 3.11)
    told = sys.getrefcount(value)
    if not 0 <= told - count.value <= 8 or told > SPARE:
        return False
    count.value += SPARE
    return sys.getrefcount(value) > SPARE

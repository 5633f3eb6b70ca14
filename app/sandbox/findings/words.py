"""Lists and counts in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], most: int = 4) -> str:
    """`a, b and 3 more`."""
    shown = list(dict.fromkeys(names))
    if len(shown) <= most:
        return ", ".join([*shown[:-2], " and ".join(shown[-2:])])
    return f"{', '.join(shown[:most])} and {len(shown) - most} more"


def count(number: int, one: str, many: str = "") -> str:
    """`1 kernel`, `3 kernels`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

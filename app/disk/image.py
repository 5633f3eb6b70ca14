"""Disk images in one place: what one is, and how to convert, compare and hash it. The source is only ever read."""

from app.disk.convert import Forecast, compare, convert, forecast, is_packed, sweep, whole_size
from app.disk.digest import sha256
from app.disk.info import Info, inspect

__all__ = [
    "Forecast",
    "Info",
    "compare",
    "convert",
    "forecast",
    "inspect",
    "is_packed",
    "sha256",
    "sweep",
    "whole_size",
]

"""Shows files, folders and pages with the system's own programs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def show_file(path: Path) -> bool:
    """Open *path* with what the system uses for it; False when it has nothing."""
    return QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

"""Draws every page with realistic content into PNG files: `python -m tests.ui.pictures FOLDER`.

Light and dark, at 100 % and 200 %, and on a small screen at 200 %: one process each, because Qt reads its scale
when it starts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE, SMALL = (1024, 700), (640, 360)  # SMALL: a screen of 1280 × 720 at 200 %
LOOKS = (("light", "1"), ("light", "2"), ("dark", "1"), ("dark", "2"), ("small", "2"))


def main(folder: Path) -> int:
    """Draw all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for look, scale in LOOKS:
        with tempfile.TemporaryDirectory() as home:
            env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": scale, "SANDHOPPER_HOME": home}
            command = [sys.executable, "-m", "tests.ui.pictures", str(folder), look, scale]
            subprocess.run(command, env=env, check=True)
    return 0


def draw(folder: Path, look: str, scale: str) -> None:
    """Draw all pages in one look and scale."""
    from PySide6.QtWidgets import QApplication

    from tests.ui import scenes
    from ui.look import Styler

    app = QApplication([])
    Styler(app)
    if look == "dark":
        app.setPalette(scenes.dark())
    for name, widget in scenes.scenes(SMALL if look == "small" else SIZE):
        for _ in range(12):
            app.processEvents()
        widget.grab().save(str(folder / f"{name}-{look}-{scale}00.png"))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        draw(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
        sys.stdout.flush()
        os._exit(0)  # the scenes leave half-shown dialogs behind; nothing of this process is kept
    sys.exit(main(Path(sys.argv[1])))

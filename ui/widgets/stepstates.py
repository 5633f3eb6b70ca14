"""The steps of an export and how each of them stands."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app import words
from ui.look import Drawing
from ui.story import STATES, Story
from ui.widgets.text import empty, label


class StepStates(QWidget):
    """One row a step: a drawing, its name, its state in words."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._grid.setHorizontalSpacing(10)
        self._rows: dict[str, tuple[Drawing, QLabel, QLabel]] = {}
        self._shown: dict[str, str] = {}

    def show_story(self, story: Story) -> None:
        """Show the steps of *story*; only what has changed is painted."""
        if list(self._rows) != story.steps:
            self._lay(story.steps)
        for step in story.steps:
            status = story.status(step)
            if self._shown.get(step) != status:
                self._shown[step] = status
                drawing, name, state = self._rows[step]
                said, picture, shade = STATES.get(status, (status, "todo", "quiet"))
                drawing.draw(picture, shade)
                state.setText(self.tr(said))
                name.setAccessibleName(f"{name.text()}: {state.text()}")

    def _lay(self, steps: list[str]) -> None:
        empty(self._grid)
        self._rows, self._shown = {}, {}
        for number, step in enumerate(steps):
            parts = (Drawing("todo", "quiet", 1.2), label(words.step_title(step)), label("", "quiet"))
            parts[2].setWordWrap(False)
            for column, part in enumerate(parts):
                self._grid.addWidget(part, number, column)
            self._rows[step] = parts

"""What is going on at this moment: one sentence, a bar, the speed."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout

from app import words
from ui.story import Story
from ui.widgets.bytebar import ByteBar
from ui.widgets.rategraph import RateGraph
from ui.widgets.text import add, label


class NowBox(QFrame):
    """Shows the part of the step that runs now."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.sentence = label("", "big")
        self.bar, self.graph = ByteBar(), RateGraph()
        self.remark = label()
        self.trying = label("", "care")
        inside = QVBoxLayout(self)
        inside.setContentsMargins(16, 12, 16, 12)
        add(inside, self.sentence, self.bar, self.remark, self.trying, self.graph)

    def say(self, sentence: str) -> None:
        """Show a sentence until the next event."""
        self.sentence.setText(sentence)

    def show_story(self, story: Story, mode: str) -> None:
        """Show how it stands."""
        self.sentence.setText(self._headline(story, mode))
        self.setVisible(bool(self.sentence.text()))
        self.bar.setVisible(story.running)
        graph = story.running and bool(story.total) and not story.unit
        if story.running:
            self.bar.show_bytes(story.done, story.total, story.unit, story.pace.pace() if graph else "")
        self.remark.setText(story.pace.remark() if graph else "")
        self.remark.setVisible(bool(self.remark.text()))
        self.graph.setVisible(graph and not story.pace.resting)
        if graph:
            self.graph.show_points(story.pace.meter.points, story.pace.rate)
        self.trying.setText(self._trying(story))
        self.trying.setVisible(bool(self.trying.text()))

    def _headline(self, story: Story, mode: str) -> str:
        if story.running:
            undoing = self.tr("Undoing: putting everything back …")
            return undoing if mode == "undo" else words.plain(story.sentence) or self.tr("Starting …")
        if not story.state.steps:
            return self.tr("Ready to start.")
        if story.steps and all(story.state.is_done(step) for step in story.steps):
            return self.tr("Everything is done.")
        if all(status == "undone" for status in story.state.steps.values()):
            return self.tr("Undone; nothing of it is left elsewhere.")
        if story.waits:
            return self.tr("It waits for you.")
        failed = [step for step, status in story.state.steps.items() if status == "failed"]
        if failed:
            return self.tr("Stopped at “{step}”.").format(step=words.step_title(failed[-1]))
        return self.tr("Paused. It goes on from the same place.")

    def _trying(self, story: Story) -> str:
        if not story.retries:
            return ""
        times = self.tr("The line was lost {n} times so far; nothing is sent twice.").format(n=story.retries)
        if story.retries == 1:
            times = self.tr("The line was lost once so far.")
        return f"{story.waiting}\n{times}" if story.waiting else times

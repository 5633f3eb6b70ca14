"""How an export stands, told from its events alone: reopening one and watching one live are the same."""

from __future__ import annotations

from dataclasses import dataclass, field

from app import words
from app.context import Event
from app.journal import STATUS, State
from app.progress import Progress

# what is said, the drawing, its shade
STATES = {
    "": ("to do", "todo", "quiet"),
    "started": ("going on", "now", "accent_text"),
    "done": ("done", "good", "good"),
    "waiting": ("waits for you", "paused", "care"),
    "failed": ("stopped by a trouble", "failed", "bad"),
    "cancelled": ("paused", "paused", "care"),
    "undone": ("taken back", "undone", "quiet"),
    "interrupted": ("interrupted", "paused", "care"),
}


@dataclass
class Story:
    """What the run page shows. *state* is the journal's, *running* whether a thread works on it now."""

    steps: list[str] = field(default_factory=list)
    state: State = field(default_factory=State)
    pace: Progress = field(default_factory=Progress)
    running: bool = False
    step: str = ""
    sentence: str = ""
    part: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    retries: int = 0
    waiting: str = ""
    log: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Move on by one event."""
        if event.step:
            self.step = event.step
        self.pace.take(event)
        getattr(self, f"_{event.kind}", self._other)(event)
        if event.kind in STATUS:
            self.state.take({"at": event.at, "step": event.step, "event": event.kind, "facts": event.facts})
        if event.kind not in ("tick", "phase", "planned"):
            self.log.append(words.say(event))
            del self.log[:-500]

    def status(self, step: str) -> str:
        """One of `STATES` for a step."""
        status = self.state.steps.get(step, "")
        if step == self.step and self.running and status != "done":
            return "started" if status == "started" else ("" if status == "undone" else status)
        if status == "failed" and step == self.waits:
            return "waiting"
        return "interrupted" if status == "started" and not self.running else status

    @property
    def waits(self) -> str:
        """The step that waits for something that the person does elsewhere; empty for none."""
        last = self.state.last
        waiting = last.get("event") == "failed" and last.get("facts", {}).get("kind") == "waiting"
        return str(last["step"]) if waiting and not self.running else ""

    def _planned(self, event: Event) -> None:
        self.steps = list(event.facts.get("steps", []))
        self.state.steps.update(event.facts.get("state", {}))
        self.sentence = "Looking at everything once more …"

    def _started(self, event: Event) -> None:
        self._part(event, words.doing(event.step))

    def _phase(self, event: Event) -> None:
        self._part(event, words.phase(event.text) or words.doing(event.step))

    def _tick(self, event: Event) -> None:
        if event.text and event.text != self.part:
            self._part(event, words.phase(event.text))
        self.waiting = ""
        self.done, self.total, self.unit = event.done, event.total, str(event.facts.get("unit", self.unit))

    def _retry(self, event: Event) -> None:
        self.retries += 1
        self.waiting = words.say(event)

    def _other(self, event: Event) -> None:
        """Findings and notes only go into the log."""

    def _part(self, event: Event, name: str) -> None:
        self.part, self.waiting = event.text, ""
        self.sentence = name
        self.done, self.total, self.unit = event.done, event.total, str(event.facts.get("unit", ""))

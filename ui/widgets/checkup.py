"""The check-up of a machine: one sentence that says it all, then what was found, in four groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app import words
from app.context import Finding
from app.fixes import FIXES
from app.secrets import Answers
from ui.look import Drawing
from ui.widgets.findings import Findings
from ui.widgets.fold import Fold
from ui.widgets.keeping import Keeping
from ui.widgets.text import add, breakable, card, empty, label, row


class Checkup(QWidget):
    """`changed` comes when a repair is declined or wanted again; `unfixed` are those that are declined."""

    changed = Signal()

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.repairs: dict[str, QCheckBox] = {}
        self._declined: set[str] = set()
        self._settled = False
        self._found: Sequence[Finding] = ()
        self.picture, self.verdict = Drawing("good", "good", 2.0), label("", "big")
        self.machine, self.keeping = label("", "quiet"), Keeping(answers)
        self.stops, self.cares = Findings(), Findings()
        self.stop_card, inside = card()
        add(inside, label(self.tr("Stands in the way"), "head"), self.stops)
        self.care_card, inside = card()
        add(inside, label(self.tr("To know"), "head"), self.cares)
        self.repair_card, inside = card()
        about = label(
            self.tr("Your machine itself stays as it is. Take a tick away to leave something as it is."), "quiet"
        )
        self._repairs = QVBoxLayout()
        self._repairs.setSpacing(12)
        add(inside, label(self.tr("Repaired in the copy"), "head"), about, self._repairs)
        self.good = Fold()
        self.goods = Findings()
        self.good.inside.addWidget(self.goods)
        outside = QVBoxLayout(self)
        outside.setContentsMargins(0, 0, 0, 0)
        outside.setSpacing(12)
        top = row(self.picture)
        top.addWidget(self.verdict, 1)
        add(outside, top, self.machine, self.keeping, self.stop_card, self.care_card, self.repair_card, self.good)

    @property
    def unfixed(self) -> tuple[str, ...]:
        """The repairs that the person does not want, of those that are offered here."""
        return tuple(name for name in self.repairs if name in self._declined)

    def settle(self, settled: bool) -> None:
        """Whether the repairs are only shown: there is nothing to decide in a rehearsal."""
        self._settled = settled

    def show_look(self, look: Any, at: str, unfixed: Iterable[str] = ()) -> None:
        """Show what was seen at the address *at*, with the repairs *unfixed* declined."""
        self.machine.setText(breakable(words.plain(f"{look.hostname}: {look.os}, {look.kernel}")))
        self.keeping.take(look, at)
        self.show_findings(look.findings, unfixed)

    def show_findings(self, found: Iterable[Finding], unfixed: Iterable[str] = ()) -> None:
        """Show these instead, with the repairs *unfixed* declined."""
        self._found, self._declined = tuple(found), set(unfixed)
        groups: dict[str, list[Finding]] = {"stop": [], "care": [], "fix": [], "ok": []}
        for finding in self._found:
            groups[_group(finding)].append(finding)
        for frame, listed, name in (
            (self.stop_card, self.stops, "stop"),
            (self.care_card, self.cares, "care"),
            (self.good, self.goods, "ok"),
        ):
            listed.show_findings(groups[name])
            frame.setVisible(bool(groups[name]))
        self._lay_repairs(groups["fix"])
        self.good.fold(self.tr("Fine: {n}").format(n=_count(self, len(groups["ok"]), "thing")))
        self._judge()

    def _lay_repairs(self, found: Sequence[Finding]) -> None:
        empty(self._repairs)
        self.repairs = {}
        for name in dict.fromkeys(finding.fix for finding in found):
            box = QCheckBox(self.tr("Repair this in the copy"))
            box.setChecked(name not in self._declined)
            box.setAccessibleName(self.tr("Repair this in the copy: {what}").format(what=FIXES[name]))
            box.setEnabled(not self._settled)
            box.toggled.connect(partial(self._chosen, name))
            about = label(self.tr(FIXES[name]), "quiet")
            about.setContentsMargins(_indent(box), 0, 0, 0)
            listed = Findings()
            listed.show_findings((one for one in found if one.fix == name), remedies=name in self._declined)
            together = QVBoxLayout()
            together.setSpacing(0)
            add(together, listed, box, about)
            self._repairs.addLayout(together)
            self.repairs[name] = box
        self.repair_card.setVisible(bool(self.repairs))

    def _chosen(self, name: str, on: bool) -> None:
        (self._declined.discard if on else self._declined.add)(name)
        self._judge()
        self.changed.emit()

    def _judge(self) -> None:
        stops = sum(finding.grade == "stop" for finding in self._found)
        to_know = sum(_group(finding) == "care" or finding.fix in self.unfixed for finding in self._found)
        repairs = len(self.repairs) - len(self.unfixed)
        said = _count(self, stops, "obstacle") if stops else self.tr("This machine can travel")
        more = [_count(self, to_know, "know")] if to_know else []
        more += [_count(self, repairs, "repair")] if repairs else []
        said += f"; {', '.join(more)}." if more else "."
        drawing = "bad" if stops else "care" if to_know else "good"
        self.picture.draw(drawing, drawing)
        self.verdict.setText(said)
        self.verdict.setAccessibleName(said)


def _group(finding: Finding) -> str:
    if finding.grade == "stop":
        return "stop"
    if finding.fix in FIXES and finding.grade != "ok":
        return "fix"
    return "ok" if finding.grade == "ok" else "care"


def _count(widget: QWidget, number: int, what: str) -> str:
    """*number* with the word for it."""
    one, many = {
        "thing": (widget.tr("one thing"), widget.tr("{n} things")),
        "obstacle": (widget.tr("One thing stands in the way"), widget.tr("{n} things stand in the way")),
        "know": (widget.tr("one thing to know"), widget.tr("{n} things to know")),
        "repair": (widget.tr("one repair in the copy"), widget.tr("{n} repairs in the copy")),
    }[what]
    return one if number == 1 else many.format(n=number)


def _indent(box: QCheckBox) -> int:
    """Where the text of a check box begins."""
    option = box.style().PixelMetric
    return box.style().pixelMetric(option.PM_IndicatorWidth, None, box) + 10

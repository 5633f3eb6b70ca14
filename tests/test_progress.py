"""What window and terminal say about the part that runs now."""

from __future__ import annotations

import time

from app.commands.progress import Remarks
from app.context import Event
from app.progress import Progress


class Shown(Progress):
    """With a clock in our hands."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(lambda: self.now)

    def tick(self, now: float, done: int, **facts: object) -> None:
        self.now = now
        self.take(Event("j", "upload", "tick", done, 1000, "Sending the image", facts))


def begun() -> Shown:
    shown = Shown()
    shown.take(Event("j", "upload", "phase", 0, 1000, "Sending the image"))
    return shown


def test_without_the_transfers_own_words_it_counts_itself() -> None:
    shown = begun()
    assert (shown.pace(), shown.remark()) == ("", "")
    shown.tick(10, 100)
    assert shown.pace().startswith("10 Bytes/s, ready about ")
    shown.now = 30
    assert shown.pace() == "no bytes for 20 s"
    assert shown.left is None


def test_the_transfer_knows_better() -> None:
    shown = begun()
    shown.tick(20, 200, rate=5e6, left=7200.0, limited_by="line")
    assert shown.pace().startswith("5.0 MB/s, ready ")
    assert shown.left == 7200
    assert shown.remark() == "The line to the server sets the speed: it is full."
    shown.tick(21, 210, limited_by="limit", limit=2_000_000)
    assert shown.remark() == "The limit of 2.0 MB/s sets the speed."


def test_a_stall_has_a_cause_and_a_next_step_and_does_not_count_down() -> None:
    shown = begun()
    shown.tick(5, 100)
    shown.tick(30, 100, stalled=25.0, cause="no-network", again_in=95.0)
    said = shown.remark()
    assert said == (
        "Nothing gets through just now: this computer has no network. "
        "After two minutes the connection is made anew by itself; nothing is lost."
    )
    shown.tick(31, 100, stalled=26.0, cause="no-network", again_in=94.0)
    assert shown.remark() == said
    shown.tick(31.5, 100, stalled=26.5)
    assert shown.remark().startswith("Nothing gets through just now. It goes on by itself")
    shown.tick(32, 200)
    assert shown.remark() == ""


def test_a_rest_is_no_stall() -> None:
    shown = begun()
    until = time.time() + 3600
    shown.tick(100, 0, rests_until=until, left=9000.0)
    assert shown.pace().startswith("ready ")
    assert shown.remark().startswith("Quiet hours: nothing is sent until ")


def test_the_terminal_says_each_sentence_once_and_that_it_goes_on() -> None:
    shown, remarks = begun(), Remarks()
    shown.tick(5, 100, limited_by="line")
    assert remarks.new(shown) == "The line to the server sets the speed: it is full."
    assert remarks.new(shown) == ""
    shown.tick(6, 200, limited_by="server")
    assert remarks.new(shown) == "", "two that take turns are not told each second"
    shown.tick(18, 200, stalled=12.0, again_in=108.0)
    assert remarks.new(shown) == "", "the reason is known in a moment"
    shown.tick(20, 200, stalled=14.0, cause="unreachable", again_in=106.0)
    assert "the server cannot be reached from here" in remarks.new(shown)
    shown.tick(21, 200, stalled=15.0, cause="unreachable", again_in=105.0)
    assert remarks.new(shown) == ""
    shown.tick(22, 300, limited_by="line")
    assert remarks.new(shown) == "Bytes get through again."
    shown.tick(23, 400, limited_by="line")
    assert remarks.new(shown) == ""

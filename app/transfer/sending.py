"""Send a file until it lies at the other side as it is here, with rests and resumed sends between."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from app.context import Context
from app.stores import Store, Unseekable
from app.stores.remote import Announced
from app.transfer.end import discard, proven
from app.transfer.meter import Meter
from app.transfer.proof import Changed, Original, Proof, is_read_back
from app.transfer.resume import resume_at
from app.transfer.watch import Resting, Watch

SENDING = "Sending the image"


@dataclass
class Sending:
    """*file* on its way to *part* of *target*; *first* is how many bytes lay there before and were right."""

    file: Original
    target: Store
    part: str
    ctx: Context
    watch: Watch
    verify: str
    first: int = 0

    def proven(self) -> Proof:
        """Send what is missing, and again what turns out wrong; the proof. Raises as `app.transfer.copy` does."""
        try:
            self.first, again = self._all_sent(None), None
            while (proof := self._proof(again)).wrong is not None:
                again = proof.at
                self.first = min(self.first, self._all_sent(again))
        except Changed:
            discard(self.target, self.part)
            raise
        return proof

    def _proof(self, again: int | None) -> Proof:
        return proven(self.file, self.target, self.part, self.ctx, self.verify, self.first, again)

    def _all_sent(self, begin: int | None) -> int:
        """Send what is missing, or all from *begin* on, with rests in quiet hours; how many bytes lay there before."""
        first = self.file.size
        while True:
            offset = resume_at(self.file, self.target, self.part, self.ctx) if begin is None else begin
            begin = None
            first = min(first, offset)
            try:
                if offset < self.file.size or not self.file.size:
                    first = min(first, self._sent_from(offset))
            except Resting:
                self.target.close()  # a line that is silent for hours would be cut, and would take its server's place
                self.watch.rest()
            else:
                return first

    def _sent_from(self, offset: int) -> int:
        """Send the bytes from *offset* on, or, where the place cannot go on there, all of them; where it began."""
        try:
            self._write(offset)
        except Unseekable as exc:
            self.ctx.note(f"{exc.message} The upload begins again.")
            self._write(0)
            return 0
        return offset

    def _write(self, offset: int) -> None:
        _ = self.watch.allowed  # where nothing may be sent now, nobody logs in for it
        hashed = not is_read_back(self.file, self.target, self.verify)
        meter = Meter(self.file, offset, self.ctx, self.watch, hashed=hashed)  # may read what lies there already
        self.ctx.begin(SENDING, self.file.size, offset)
        if isinstance(self.target, Announced):
            self.target.announce(self.part, self.file.size)
        with contextlib.closing(meter), self.watch:
            self.target.write(self.part, meter.blocks(), offset, self.ctx.advance)
        if meter.changed():
            raise Changed

"""Lines cut at random bytes of the whole conversation: log-in, TLS, listing, data, reading back, rename, good-bye.

A few in the ordinary run; `SANDHOPPER_CUTS=200` makes two hundred of them, `SANDHOPPER_SEED` repeats a run.
"""

from __future__ import annotations

import hashlib
import os
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.errors import JobError, Transient
from app.stores import Store
from app.transfer import copy, sidecar
from tests.servers.behind import ALL, Behind

DATA = os.urandom(1_200_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "image.qcow2"
SEED = int(os.environ.get("SANDHOPPER_SEED") or random.SystemRandom().randrange(1 << 32))
CUTS = -(-int(os.environ.get("SANDHOPPER_CUTS") or 32) // len(ALL))  # a make
ATTEMPTS = 6  # one cut costs one attempt, or none; in the next the server may still hold the file


def sent(here: Store, there: Store, ctx: Context) -> Any:
    """What the step does: look, copy, prove, and write the digest beside it."""
    there.open()
    done = copy(here, NAME, there, NAME, ctx, sha256=SHA)
    assert sidecar(there, NAME, SHA)
    return done


def right(site: Behind) -> bool:
    """Whether exactly the image and its digest lie there."""
    there = {file.name: file.read_bytes() for file in site.folder.iterdir()}
    return there == {NAME: DATA, f"{NAME}.sha256": f"{SHA}  {NAME}\n".encode()}


def speaks(exc: JobError) -> None:
    """Every failure says what happened and what to do."""
    assert exc.message
    assert exc.remedy


def stubborn(here: Store, site: Behind, ctx: Context, chance: random.Random) -> int:
    """Try again until it is done, as the engine does; how often it failed."""
    there, said = site.store(), []
    for failed in range(ATTEMPTS):
        try:
            done = sent(here, there, ctx)
        except Transient as exc:  # nothing else is right here: the person can do nothing about a cut
            speaks(exc)
            said.append(exc.message)
        else:
            assert done.grade in ("sha256-server", "read-back")
            there.close()
            return failed
        if chance.random() < 0.5:
            there.close()
            there = site.store()
        ctx.sleep(0.1)
    raise AssertionError(f"not done after {ATTEMPTS} attempts: {said}")


def somewhere(chance: random.Random, whole: int) -> int:
    """A byte of the conversation; the few in which words are said count as much as the many that are the file."""
    words = 8_000
    middle = whole // 2  # there the upload ends, and reading back begins
    parts = [(0, words), (middle - words, middle + words), (whole - words, whole), (0, whole)]
    return chance.randrange(*chance.choice(parts))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("make", ALL)
def test_a_cut_at_any_byte_costs_time_only(tmp_path: Path, ctx: Context, here: Store, make: str) -> None:
    chance, hit = random.Random(f"{SEED} {make}"), 0
    with ExitStack() as stack:
        site = Behind(make, tmp_path, ctx, stack, faults={"both": True})
        stubborn(here, site, ctx, chance)
        assert right(site)
        whole = site.relay.passed
        for _ in range(CUTS):
            site.tidy()
            cut, how = somewhere(chance, whole), chance.choice(["all", "one", "end"])
            site.relay.cut_after(cut, how)
            try:
                hit += stubborn(here, site, ctx, chance) > 0
                assert right(site)
            except BaseException:
                print(f"{make}: SANDHOPPER_SEED={SEED}, cut ({how}) after {cut:,} of {whole:,} bytes")
                raise
    print(f"{make}: {CUTS} cuts, {hit} of them cost an attempt; SANDHOPPER_SEED={SEED}")
    assert hit or CUTS < 10

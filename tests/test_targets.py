"""Target profiles: complete, dated, sourced, and told in sentences when they are wrong."""

from __future__ import annotations

import re
import tomllib

import pytest

from app import targets
from app.errors import Usage
from app.targets import all_targets, load, parse

GOOD = """
title = "Somewhere"
dated = "2026-01-01"
summary = "A place."
formats = ["qcow2"]
sheet = "Take {name}."
sources = [{rule = "all", url = "https://example.org/", read = "2026-01-01"}]
"""


def test_the_known_targets() -> None:
    keys = {t.key for t in all_targets()}
    assert keys == {
        *("generic", "interoute", "openstack", "catalyst", "virtualbox", "vmware", "rackspace", "aws", "local"),
    }
    assert all_targets()[0].key == "generic"


@pytest.mark.parametrize("target", all_targets(), ids=lambda t: t.key)
def test_each_is_dated_and_sourced(target: targets.Target) -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", target.dated)
    assert target.sources
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d", s.read) and s.rule for s in target.sources)
    filled = target.sheet_for(name="disk{0}.qcow2", size=1, sha256="ab", format="qcow2", virtual_gib=3)
    assert "disk{0}.qcow2" in filled
    assert "(not known yet)" in target.sheet_for()
    assert target.title
    assert target.summary.endswith(".")


def test_what_the_places_want() -> None:
    assert (load("catalyst").formats[0], load("virtualbox").formats[0], load("rackspace").formats) == (
        *("raw", "vdi"),
        ("vhd",),
    )
    assert load("interoute").one_time
    assert not load("interoute").compress
    assert load("rackspace").max_size == 160_000_000_000
    assert load("vmware").options("vmdk") == {"subformat": "streamOptimized"}
    assert load("virtualbox").options("vmdk") == {"subformat": "monolithicSparse"}
    assert load("virtualbox").options("vdi") == {}


def test_a_target_that_is_not_known_names_the_known() -> None:
    with pytest.raises(Usage, match="no target “nimbus”") as caught:
        load("nimbus")
    assert "generic, " in caught.value.remedy
    assert "rackspace" in caught.value.remedy
    with pytest.raises(Usage):
        load("../../pyproject")


WRONG = {
    'formats = ["qcow2"]\nformat = "raw"': "“format” is not known; known are title",
    'formats = ["qcow3"]': "The format “qcow3” is not known; known are raw, qcow2",
    "formats = []": "It names no format",
    'formats = "qcow2"': "“formats” must be a list",
    "formats = [1]": "“formats” must be a list of texts",
    'formats = ["qcow2"]\nbus = "firewire"': "The bus “firewire” is not known",
    'formats = ["qcow2"]\nmax_size = "160 GB"': "“max_size” must be a int",
    'formats = ["qcow2"]\nmax_size = -1': "A size is negative",
    'formats = ["qcow2"]\none_time = 1': "“one_time” must be a bool",
    'formats = ["qcow2"]\ntables = ["apm"]': "The partition table “apm” is not known",
    'formats = ["qcow2"]\nformats = ["raw"]': "is not TOML",
    "": "“formats” is missing",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_mistakes_are_told_in_sentences(wrong: str) -> None:
    assert parse("good", GOOD).key == "good"
    with pytest.raises(Usage, match=re.escape(WRONG[wrong])):
        parse("bad", GOOD.replace('formats = ["qcow2"]', wrong))


@pytest.mark.parametrize("sheet", ["{password}", "{name.__class__}", "{0}", "{"])
def test_a_sheet_may_only_name_what_is_known(sheet: str) -> None:
    with pytest.raises(Usage, match="placeholder"):
        parse("bad", GOOD.replace("{name}", sheet))


def test_sources_are_web_addresses() -> None:
    with pytest.raises(Usage, match="is no web address"):
        parse("bad", GOOD.replace("https://example.org/", "a friend"))
    with pytest.raises(Usage, match="Each source needs"):
        parse("bad", GOOD.replace('rule = "all", ', ""))


def test_profiles_are_found_beside_the_program() -> None:
    assert targets.FOLDER.name == "targets"
    assert tomllib.loads((targets.FOLDER / "generic.toml").read_text())["formats"][0] == "qcow2"


def test_what_only_a_simulator_has_seen_says_so() -> None:
    assert "simulator only" in load("interoute").unproven


def test_hours_of_a_link_are_a_deadline_unless_the_person_knows_better() -> None:
    assert load("generic").due(0.0, 1000.0) == 0
    link = parse("link", GOOD + "hours = 48")
    assert link.due(0.0, 1000.0) == 1000 + 48 * 3600
    assert link.due(5000.0, 1000.0) == 5000
    with pytest.raises(Usage, match="hours"):
        parse("link", GOOD + "hours = -1")

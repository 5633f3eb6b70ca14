"""Logins are kept in this program's clouds.yaml without secrets, in one step, and nothing that stood there is lost."""

from __future__ import annotations

import contextlib
import json
import re
import stat
from pathlib import Path

import pytest
import trustme
import yaml

from app import host
from app.clouds import cloudsfile, kept
from app.clouds.files import known
from app.errors import JobError, Usage
from app.secrets import Answers
from tests.clouds.files import URL, credential, v3

SECRET = "s3cret-of-the-credential"


@pytest.fixture
def answers() -> Answers:
    return Answers(use_keyring=False)


def place() -> Path:
    return host.data_home() / "clouds.yaml"


def told(answers: Answers, file: Path, text: str, name: str = "", ca: str = "") -> list[kept.Added]:
    file.write_text(text, encoding="utf-8")
    return kept.add(file, name, ca, answers)


def own() -> dict[str, dict[str, object]]:
    return cloudsfile.clouds(place().read_text(encoding="utf-8"))


def test_an_openrc_becomes_an_entry_for_this_person_only(tmp_path: Path, answers: Answers) -> None:
    (added,) = told(answers, tmp_path / "x-openrc.sh", v3())
    assert (added.name, added.new, added.secret, added.notes) == ("gauss-lab", True, False, ())
    assert known() == ["gauss-lab"]
    assert own()["gauss-lab"]["region_name"] == "RegionOne"
    assert stat.S_IMODE(place().stat().st_mode) == 0o600
    assert not place().with_name("clouds.yaml.new").exists()


@pytest.mark.parametrize("name", ["app-cred-robot-openrc.sh", "robot-openrc.sh", "robot-openrc (1).sh", "robot.sh"])
def test_a_secret_is_for_this_session_and_in_no_file(tmp_path: Path, answers: Answers, name: str) -> None:
    (added,) = told(answers, tmp_path / name, credential())
    assert added.name == "robot"
    assert added.secret
    assert SECRET not in place().read_text() + repr(added)
    assert answers.get("openstack://robot") == SECRET
    assert SECRET not in answers.redact(f"it is {SECRET}")


def test_the_same_again_is_known_and_another_one_gets_another_name(tmp_path: Path, answers: Answers) -> None:
    told(answers, tmp_path / "a", v3())
    before = place().read_bytes()
    (again,) = told(answers, tmp_path / "b", v3() + "export OS_PASSWORD='hunter2'\n")
    assert (again.name, again.new, again.secret) == ("gauss-lab", False, True)
    assert place().read_bytes() == before
    (other,) = told(answers, tmp_path / "c", v3(user="grace"))
    assert other.name == "gauss-lab-2"
    assert set(own()) == {"gauss-lab", "gauss-lab-2"}


@pytest.mark.parametrize("taken", ["practice", "defaults", "here", "there"])
def test_a_name_that_is_taken_is_not_taken_twice(tmp_path: Path, answers: Answers, taken: str, own_home: Path) -> None:
    elsewhere = own_home / ".config/openstack/clouds.yaml"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text("clouds: {there: {auth: {auth_url: http://127.0.0.1/}}}")
    host.private_folder(host.data_home())
    place().write_text("clouds: {here: {}}")
    import openstack.config.loader as loader

    listed, loader.CONFIG_FILES = loader.CONFIG_FILES, [str(elsewhere)]
    try:
        with pytest.raises(Usage, match="already"):
            told(answers, tmp_path / "a", v3(), taken)
    finally:
        loader.CONFIG_FILES = listed
    assert set(own()) == {"here"}


@pytest.mark.parametrize("name", ["a b", "a/b", "../x", "-", "é"])
def test_a_name_must_fit_into_an_address(tmp_path: Path, answers: Answers, name: str) -> None:
    with pytest.raises(Usage, match="no name for a cloud"):
        told(answers, tmp_path / "a", v3(), name)


@pytest.mark.parametrize(
    "before",
    [
        "# mine\nclouds:\n  # the old one\n  old:\n    auth:\n      password: p\n# end\n",
        "clouds:\n    old: {auth: {password: p}}\n",
        "cache: {auth: true}\nclouds: # mine\n\n  old:\n    auth: {password: p}\n",
        json.dumps({"clouds": {"old": {"auth": {"password": "p"}}}}, indent=1),
        "clouds: {old: {auth: {password: p}}}",
        "cache: {auth: true}\nclouds: {}\n",
        "clouds: {}\n",
        "",
    ],
)
def test_what_stood_there_stays(tmp_path: Path, answers: Answers, before: str) -> None:
    host.private_folder(host.data_home())
    place().write_text(before)
    told(answers, tmp_path / "a", v3())
    text = place().read_text()
    assert own().keys() == {"gauss-lab", *(["old"] if "old" in before else [])}
    assert "old" not in before or own()["old"] == {"auth": {"password": "p"}}
    assert (yaml.safe_load(before) or {}).get("cache") == yaml.safe_load(text).get("cache")
    if before.startswith("#"):
        assert text.startswith("# mine\n")
        assert "  # the old one\n  old:" in text
        assert text.endswith("# end\n")


@pytest.mark.parametrize("text", ["clouds: [1, 2", "clouds: 7", "words", "clouds:\n", "\x00"])
def test_a_damaged_file_of_ours_is_named_and_not_touched(tmp_path: Path, answers: Answers, text: str) -> None:
    host.private_folder(host.data_home())
    place().write_text(text)
    with pytest.raises(JobError, match=re.escape(str(place()))):
        told(answers, tmp_path / "a", v3())
    with contextlib.suppress(JobError):  # openstacksdk passes over what is no YAML at all
        known()
    assert place().read_text() == text


def test_a_clouds_yaml_is_taken_with_all_its_clouds(tmp_path: Path, answers: Answers) -> None:
    text = (
        "clouds:\n  openstack:\n    auth: {auth_url: 'https://a.org/v3', project_name: p, username: u, password: 77}\n"
        "    regions: [{name: one, values: {auth: {password: q}}}]\n    region_name: one\n"
        "  my robot:\n    auth_type: v3applicationcredential\n"
        "    auth: {auth_url: 'https://a.org', application_credential_id: i,\n"
        f"           application_credential_secret: {SECRET}}}\n"
    )
    first, second = told(answers, tmp_path / "clouds.yaml", text)
    assert (first.name, second.name) == ("openstack", "my-robot")
    assert (answers.get("openstack://openstack"), answers.get("openstack://my-robot")) == ("77", SECRET)
    assert "password" not in place().read_text()
    assert SECRET not in place().read_text()
    with pytest.raises(Usage, match="2 clouds"):
        told(answers, tmp_path / "clouds.yaml", text, "one")


@pytest.mark.parametrize("named", ["", "mine"])
def test_of_several_regions_each_can_be_chosen(tmp_path: Path, answers: Answers, named: str) -> None:
    auth = f"{{auth_url: '{URL}', project_name: p, username: u, password: hunter2}}"
    text = f"clouds: {{openstack: {{regions: [North One, {{name: south, values: {{x: y}}}}], auth: {auth}}}}}"
    north, south = told(answers, tmp_path / "clouds.yaml", text, named)
    base = named or "openstack"
    assert (north.name, south.name) == (f"{base}-North-One", f"{base}-south")
    assert set(known()) == {north.name, south.name}
    assert {entry["region_name"] for entry in own().values()} == {"North One", "south"}
    assert answers.get(f"openstack://{south.name}") == "hunter2"
    assert [one.new for one in told(answers, tmp_path / "clouds.yaml", text, named)] == [False, False]


@pytest.mark.parametrize(
    "text",
    [
        v3() + "export OS_INSECURE=true\n",
        f"clouds: {{x: {{verify: false, auth: {{auth_url: '{URL}', project_name: p}}}}}}",
        f"clouds: {{x: {{verify: 'no', auth: {{auth_url: '{URL}', project_name: p}}}}}}",
        f"clouds: {{x: {{insecure: 1, auth: {{auth_url: '{URL}', project_name: p}}}}}}",
    ],
)
def test_a_certificate_that_nobody_checks_is_not_taken_in_silence(tmp_path: Path, answers: Answers, text: str) -> None:
    (added,) = told(answers, tmp_path / "a", text)
    assert "need not be checked" in added.notes[0]
    assert "cacert" in added.notes[0]
    (entry,) = own().values()
    assert not {"verify", "insecure"} & entry.keys()


@pytest.mark.parametrize("text", [v3() + "export OS_INSECURE=false\n", v3() + "export OS_INSECURE=\n"])
def test_a_certificate_that_is_checked_needs_no_words(tmp_path: Path, answers: Answers, text: str) -> None:
    (added,) = told(answers, tmp_path / "a", text)
    assert not added.notes


def test_the_clouds_own_authority_is_carried_along(tmp_path: Path, answers: Answers, own_home: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(own_home / "ca.pem")
    told(answers, tmp_path / "a", v3() + "export OS_CACERT=ca.pem\n", "beside")
    told(answers, tmp_path / "a", v3() + "export OS_CACERT=~/ca.pem\n", "home")
    told(answers, tmp_path / "a", v3() + "export OS_CACERT=$HOME/ca.pem\n", "named")
    told(answers, tmp_path / "a", v3() + "export OS_CACERT=/gone.pem\n", "given", str(tmp_path / "ca.pem"))
    got = {name: entry["cacert"] for name, entry in own().items()}
    ours, homes = str(tmp_path / "ca.pem"), str(own_home / "ca.pem")
    assert got == {"beside": ours, "home": homes, "named": homes, "given": ours}


@pytest.mark.parametrize("ca", ["gone.pem", "empty.pem", "."])
def test_an_authority_that_is_not_there_is_named(tmp_path: Path, answers: Answers, ca: str) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(JobError, match="no certificates in") as caught:
        told(answers, tmp_path / "a", v3() + f"export OS_CACERT={ca}\n")
    assert "--ca" in caught.value.remedy
    assert not place().exists()


def bomb(merge: bool) -> str:
    lines = ["clouds:", "  a: &a {x: y}"]
    for one, other in zip("abcdefgh", "bcdefghi", strict=True):
        inner = ", ".join(f"*{one}" for _ in range(9))
        lines.append(f"  {other}: &{other} {{{'<<' if merge else 'x'}: [{inner}]}}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words\n",
        "#!/bin/sh\nrm -rf /\n",
        "export FOO=1\n",
        "export OS_USERNAME='ada\n",
        "export OS_USERNAME=ada\n",
        "clouds: []\n",
        "clouds: {}\n",
        "clouds: {x: 7}\n",
        "clouds: {x: {auth: 7}}\n",
        "clouds: {x: {auth: {}}}\n",
        "clouds: {x: {auth: {auth_url: 'file:///etc/passwd'}}}\n",
        "clouds: {x: {auth: {auth_url: 'https://ada:secret@a.org/'}}}\n",
        "clouds: {x: {auth: {auth_url: 'https://[::1/'}}}\n",
        "clouds: {x: !!python/object/apply:os.system ['touch mark']}\n",
        "clouds: {x: {auth_type: v3oidcpassword, auth: {auth_url: 'https://a.org', client_secret: s}}}\n",
        "clouds: &a [*a]\n",
        "clouds: {x: &a {y: *a}}\n",
        "clouds: " + "[" * 3000,
        "clouds: " + "{a: " * 500 + "1" + "}" * 500,
        bomb(merge=False),
        bomb(merge=True),
        "\x1b[2J export OS_USERNAME=x\n",
        "x" * 200_000,
    ],
)
def test_a_hostile_or_foreign_file_is_refused_in_words(tmp_path: Path, answers: Answers, text: str) -> None:
    with pytest.raises(JobError) as caught:
        told(answers, tmp_path / "a", text)
    assert caught.value.remedy
    assert caught.value.topic == "openrc"
    assert "Nothing was taken" in caught.value.means
    assert not place().exists()


@pytest.mark.parametrize("what", ["missing", "folder", "latin"])
def test_a_file_that_cannot_be_read_is_for_the_person(tmp_path: Path, answers: Answers, what: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin").write_bytes(b"export OS_USERNAME=\xe9\n")
    with pytest.raises(JobError):
        kept.add(tmp_path / what, "", "", answers)


def test_an_unencrypted_way_is_said(tmp_path: Path, answers: Answers) -> None:
    (added,) = told(answers, tmp_path / "a", v3("http://cloud.example.org/v3"))
    assert "not encrypted" in added.notes[0]


def test_a_login_without_a_project_is_said(tmp_path: Path, answers: Answers) -> None:
    (added,) = told(answers, tmp_path / "a", f"export OS_AUTH_URL={URL}\nexport OS_USERNAME=ada\n")
    assert "names no project" in added.notes[0]


def test_another_project_can_be_named(tmp_path: Path, answers: Answers) -> None:
    file = tmp_path / "a"
    file.write_text(v3())
    (added,) = kept.add(file, "", "", answers, "hilbert")
    auth = own()[added.name]["auth"]
    assert isinstance(auth, dict)
    assert (auth["project_name"], auth["project_domain_id"], "project_id" in auth) == ("hilbert", "default", False)
    file.write_text(credential())
    with pytest.raises(JobError, match="its own project"):
        kept.add(file, "", "", answers, "hilbert")

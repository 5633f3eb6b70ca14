"""Openrc files are read as a shell reads them, and nothing in them is run."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clouds import loginfile, openrc
from app.clouds.shellwords import assigned
from app.errors import JobError
from tests.clouds.files import URL, V2, credential, v3

HOME = {"HOME": "/home/ada"}
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


def test_horizons_file_with_a_password_prompt() -> None:
    assert openrc.entry(v3()) == {
        "auth": {
            "auth_url": URL,
            "username": "ada",
            "user_domain_name": "Default",
            "project_name": "gauss lab",
            "project_id": "9c1d",
            "project_domain_id": "default",
        },
        "region_name": "RegionOne",
        "interface": "public",
        "identity_api_version": "3",
    }


def test_what_is_empty_is_not_said() -> None:
    assert "region_name" not in openrc.entry(v3(region=""))


def test_horizons_file_of_an_application_credential() -> None:
    entry = openrc.entry(credential())
    assert entry["auth_type"] == "v3applicationcredential"
    assert entry["auth"]["application_credential_id"] == "3d2f"
    assert openrc.entry(credential().replace("export OS_AUTH_TYPE=v3applicationcredential\n", "")) == entry


def login(tmp_path: Path, text: str | bytes, name: str = "gauss-openrc.sh") -> loginfile.Login:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (made,) = loginfile.read(file)
    return made


@pytest.mark.parametrize(
    "text",
    [
        V2,
        v3().replace("/v3", "/v2.0/"),
        v3().replace('VERSION="3"', "VERSION=2.0"),
        f"export OS_AUTH_URL={URL}\nexport OS_TENANT_NAME=gauss\nexport OS_USERNAME=ada\n",
    ],
)
def test_version_2_is_told_in_words(tmp_path: Path, text: str) -> None:
    with pytest.raises(JobError, match="version 2 of the login service") as caught:
        login(tmp_path, text)
    assert "API Access" in caught.value.remedy


@pytest.mark.parametrize(
    "value",
    [
        "$(touch {x})",
        '"$(touch {x})"',
        "`touch {x}`",
        "${{X:-`touch {x}`}}",
        "$UNKNOWN",
        '"a${{OS_NOTHING}}"',
        "$(a $(b) c)",
    ],
)
def test_nothing_is_run_and_what_a_shell_would_work_out_is_refused(tmp_path: Path, value: str) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(JobError, match="OS_USERNAME worked out by a shell") as caught:
        login(tmp_path, v3() + f"export OS_USERNAME={value.format(x=mark)}\n")
    assert "OS_USERNAME=" in caught.value.remedy
    assert not mark.exists()


@pytest.mark.parametrize("value", ["$(pass show cloud)", "`pass`", "$SECRET"])
def test_a_password_that_a_program_tells_is_asked_for_instead(tmp_path: Path, value: str) -> None:
    made = login(tmp_path, v3() + f"export OS_PASSWORD={value}\n")
    assert not made.secret
    assert "password" not in made.entry["auth"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("export A='a b'\"c d\"e", "a bc de"),
        ("A=b # a comment", "b"),
        ("A=b#c", "b#c"),
        ("A='#'", "#"),
        ("A=1; export A=2; true", "2"),
        ("export A=1 B=2", "1"),
        ("A='$(x)`y`$z'", "$(x)`y`$z"),
        ('A="\\$x \\`y\\` \\"z\\" \\\\ \\n"', '$x `y` "z" \\ \\n'),
        ("A=a\\ b\\$c", "a b$c"),
        ("B=x\nA=$B/${B}y", "x/xy"),
        ("A=$HOME/ca.pem", "/home/ada/ca.pem"),
        ("A=one \\\n  B=two", "one"),
        ("A='two\nlines'", "two\nlines"),
        ("A=", ""),
    ],
)
def test_quotes_and_names_are_a_shells(line: str, value: str) -> None:
    assert assigned(line, HOME).values["A"] == value
    done = subprocess.run(["sh", "-c", f'{line}\nprintf %s "$A"'], env=HOME, capture_output=True, text=True, check=True)
    assert done.stdout == value


@pytest.mark.parametrize(
    "line",
    [
        "A=2 true",
        "if false; then A=2; fi",
        "if false\nthen\nexport A=2\nfi",
        "f() {\nA=2\n}",
        "false && A=2",
        "true || export A=2",
        ": A=2",
        "# A=2",
        "for A in 2; do A=3; done >/dev/null; A=1",
        "while false; do A=2; done",
        "export OTHER",
    ],
)
def test_what_does_not_count_for_sure_is_passed_over(line: str) -> None:
    text = f"A=1\n{line}\n"
    assert assigned(text, HOME).values["A"] == "1"
    done = subprocess.run(["sh", "-c", f'{text}\nprintf %s "$A"'], env=HOME, capture_output=True, text=True, check=True)
    assert done.stdout == "1"


@given(VALUES)
def test_whatever_is_quoted_comes_back(value: str) -> None:
    double = "".join("\\" + letter if letter in '$`"\\' else letter for letter in value)
    said = assigned(f"export A={shlex.quote(value)}\nexport B=\"{double}\"; C='x'", {})
    assert said.values == {"A": value, "B": value, "C": "x"}
    assert not said.unread


@given(st.text(st.sampled_from("OS_A=$(){}`'\"\\;&|<># \nexportifthenfi[]"), max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = assigned(text, HOME)
    except ValueError:
        return
    assert not any(letter in "\0\1" for value in found.values.values() for letter in value)


@pytest.mark.parametrize("part", ["$(", "${", "`", "'", '"', "$((", "#\n", "A=$A$A\n", "if\n", "{\n", "\\"])
def test_no_file_fills_memory_or_goes_on_for_ever(part: str) -> None:
    text = "A=xxxxxxxx\n" + part * (loginfile.BIGGEST // len(part))
    with contextlib.suppress(ValueError):
        made = assigned(text[: loginfile.BIGGEST], HOME)
        assert sum(map(len, made.values.values())) < 1 << 20

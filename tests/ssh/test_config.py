"""~/.ssh/config is read as OpenSSH reads it: `ssh -G` is asked the same."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from app.errors import JobError, Usage
from app.ssh.config import Settings, settings_of
from tests.servers import need

CONFIGS = {
    "first value wins": "Host box\n User one\n Port 2201\nHost *\n User two\n Port 2202\n HostName real.example.org\n",
    "patterns": "Host b?x *.org !box\n User no\nHost !other b*\n User yes\n",
    "case of words, equal signs": 'hOsT=box\n USER = "ada"\n port=2222\n\tHostName=%h.example.org\n',
    "comments": "# Host *\nHost box # the box\n User ada # that is me\n Port 2022\n",
    "identities": "Host box\n IdentityFile ~/.ssh/%h_%r\nIdentityFile %d/k%%ey\nIdentitiesOnly yes\nUser ada\n",
    "quotes": 'IdentityFile "~/my keys/id"\nUserKnownHostsFile "~/a b" ~/c\nCertificateFile "~/my keys/id-cert.pub"\n',
    "alias": "Host box\n HostName 10.0.0.7\n HostKeyAlias the-box\n",
    "jump first": "Host box\n ProxyJump a,ada@b:2022\nHost *\n ProxyCommand nc %h %p\n",
    "program first": "Host box\n ProxyCommand nc -X 5 '%h' %p '100%%'\nHost *\n ProxyJump gate\n",
    "no jump": "Host box\n ProxyJump none\nHost *\n ProxyJump gate\n",
    "match host": "Host box\n HostName b.ex.org\nMatch host *.ex.org,!*.com\n User a\nMatch host box\n Port 3\n",
    "match original host": "Host box\n HostName box.example.org\nMatch originalhost box\n User ada\n",
    "match user": "Host box\n User ada\nMatch user ada,bob\n Port 2201\nMatch user carl\n HostName wrong\n",
    "match several": "Match host box user nobody\n Port 1\nMatch !host x user ada\n Port 2\nMatch host b*\n User e\n",
    "match local user": "Match localuser @ME@ host box\n User ada\nMatch !localuser @ME@\n Port 1\n",
    "match all": "Match all\n User ada\nHost other\n Port 1\nMatch all\n Port 2\n",
    "match final": "Match final host real\n User late\nHost box\n HostName real\nMatch final all\n Port 2222\n",
    "match case": "Match host BOX\n User ada\n",
    "agent": "IdentityAgent ~/agent.sock\n",
    "environment": "UserKnownHostsFile ${HOME}/kh\n",
    "global known hosts": "GlobalKnownHostsFile /etc/one /etc/two\n",
    "include": "Host other\n Include never\nHost box\n Include part*.conf\n Port 7\nHost *\n User outer\n Port 8\n",
    "included host": "Include hosts.conf\nHost box\n Port 9\n",
    "canonical": "CanonicalizeHostname yes\nCanonicalDomains invalid\nMatch canonical all\n User ada\n",
    "backslash": 'IdentityFile "~/a \\"b\\" c"\nIdentityFile ~/a\\ b\n',
}
PARTS = {
    "never": "User never\n",
    "part1.conf": "User inner\nHost other\n User wrong\n Port 1\n",
    "part2.conf": "HostName included.example.org\n",
    "hosts.conf": "Host b*\n User from-include\nHost *\n Port 10\n",
}


@pytest.fixture
def ssh_folder() -> Path:
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700)
    for name, text in PARTS.items():
        (folder / name).write_text(text)
    return folder


def of_openssh(file: Path, host: str) -> dict[str, list[str]]:
    """What `ssh -G` says: each word's values."""
    # OpenSSH takes ~ and Include from the user database, not from HOME: both are made plain here
    file.write_text(file.read_text().replace("~", str(Path.home())).replace("Include ", f"Include {file.parent}/"))
    said = subprocess.run([need("ssh"), "-G", "-F", str(file), host], check=True, capture_output=True, text=True)
    found: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        word, _, value = line.partition(" ")
        found.setdefault(word, []).append(value)
    return found


def as_openssh_says(found: Settings, theirs: dict[str, list[str]]) -> None:
    assert found.host == theirs["hostname"][0]
    assert str(found.port) == theirs["port"][0]
    assert found.user == theirs["user"][0]
    assert found.alias == theirs.get("hostkeyalias", [""])[0]
    assert found.jump == theirs.get("proxyjump", [""])[0]
    assert found.proxy == theirs.get("proxycommand", [""])[0].replace("%h", found.host).replace(
        "%p", str(found.port)
    ).replace("%%", "%")
    assert found.only_identities == (theirs["identitiesonly"][0] == "yes")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_means_what_it_means_to_openssh(ssh_folder: Path, name: str) -> None:
    me, config = getpass.getuser(), ssh_folder / "config"
    config.write_text(CONFIGS[name].replace("@ME@", me))
    found = settings_of("ssh://box")
    theirs = of_openssh(config, "box")
    as_openssh_says(found, theirs)
    if found.chosen:
        tokens = {"%h": found.host, "%r": found.user, "%d": str(Path("~root").expanduser()), "%%": "%"}
        for mine, other in zip(found.identities, theirs["identityfile"], strict=True):
            for token, value in tokens.items():
                other = other.replace(token, str(Path.home()) if token == "%d" else value)
            assert str(mine) == other
    if "known" in CONFIGS[name].lower():
        files = [*theirs["userknownhostsfile"][0].split(" /"), *theirs["globalknownhostsfile"][0].split(" /")]
        named = ["/" + file.lstrip("/").replace("${HOME}", str(Path.home()).lstrip("/")) for file in files]
        assert [str(file) for file in found.known_hosts if "ssh/known" not in str(file)] == [
            file for file in named if "ssh/known" not in file
        ]


def test_a_zone_of_ipv6(ssh_folder: Path) -> None:
    found = settings_of("ssh://ada@[fe80::1%25eth0]:2222")
    assert (found.host, found.port) == ("fe80::1%eth0", 2222)


def test_the_address_wins_over_the_config(ssh_folder: Path) -> None:
    (ssh_folder / "config").write_text("Host *\n User two\n Port 2\n HostName other\nMatch user ada\n HostKeyAlias x\n")
    found = settings_of("sftp://ada@box:1/folder/")
    assert (found.user, found.port, found.host, found.alias) == ("ada", 1, "other", "x")


@pytest.mark.parametrize("criterion", ["exec 'touch RUN'", '!exec "touch RUN"', "tagged x", "localnetwork ::/0"])
def test_what_match_depends_on_that_is_not_looked_at_here(ssh_folder: Path, tmp_path: Path, criterion: str) -> None:
    criterion = criterion.replace("RUN", str(tmp_path / "run"))
    (ssh_folder / "config").write_text(
        f"Match host other {criterion}\n User a\nMatch host box {criterion} all\n User b\nMatch all\n User c\n"
    )
    found = settings_of("ssh://box")
    assert found.user == "c"
    assert found.passed_over == (criterion.lstrip("!").split()[0],)
    assert settings_of("ssh://third").passed_over == ()
    assert not (tmp_path / "run").exists()


def test_a_token_that_stands_for_nothing_is_told(ssh_folder: Path) -> None:
    (ssh_folder / "config").write_text("ProxyCommand nc %z\n")
    with pytest.raises(JobError, match="%z"):
        settings_of("ssh://box")


@pytest.mark.parametrize("address", ["$(id)", "-oProxyCommand=x", "a;b", "`id`@box", "ada$HOME@box", "'@box"])
def test_an_address_is_no_program(ssh_folder: Path, address: str) -> None:
    (ssh_folder / "config").write_text("ProxyCommand nc %h %p\n")
    with pytest.raises(JobError, match="may be given"):
        settings_of(f"ssh://{quote(address, safe='@$();`=')}")
    (ssh_folder / "config").write_text("ProxyCommand none\n")
    assert settings_of("ssh://box").proxy == ""


def test_includes_that_go_round_in_a_circle_end(ssh_folder: Path) -> None:
    (ssh_folder / "config").write_text("Include config\nUser ada\n")
    assert settings_of("ssh://box").user == "ada"


def test_a_port_that_is_none(ssh_folder: Path) -> None:
    (ssh_folder / "config").write_text("Port 99999\n")
    with pytest.raises(JobError, match="99999"):
        settings_of("ssh://box")
    with pytest.raises(Usage):
        settings_of("ssh://box:99999")

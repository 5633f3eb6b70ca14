"""A login file that was brought reaches a real server: the practice cloud."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from app import host
from app.cli import main
from app.clouds import cloudsfile, kept
from app.context import Context
from app.errors import JobError, NeedsAnswer
from app.practice.cloud import Cloud
from app.practice.http import Request
from app.providers import open_provider
from tests.clouds.files import credential, v3
from tests.practice.cloud_places import PASSWORD, lay_cloud

Make = Callable[..., Context]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """The practice cloud, of which no clouds.yaml of this computer knows."""
    with ExitStack() as stack:
        made = lay_cloud(tmp_path, stack)
        (host.data_home() / "clouds.yaml").unlink()
        yield made


def openrc(file: Path, cloud: Cloud, more: str = "") -> Path:
    text = v3(f"{cloud.base}/identity/v3", user="practice", region="Practice")
    file.write_text(text + more)
    return file


def machines(name: str, ctx: Context) -> list[str]:
    return [machine.name for machine in open_provider(f"openstack://{name}/", ctx).machines()]


def test_an_openrc_logs_in_with_the_password_that_is_asked_for(tmp_path: Path, cloud: Cloud, context: Make) -> None:
    ctx = context()
    (added,) = kept.add(openrc(tmp_path / "x-openrc.sh", cloud), "", "", ctx.answers)
    with pytest.raises(NeedsAnswer, match="password of “practice” at the cloud “gauss-lab”") as caught:
        machines(added.name, ctx)
    ctx.answers.give(caught.value.question.about, PASSWORD)
    assert machines(added.name, ctx) == ["practice-sandbox"]


def test_a_password_in_the_file_is_good_for_this_session(tmp_path: Path, cloud: Cloud, context: Make) -> None:
    ctx = context()
    kept.add(openrc(tmp_path / "x", cloud, f"export OS_PASSWORD='{PASSWORD}'\n"), "mine", "", ctx.answers)
    assert machines("mine", ctx) == ["practice-sandbox"]
    assert PASSWORD not in (host.data_home() / "clouds.yaml").read_text()


@pytest.fixture
def unscoped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud whose people have no project by default: who names none gets a token for none (api-ref/identity)."""
    say, refuse = Request.say, Cloud._identity

    def spoken(request: Request, body: dict[str, Any], status: int = 200, **headers: str) -> None:
        if "token" in body and "scope" not in request.json_body()["auth"]:
            for name in ("project", "catalog", "roles", "is_domain"):
                body["token"].pop(name)
        say(request, body, status, **headers)

    def identity(cloud: Cloud, request: Request, rest: str) -> None:
        if rest != "v3/auth/projects":
            return refuse(cloud, request, rest)
        assert request.headers["X-Auth-Token"] in cloud.tokens
        names = [("practice", True), ("a \x1b[2Jlab", True), ("closed", False)]
        listed = [{"id": f"p-{n}", "name": n, "domain_id": "default", "enabled": on} for n, on in names]
        return request.say({"projects": listed, "links": {}})

    def json_body(request: Request) -> dict[str, Any]:
        if not hasattr(request, "read_before"):
            request.read_before = read(request)  # type: ignore[attr-defined]
        return dict(request.read_before)  # type: ignore[attr-defined]

    read = Request.json_body
    monkeypatch.setattr(Request, "json_body", json_body)
    monkeypatch.setattr(Request, "say", spoken)
    monkeypatch.setattr(Cloud, "_identity", identity)


def test_without_a_project_those_that_can_be_chosen_are_told(
    tmp_path: Path, cloud: Cloud, context: Make, unscoped: None
) -> None:
    file = tmp_path / "x"
    lines = {"AUTH_URL": f"{cloud.base}/identity/v3", "USERNAME": "practice", "USER_DOMAIN_NAME": "Default"}
    file.write_text("".join(f"export OS_{name}={value}\n" for name, value in lines.items()))
    ctx = context(answers={"openstack://none": PASSWORD, "openstack://one": PASSWORD})
    kept.add(file, "none", "", ctx.answers)
    with pytest.raises(JobError, match=r"no project to work in\. It may work in: a lab, practice\.") as caught:
        machines("none", ctx)
    assert "--project NAME" in caught.value.remedy
    kept.add(file, "one", "", ctx.answers, "practice")
    assert machines("one", ctx) == ["practice-sandbox"]
    entry = cloudsfile.clouds((host.data_home() / "clouds.yaml").read_text())["one"]
    assert entry["auth"]["project_domain_name"] == "Default"


def test_an_application_credential_logs_in(tmp_path: Path, cloud: Cloud, context: Make) -> None:
    asked = []

    def meddle(request: Request) -> bool:
        """Take the credential as Keystone does (api-ref/identity, “Authenticating with an Application Credential”)."""
        if not request.where.endswith("/auth/tokens"):
            return False
        identity = request.json_body()["auth"]["identity"]
        asked.append(identity)
        if identity["application_credential"]["secret"] == "right":
            user = {"name": "practice", "password": PASSWORD}
            request.json_body = lambda: {"auth": {"identity": {"password": {"user": user}}}}  # type: ignore[method-assign]
        return False

    cloud.server.meddle = meddle
    file = tmp_path / "app-cred-robot-openrc.sh"
    file.write_text(credential(f"{cloud.base}/identity/v3", "Practice", "wrong"))
    ctx = context()
    kept.add(file, "", "", ctx.answers)
    with pytest.raises(NeedsAnswer):
        machines("robot", ctx)
    with pytest.raises(NeedsAnswer, match="secret of the application credential “3d2f”"):
        machines("robot", ctx)
    ctx.answers.give("openstack://robot", "right")
    assert machines("robot", ctx) == ["practice-sandbox"]
    assert asked[-1]["methods"] == ["application_credential"]
    assert asked[-1]["application_credential"] == {"id": "3d2f", "secret": "right"}


@pytest.fixture
def authority(tmp_path: Path, cloud: Cloud) -> Path:
    """The practice cloud shows a certificate from now on, which this authority has signed."""
    made, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("127.0.0.1").configure_cert(tls)
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    cloud.server.socket = tls.wrap_socket(cloud.server.socket, server_side=True)
    cloud.base = cloud.base.replace("http:", "https:")
    return tmp_path / "ca.pem"


def test_the_clouds_own_authority_is_used(tmp_path: Path, cloud: Cloud, authority: Path, context: Make) -> None:
    ctx = context(answers={f"openstack://{name}": PASSWORD for name in ("without", "with", "given")})
    kept.add(openrc(tmp_path / "a", cloud, "export OS_INSECURE=true\n"), "without", "", ctx.answers)
    kept.add(openrc(tmp_path / "b", cloud, f"export OS_CACERT={authority}\n"), "with", "", ctx.answers)
    with pytest.raises(JobError, match="certificate of the cloud “without”"):
        machines("without", ctx)
    assert machines("with", ctx) == ["practice-sandbox"]


@pytest.mark.parametrize("said", [{"verify": False}, {"insecure": True}, {"verify": "no"}])
def test_no_clouds_yaml_makes_the_check_of_the_certificate_go_away(
    cloud: Cloud, authority: Path, context: Make, said: dict[str, object]
) -> None:
    auth = {"auth_url": f"{cloud.base}/identity/v3", "username": "practice", "project_name": "p", "password": PASSWORD}
    auth |= {"user_domain_id": "default", "project_domain_id": "default"}
    (host.data_home() / "clouds.yaml").write_text(json.dumps({"clouds": {"x": {"auth": auth, **said}}}))
    with pytest.raises(JobError, match="certificate of the cloud “x”") as caught:
        machines("x", context())
    assert "not obeyed" in caught.value.remedy


def test_the_terminal_adds_lists_and_uses_it(tmp_path: Path, cloud: Cloud, capsys: Capture, authority: Path) -> None:
    file = openrc(tmp_path / "x-openrc.sh", cloud)
    assert main(["clouds"]) == 0
    assert "sandhopper clouds add FILE" in capsys.readouterr().out
    assert main(["clouds", "add", str(file), "--name", "mine", "--ca", str(authority)]) == 0
    shown = capsys.readouterr().out
    assert "mine: kept in" in shown
    assert "sandhopper machines mine" in shown
    assert str(authority) in (host.data_home() / "clouds.yaml").read_text()
    assert main(["clouds", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clouds"] == ["mine"]
    assert main(["machines", "mine"]) == 3
    assert "password of “practice”" in capsys.readouterr().err


def test_the_terminal_tells_programs_what_was_kept(tmp_path: Path, cloud: Cloud, capsys: Capture) -> None:
    file = openrc(tmp_path / "x-openrc.sh", cloud, f"export OS_PASSWORD='{PASSWORD}'\n")
    assert main(["clouds", "add", str(file), "--json"]) == 0
    text = capsys.readouterr().out
    (added,) = json.loads(text)["added"]
    assert set(added) == {"name", "file", "new", "secret", "notes"}
    assert added["secret"]
    assert PASSWORD not in text
    assert main(["clouds", "add", str(file)]) == 0
    assert "known already\n  Its password or secret was not written down" in capsys.readouterr().out
    assert main(["clouds", "add", str(tmp_path / "nothing")]) == 3
    assert "sandhopper help openrc" in capsys.readouterr().err
    assert main(["clouds", "ad", "x"]) == 2
    assert "“add”" in capsys.readouterr().err

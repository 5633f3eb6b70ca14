"""The practice cloud answers as a real one does: what is rehearsed is what will be met."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest

from app import host
from app.practice.cloud import PROJECT
from app.practice.compute import SERVER
from tests.cloud.bare import Bare
from tests.cloud.dialogue import Answer, Side, held_with
from tests.cloud.rig.ground import Ground
from tests.practice.cloud_places import lay_cloud

pytestmark = pytest.mark.cloud
# headers that the real one sends and nobody here reads
UNSAID = {
    "Allow", "Connection", "Openstack-Api-Version", "Openstack-Image-Import-Methods", "Openstack-Image-Store-Ids",
    "Transfer-Encoding", "Vary", "Www-Authenticate", "X-Compute-Request-Id", "X-Openstack-Nova-Api-Version",
    "X-Storage-Policy", "X-Trans-Id",
}  # fmt: skip
# and those that only the practice cloud sends, or that the real one sends in some answers
LOOSE = {"Server", "Date", "Content-Length", "X-Openstack-Request-Id"}
# headers of answers that are looked at for their status only
STATUS_ONLY = {
    "an object store", "a container", "its pieces", "a range behind the object", "an object that was damaged",
    "versions of identity",
}  # fmt: skip
EXACT = ("Content-Range", "X-Static-Large-Object", "Accept-Ranges")
UNPLAYED = {"hw_machine_type", "hw_cdrom_bus", "hw_disk_bus", "hw_input_bus", "hw_pointer_model", "hw_video_model",
            "hw_vif_model"}  # fmt: skip


@pytest.fixture(scope="module")
def real(real_cloud: Ground, bare: Bare, sandbox: str) -> dict[str, Answer]:
    roots = {"identity": "keystone", "compute": "nova", "image": "glance_one", "swift": "swift"}
    account = "/v1/" + bare.url("object-store").rpartition("/")[2]
    side = Side({name: real_cloud.url(port) for name, port in roots.items()}, account, login_of(bare.auth), sandbox)
    bare.idle(sandbox)
    return held_with(side)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    home = tmp_path_factory.mktemp("practice")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDHOPPER_HOME", str(home))
        cloud = lay_cloud(home, stack, lambda file: file.write_bytes(b"disk" * 10_000) and None)
        told = json.loads((host.data_home() / "clouds.yaml").read_text())["clouds"]["practice"]["auth"]
        roots = {name: f"{cloud.base}/{name}" for name in ("identity", "compute", "image", "swift")}
        side = Side(roots, f"/v1/AUTH_{PROJECT}", login_of({**told, "password": cloud.password}), SERVER)
        return held_with(side)


def test_the_same_is_asked_of_both(real: dict[str, Answer], played: dict[str, Answer]) -> None:
    assert list(real) == list(played)


def test_every_status_is_the_same(real: dict[str, Answer], played: dict[str, Answer]) -> None:
    assert {k: a.status for k, a in played.items()} == {k: a.status for k, a in real.items()}


def test_every_body_has_the_same_keys_and_types(real: dict[str, Answer], played: dict[str, Answer]) -> None:
    found = {k: (played[k].body, without(real[k].body)) for k in real if played[k].body != without(real[k].body)}
    assert found == {}


def test_every_header_is_one_that_a_real_cloud_sends(real: dict[str, Answer], played: dict[str, Answer]) -> None:
    invented = {k: extra for k in real if (extra := names(played[k]) - names(real[k]) - LOOSE)}
    assert invented == {}


def test_every_header_that_could_be_read_is_there(real: dict[str, Answer], played: dict[str, Answer]) -> None:
    chosen = [k for k in real if k not in STATUS_ONLY]
    missing = {k: lost for k in chosen if (lost := names(real[k]) - names(played[k]) - UNSAID - empty_kind(real[k]))}
    assert missing == {}


def test_what_headers_say_is_the_same(real: dict[str, Answer], played: dict[str, Answer]) -> None:
    chosen = [k for k in real if k not in STATUS_ONLY]
    assert {k: said(played[k]) for k in chosen} == {k: said(real[k]) for k in chosen}


def login_of(auth: dict[str, Any]) -> dict[str, Any]:
    """What Keystone is asked with a password (docs.openstack.org/api-ref/identity/v3)."""
    domain = {"id": "default"}
    user = {"name": auth["username"], "domain": domain, "password": auth["password"]}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"identity": identity, "scope": {"project": {"name": auth["project_name"], "domain": domain}}}


def names(answer: Answer) -> set[str]:
    return {name.title() for name in answer.headers}


def empty_kind(answer: Answer) -> set[str]:
    """A type of content that is not there says nothing."""
    return {"Content-Type"} if answer.body == "nothing" else set()


def said(answer: Answer) -> dict[str, str]:
    headers = {name.title(): value for name, value in answer.headers.items()}
    found = {name: headers[name] for name in EXACT if name in headers}
    if "Etag" in headers:
        found["Etag"] = "quoted" if headers["Etag"].startswith('"') else "bare"
    if "Location" in headers:
        found["Location"] = f"{headers['Location'].split('/')[-2]}/ID"
    return found


def without(body: Any) -> Any:
    return {k: v for k, v in body.items() if k not in UNPLAYED} if isinstance(body, dict) else body

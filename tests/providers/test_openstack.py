"""The OpenStack provider, talking HTTP to the practice cloud: every way a snapshot can end."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from app import host
from app.context import Context
from app.errors import Cancelled, JobError, NeedsAnswer, Transient
from app.job import Job
from app.practice.cloud import Cloud
from app.practice.compute import SERVER
from app.practice.http import Refused, Request
from app.providers import Machine, Provider, open_provider, openstack
from app.providers import openstack_wait as waiting
from tests.practice.cloud_places import PASSWORD, known, lay_cloud

URL = f"openstack://practice/server/{SERVER}"
Make = Callable[..., Context]


def picture(file: Path) -> None:
    file.write_bytes(b"disk" * 10_000)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with ExitStack() as stack:
        made = lay_cloud(tmp_path, stack, picture)
        made.images.pace = 0.1
        yield made


@pytest.fixture
def ctx(context: Make) -> Context:
    return known(context(Job(URL, "file:///nowhere/", id="job-1", practice=True)))


@pytest.fixture
def provider(cloud: Cloud, ctx: Context) -> Provider:
    return open_provider(URL, ctx)


def test_machines_are_listed_with_disk_and_address(provider: Provider) -> None:
    (machine,) = provider.machines()
    assert (machine.name, machine.status, machine.boot, machine.disk) == ("practice-sandbox", "ACTIVE", "image", 1)
    assert machine.url == URL
    assert machine.addresses == ("127.0.0.1",)


@pytest.mark.parametrize("name", [SERVER, "practice-sandbox", "127.0.0.1"])
def test_a_machine_is_found_by_id_by_name_and_by_address(provider: Provider, name: str) -> None:
    assert provider.machine(f"openstack://practice/server/{name}").id == SERVER


def test_a_machine_that_is_not_there_is_named(provider: Provider) -> None:
    with pytest.raises(JobError, match="There is no machine called “nobody”"):
        provider.machine("openstack://practice/server/nobody")


def test_a_snapshot_is_whole_and_marked_with_its_job(provider: Provider, cloud: Cloud) -> None:
    url = provider.snapshot(provider.machine(URL), "shot")
    image = cloud.images.get(url.rpartition("/")[2])
    assert (image["status"], image["size"], image["sandhopper_job"]) == ("active", 40_000, "job-1")


def test_a_second_call_finds_the_same_snapshot(provider: Provider, cloud: Cloud) -> None:
    machine = provider.machine(URL)
    assert provider.snapshot(machine, "shot") == provider.snapshot(machine, "shot")
    assert len(cloud.images.all()) == 1


def test_a_crash_in_the_middle_finds_the_snapshot_that_was_begun(
    provider: Provider, cloud: Cloud, ctx: Context
) -> None:
    machine = provider.machine(URL)
    cloud.images.pace = 1.0
    threading.Timer(0.4, ctx.cancel.set).start()
    with pytest.raises(Cancelled):
        provider.snapshot(machine, "shot")
    begun = cloud.images.all()
    assert [i["status"] for i in begun] in (["queued"], ["saving"])
    ctx.cancel.clear()
    assert open_provider(URL, ctx).snapshot(machine, "shot").endswith(begun[0]["id"])


def test_another_jobs_snapshot_of_the_same_name_is_left_alone(provider: Provider, cloud: Cloud) -> None:
    other = cloud.images.make({"name": "shot", "sandhopper_job": "job-2", "status": "active", "size": 1})
    url = provider.snapshot(provider.machine(URL), "shot")
    assert not url.endswith(other["id"])
    provider.remove("shot")
    assert provider.find("shot") == ""
    assert cloud.images.get(other["id"])


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("error", "says “error”"),
        ("killed", "says “killed”"),
        ("deleted", "deleted by someone"),
        ("gone", "gave up the snapshot and removed it"),
        ("empty", "without any data"),
    ],
)
def test_a_snapshot_that_fails_says_how(provider: Provider, cloud: Cloud, fate: str, said: str) -> None:
    cloud.compute.fate = fate
    with pytest.raises(JobError, match=said) as caught:
        provider.snapshot(provider.machine(URL), "shot")
    assert "goes on running" in caught.value.means
    assert not isinstance(caught.value, Transient)


@pytest.mark.parametrize("fate", ["error", "killed", "gone", "empty"])
def test_after_a_failure_the_next_try_begins_anew_and_clears_up(provider: Provider, cloud: Cloud, fate: str) -> None:
    cloud.compute.fate = fate
    machine = provider.machine(URL)
    with pytest.raises(JobError):
        provider.snapshot(machine, "shot")
    cloud.compute.fate = "active"
    time.sleep(0.1)
    url = provider.snapshot(machine, "shot")
    assert [i["id"] for i in cloud.images.all()] == [url.rpartition("/")[2]]


def test_an_image_deleted_in_the_middle_is_a_failure_and_not_a_wait(provider: Provider, cloud: Cloud) -> None:
    cloud.images.pace = 1.0
    machine = provider.machine(URL)
    threading.Timer(0.8, lambda: [cloud.images.delete(i["id"]) for i in cloud.images.all()]).start()
    with pytest.raises(JobError, match="removed it"):
        provider.snapshot(machine, "shot")


def test_an_image_that_takes_a_moment_to_appear_is_waited_for(provider: Provider, cloud: Cloud) -> None:
    hidden = iter(range(2))

    def meddle(request: Request) -> bool:
        if "/v2/images/" in request.where and next(hidden, None) is not None:
            raise Refused(404, "not yet")
        return False

    cloud.server.meddle = meddle
    assert provider.snapshot(provider.machine(URL), "shot")


def test_no_work_to_be_seen_for_long_is_a_failure(
    provider: Provider, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "STUCK", 0.5)
    cloud.compute._task = lambda: None  # type: ignore[method-assign]
    cloud.images.pace = 100.0
    with pytest.raises(JobError, match="stopped working"):
        provider.snapshot(provider.machine(URL), "shot")


def test_a_slow_snapshot_is_waited_for_as_long_as_the_cloud_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "STUCK", 0.0)
    watch = waiting.Watch()
    for _ in range(3):
        assert not watch.whole({"status": "saving"}, "image_uploading")


def test_a_machine_of_which_nobody_knows_what_it_starts_from_is_refused(provider: Provider, cloud: Cloud) -> None:
    cloud.compute.server["image"] = ""
    machine = provider.machine(URL)
    assert "does not say from which volume" in machine.hindrance
    with pytest.raises(JobError, match="does not say from which volume"):
        provider.snapshot(machine, "shot")
    assert [machine.boot for machine in provider.machines()] == ["volume"]


def test_a_busy_machine_is_tried_again_later(provider: Provider, cloud: Cloud, ctx: Context) -> None:
    machine = provider.machine(URL)
    cloud.images.pace = 5.0
    cloud.images.make({"name": "other"}, began=time.time())
    with pytest.raises(Transient, match="something else"):
        provider.snapshot(machine, "shot")


def test_a_shelved_machine_is_a_matter_for_the_person(provider: Provider, cloud: Cloud) -> None:
    cloud.compute.server["status"] = "SHELVED_OFFLOADED"
    with pytest.raises(JobError, match="SHELVED_OFFLOADED") as caught:
        provider.snapshot(replace(provider.machine(URL), boot="image"), "shot")
    assert not isinstance(caught.value, Transient)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (403, JobError, "quota"),
        (413, JobError, "no room"),
        (500, Transient, "trouble of its own"),
        (503, Transient, "trouble of its own"),
        (504, Transient, "trouble of its own"),
    ],
)
def test_refusals_in_words(provider: Provider, cloud: Cloud, status: int, kind: type[JobError], said: str) -> None:
    machine = provider.machine(URL)

    def meddle(request: Request) -> bool:
        if request.command == "POST":
            raise Refused(status, "Quota exceeded for images")
        return False

    cloud.server.meddle = meddle
    with pytest.raises(JobError, match=said) as caught:
        provider.snapshot(machine, "shot")
    assert type(caught.value) is kind
    assert "Quota exceeded for images" in caught.value.message


def test_a_page_of_a_proxy_is_shown_as_words(provider: Provider, cloud: Cloud) -> None:
    def meddle(request: Request) -> bool:
        if "servers" not in request.where:
            return False
        body = b"<html><h1>502 Bad Gateway</h1><script>\x1b[31mx</script></html>"
        request._head(502, {"Content-Length": str(len(body)), "Content-Type": "text/html"})
        request.wfile.write(body)
        return True

    cloud.server.meddle = meddle
    with pytest.raises(Transient, match="502 Bad Gateway"):
        provider.machines()


def test_a_page_of_glance_is_shown_without_its_title(provider: Provider, cloud: Cloud) -> None:
    def meddle(request: Request) -> bool:
        if "/image/v2" in request.where:
            raise Refused(409, "a 'queued' image")
        return False

    cloud.server.meddle = meddle
    with pytest.raises(JobError, match=r"It says: 409 Conflict a 'queued' image$"):
        provider.snapshot(Machine(SERVER, "", "ACTIVE", URL), "shot")


def test_until_the_moment_of_the_snapshot_is_known_the_looks_stay_frequent(
    provider: Provider, cloud: Cloud, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(ctx, "sleep", lambda seconds: (waits.append(seconds), time.sleep(0.02)))
    cloud.images.pace = 0.6
    monkeypatch.setattr(provider, "_task", lambda machine: "image_snapshot")
    provider.snapshot(provider.machine(URL), "shot")
    assert len(waits) > 10
    assert max(waits) < openstack.FIRST * openstack.PRACTICE_PACE * 1.21


def test_a_token_that_ends_is_renewed_by_itself(provider: Provider, cloud: Cloud) -> None:
    assert provider.machines()
    cloud.tokens.clear()
    assert provider.machines()


def test_a_cloud_that_is_down_may_come_back(provider: Provider, cloud: Cloud) -> None:
    cloud.stop()
    with pytest.raises(Transient, match="line to the cloud"):
        provider.machines()


def test_a_certificate_must_be_vouched_for(
    provider: Provider, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    cloud.server.socket = tls.wrap_socket(cloud.server.socket, server_side=True)
    cloud.base = cloud.base.replace("http:", "https:")
    file = host.data_home() / "clouds.yaml"
    file.write_text(file.read_text().replace("http:", "https:"))
    with pytest.raises(JobError, match="certificate of the cloud") as caught:
        provider.machines()
    assert not isinstance(caught.value, Transient)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert open_provider(URL, known(provider.ctx)).machines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", ["/elsewhere", "/identity/nothing"])
def test_a_wrong_address_in_clouds_yaml_is_for_the_person(provider: Provider, cloud: Cloud, where: str) -> None:
    file = host.data_home() / "clouds.yaml"
    file.write_text(file.read_text().replace("/identity/v3", where))
    with pytest.raises(JobError, match=r"cannot be used|no login service") as caught:
        provider.machines()
    assert not isinstance(caught.value, Transient)
    assert "clouds.yaml" in caught.value.remedy


def test_a_region_that_is_not_there_is_for_the_person(provider: Provider, cloud: Cloud) -> None:
    file = host.data_home() / "clouds.yaml"
    file.write_text(file.read_text().replace('"Practice"', '"Atlantis"'))
    with pytest.raises(JobError) as caught:
        provider.machines()
    assert not isinstance(caught.value, Transient)


def test_an_answer_cut_short_is_a_broken_line(provider: Provider, cloud: Cloud) -> None:
    def meddle(request: Request) -> bool:
        if "servers" not in request.where:
            return False
        request._head(200, {"Content-Length": "500", "Content-Type": "application/json"})
        request.wfile.write(b'{"servers": [')
        request.close_connection = True
        return True

    cloud.server.meddle = meddle
    with pytest.raises(Transient):
        provider.machines()


def test_a_cancel_is_heard_while_the_cloud_is_silent(provider: Provider, cloud: Cloud, ctx: Context) -> None:
    provider.machines()
    heard = threading.Event()
    cloud.server.meddle = lambda request: bool(heard.wait(30) and None)
    threading.Timer(0.2, ctx.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        provider.machines()
    heard.set()
    assert time.monotonic() - began < 15


def test_the_password_is_asked_for_when_clouds_yaml_has_none(cloud: Cloud, context: Make) -> None:
    with pytest.raises(NeedsAnswer, match="password of “practice”") as caught:
        open_provider(URL, context()).machines()
    assert (caught.value.question.kind, caught.value.question.about) == ("password", "openstack://practice")


def test_a_wrong_password_is_forgotten_and_asked_for_again(cloud: Cloud, context: Make) -> None:
    ctx = context(answers={"openstack://practice": "wrong"})
    with pytest.raises(NeedsAnswer, match="refused the password"):
        open_provider(URL, ctx).machines()
    assert ctx.answers.get("openstack://practice") is None


def test_a_wrong_password_in_clouds_yaml_is_no_question(cloud: Cloud, context: Make) -> None:
    file = host.data_home() / "clouds.yaml"
    file.write_text(file.read_text().replace('"username"', '"password": "wrong", "username"'))
    with pytest.raises(JobError, match=r"login in clouds\.yaml") as caught:
        open_provider(URL, context()).machines()
    assert not isinstance(caught.value, NeedsAnswer)


def test_a_cloud_that_nobody_knows_is_named_with_the_place_for_its_file(cloud: Cloud, context: Make) -> None:
    with pytest.raises(JobError, match=r"no cloud called “elsewhere”.*Known here: practice") as caught:
        open_provider("openstack://elsewhere/server/x", context()).machines()
    assert "clouds.yaml" in caught.value.remedy


def test_a_damaged_clouds_yaml_is_told_and_not_a_bug(context: Make) -> None:
    file = host.private_folder(host.data_home()) / "clouds.yaml"
    for text in ("clouds: [1, 2", "just words", "clouds:\n  practice: 7\n", "clouds:\n  practice:\n    auth: no\n"):
        file.write_text(text)
        with pytest.raises(JobError):
            open_provider(URL, context()).machines()


def test_the_password_is_in_no_event_and_no_log(
    provider: Provider, ctx: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        provider.machines()
    assert PASSWORD not in ctx.answers.redact(caplog.text)


def test_a_machine_is_plain_data() -> None:
    assert Machine("i", "n", "ACTIVE", URL).volumes == 0

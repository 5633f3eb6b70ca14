"""The practice site alone: each server speaks its protocol to a real client, and comes up again as it was."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import host
from app.context import Context
from app.errors import JobError
from app.job import load
from app.practice.compute import SERVER
from app.practice.record import Record
from app.practice.site import Site, practice_job
from app.sandbox import Sandbox
from app.sandbox.remote import given
from app.stores import open_store
from tests.practice.trees import listing
from tests.servers import need, until

Make = Callable[..., Context]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


@pytest.fixture
def ctx(context: Make, site: Site) -> Context:
    return context(practice_like(site), answers=site.answers())


def practice_like(site: Site) -> object:
    from app.job import Job

    return Job(f"openstack://practice/server/{SERVER}", site.record.url("sftp") + "/", id="job-1", practice=True)


def test_openstacks_own_client_can_use_the_cloud(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import openstack

    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(site.home / "clouds.yaml"))
    site.cloud.images.pace = 0.1
    with openstack.connect(cloud="practice", auth={"password": site.record.passwords["cloud"]}) as cloud:
        assert [s.name for s in cloud.compute.servers()] == ["practice-sandbox"]
        image = cloud.create_image_snapshot("by-the-sdk", SERVER, wait=True, timeout=30)
        assert image.status == "active"
        data = b"".join(cloud.image.download_image(image, stream=True).iter_content(1 << 20))
        assert (len(data), data[510:512]) == (128 << 20, b"\x55\xaa")
        cloud.object_store.create_container("box")
        cloud.object_store.upload_object("box", "a.txt", data=b"hello")
        assert cloud.object_store.download_object("a.txt", container="box") == b"hello"
        cloud.image.delete_image(image.id)
        assert list(cloud.image.images()) == []


def test_opensshs_sftp_can_use_the_upload_server(site: Site, tmp_path: Path) -> None:
    program = need("sftp")
    (tmp_path / "a b.img").write_bytes(data := os.urandom(3_000_000))
    ask = tmp_path / "ask"
    ask.write_text(f"#!/bin/sh\necho '{site.record.passwords['sftp']}'\n")
    ask.chmod(0o700)
    env = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    quiet = ["-oStrictHostKeyChecking=no", f"-oUserKnownHostsFile={tmp_path}/known", "-oLogLevel=ERROR"]
    batch = (
        f'put "{tmp_path}/a b.img" x.part\nrename x.part x.img\nget x.img {tmp_path}/back.img\nls\nmkdir d\nrmdir d\n'
    )
    command = [program, *quiet, "-P", str(site.record.ports["sftp"]), "-b", "-", "practice@127.0.0.1"]
    command[command.index("-b") : command.index("-b") + 2] = []
    done = subprocess.run(command, input=batch, text=True, env=env, capture_output=True, timeout=60, check=False)
    assert (tmp_path / "back.img").read_bytes() == data, done.stderr
    assert [f.name for f in site.uploads.iterdir()] == ["x.img"]


def test_curl_can_use_the_ftps_server(site: Site, tmp_path: Path) -> None:
    program = need("curl")
    (tmp_path / "a.img").write_bytes(data := os.urandom(1_000_000))
    login = f"practice:{site.record.passwords['ftps']}"
    url = f"ftp://127.0.0.1:{site.record.ports['ftps']}/a.img"
    config = f'user = "{login}"\n'
    command = [program, "-sS", "--ssl-reqd", "-k", "-K", "-", "-T", str(tmp_path / "a.img"), url]
    subprocess.run(command, input=config, text=True, timeout=60, check=True)
    assert (site.home / "ftps-uploads/a.img").read_bytes() == data
    plain = subprocess.run([program, "-sS", "-K", "-", url], input=config, text=True, capture_output=True, check=False)
    assert plain.returncode != 0


@pytest.mark.parametrize("name", ["sftp", "ftps"])
def test_our_own_stores_need_no_question(site: Site, ctx: Context, name: str) -> None:
    store = open_store(site.record.url(name) + "/", ctx)
    store.write("a.img", iter([b"x" * 1_000_000]), 0, lambda count: None)
    assert store.size("a.img") == 1_000_000
    store.close()


def test_the_upload_server_shows_nothing_else(site: Site, ctx: Context) -> None:
    store = open_store(site.record.url("sftp") + "/../../../etc/", ctx)
    assert store.size("passwd") is None
    store.close()


def test_the_machine_is_merged_and_put_back_byte_for_byte(site: Site, ctx: Context) -> None:
    home = site.machine.home
    before = listing(home)
    sandbox = Sandbox(site.record.url("machine"), ctx)
    look = sandbox.look()
    assert [(m.path, m.why_not, m.hidden) for m in look.mounts] == [
        ("/application", "", False),
        ("/scratch", "", False),
    ]
    assert [secret.kind for secret in look.secrets if secret.mount == "/application"] == ["netrc"]
    assert len(look.secrets) == 5
    facts = sandbox.merge(["/application"], "job-1")
    merged = listing(home / "root/application")
    data = listing(home / "data")
    assert merged == data
    assert facts["files"] == len(data)
    assert b"#sandhopper-job-1# UUID=1c2d" in (home / "root/etc/fstab").read_bytes()
    assert sandbox.look().journal == "job-1"
    assert [f.grade for f in sandbox.restore()] == ["ok"]
    sandbox.close()
    assert listing(home) == before


def test_another_export_finds_the_machine_prepared_and_is_refused(site: Site, ctx: Context) -> None:
    sandbox = Sandbox(site.record.url("machine"), ctx)
    sandbox.merge(["/application"], "job-1")
    with pytest.raises(JobError, match="job-1"):
        sandbox.merge(["/application"], "job-2")
    sandbox.restore()
    sandbox.close()


def test_work_outlives_a_dropped_line_and_the_machine_survives_a_power_cut(context: Make) -> None:
    with Site() as site:
        before = listing(site.machine.home)
        ctx = context(practice_like(site), answers=site.answers())
        sandbox = Sandbox(site.record.url("machine"), ctx)
        ctx.report = lambda event: site.machine.stop() if event.kind == "tick" and event.done > 1000 else None
        with pytest.raises(JobError, match="interrupted"):
            sandbox.merge(["/application"], "job-1")
        sandbox.close()
        assert listing(site.machine.home) != before
    with Site() as again:
        ctx.report = lambda event: None
        sandbox = Sandbox(again.record.url("machine"), ctx)
        sandbox.merge(["/application"], "job-1")
        assert listing(again.machine.home / "root/application") == listing(again.machine.home / "data")
        sandbox.restore()
        sandbox.close()
        assert listing(again.machine.home) == before


def test_a_power_cut_at_the_very_end_loses_no_result(context: Make) -> None:
    with Site() as site:
        before = listing(site.machine.home)
        sandbox = Sandbox(site.record.url("machine"), context(practice_like(site), answers=site.answers()))
        facts = sandbox.merge(["/application"], "job-1")
        sandbox.close()
    with Site() as site:
        sandbox = Sandbox(site.record.url("machine"), context(practice_like(site), answers=site.answers()))
        assert sandbox.merge(["/application"], "job-1") == facts
        sandbox._ask("recall", given(JOB="job-1", BODY=""))
        until(lambda: site.machine._works["job-1 restore"].state == "ended 0")
        sandbox.close()
    with Site() as site:
        sandbox = Sandbox(site.record.url("machine"), context(practice_like(site), answers=site.answers()))
        assert [f.facts.get("equal") for f in sandbox.restore("job-1")] == [True]
        sandbox.close()
        assert listing(site.machine.home) == before


def test_the_same_site_comes_up_again(context: Make) -> None:
    with Site() as first:
        answers, ports = first.answers(), dict(first.record.ports)
    with Site() as second:
        assert (second.answers(), second.record.ports) == (answers, ports)


def test_its_secrets_are_for_this_person_only(site: Site) -> None:
    if os.name == "posix":
        for name in ("site.json", "ftps.pem"):
            assert stat.S_IMODE((site.home / name).stat().st_mode) == 0o600, name
    assert site.record.passwords["cloud"] not in (site.home / "clouds.yaml").read_text()


def test_two_rehearsals_at_once_are_refused_in_words(site: Site) -> None:
    ports = dict(site.record.ports)
    for begin in (lambda: Site().__enter__(), practice_job):
        with pytest.raises(JobError, match="Another rehearsal"):
            begin()
    assert Record.load().ports == ports


def test_a_taken_port_is_told_and_a_new_rehearsal_moves_away() -> None:
    with Site() as site:
        port = site.record.ports["sftp"]
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(JobError, match=str(port)):
            Site().__enter__()
        job = practice_job()
        assert str(port) not in job.target
    with Site() as moved:
        assert job.target.startswith(moved.record.url("sftp"))


def test_a_spoilt_record_is_begun_anew() -> None:
    host.private_folder(host.data_home() / "practice")
    for text in ("{", "[]", '{"ports": 5}'):
        (host.data_home() / "practice/site.json").write_text(text)
        with Site() as site:
            assert len(site.answers()) == 7


def test_the_job_says_that_it_is_practice_and_can_be_saved(tmp_path: Path) -> None:
    job = practice_job()
    job.save(tmp_path / "job.json")
    assert load(tmp_path / "job.json") == job
    assert (job.practice, job.merges, job.profile) == (True, ("/application",), "generic")
    assert not any(secret in (tmp_path / "job.json").read_text() for secret in Record.load().passwords.values())


def test_a_wrong_password_opens_nothing(site: Site, context: Make) -> None:
    wrong = {about: "wrong" if "://practice@" in about else value for about, value in site.answers().items()}
    for name in ("sftp", "ftps"):
        with pytest.raises(JobError):
            open_store(site.record.url(name) + "/", context(answers=wrong)).open()


def test_an_old_snapshot_of_a_deleted_rehearsal_is_tidied_away() -> None:
    with Site() as site:
        images = site.cloud.images
        old = {"sandhopper_job": "gone", "status": "active", "created_at": "2020-01-01T00:00:00Z"}
        images.make({"name": "old", **old})
        images.make({"name": "new", "sandhopper_job": "gone", "status": "active"})
        images.make({"name": "kept", **old, "sandhopper_job": "here"})
        (host.jobs_home() / "here").mkdir(parents=True)
    with Site() as site:
        assert sorted(str(i["name"]) for i in site.cloud.images.all()) == ["kept", "new"]
        assert json.loads((site.home / "clouds.yaml").read_text())["clouds"].keys() == {"practice"}

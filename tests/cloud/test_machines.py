"""Logins, machines and their addresses, at a real cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context
from app.errors import JobError, NeedsAnswer
from app.providers import open_provider
from tests.cloud.bare import Bare

pytestmark = pytest.mark.cloud
Make = Callable[..., Context]


@pytest.mark.parametrize("cloud", ["one", "credential"])
def test_machines_are_listed_with_size_and_address(cloud: str, sandbox: str, bare: Bare, ctx: Context) -> None:
    found = {machine.id: machine for machine in open_provider(f"openstack://{cloud}/", ctx).machines()}
    machine = found[sandbox]
    assert (machine.name, machine.status, machine.boot, machine.disk) == ("sandbox", "ACTIVE", "image", 1)
    assert machine.url == f"openstack://{cloud}/server/{sandbox}"
    assert machine.addresses == (address_of(bare, sandbox),)
    assert not machine.volumes


def test_a_machine_is_found_by_id_by_name_and_by_address(sandbox: str, bare: Bare, ctx: Context) -> None:
    provider = open_provider("openstack://one/", ctx)
    for name in (sandbox, "sandbox", address_of(bare, sandbox)):
        assert provider.machine(f"openstack://one/server/{name}").id == sandbox


@pytest.mark.parametrize("name", ["nobody", "10.99.0.250", "0b2f1c8e-0000-4000-8000-00000000ba5e"])
def test_a_machine_that_is_not_there_is_named(name: str, ctx: Context) -> None:
    with pytest.raises(JobError, match=f"no machine .*“{name}”"):
        open_provider("openstack://one/", ctx).machine(f"openstack://one/server/{name}")


def test_another_projects_machines_are_not_seen(sandbox: str, ctx: Context) -> None:
    assert open_provider("openstack://teaching/", ctx).machines() == []


def test_a_cloud_without_machines_in_its_region_says_so(ctx: Context) -> None:
    with pytest.raises(JobError) as caught:
        open_provider("openstack://two/", ctx).machines()
    assert "clouds.yaml" in caught.value.remedy


def test_a_machine_on_a_volume_says_which(on_volume: str, bare: Bare, ctx: Context) -> None:
    machine = open_provider("openstack://one/", ctx).machine(f"openstack://one/server/{on_volume}")
    assert (machine.boot, machine.disk, machine.volumes) == ("volume", 1, 0), "the one it starts from is not counted"
    attached = bare.server(on_volume)["os-extended-volumes:volumes_attached"]
    assert [volume["id"] for volume in attached] == [machine.root]


def test_a_password_that_is_not_in_the_file_is_asked_for(
    known_clouds: Path, context: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(known_clouds.read_text())["clouds"]["one"]
    password = told["auth"].pop("password")
    file = tmp_path / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"mine": told}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    with pytest.raises(NeedsAnswer, match="password of “scientist”"):
        open_provider("openstack://mine/", context()).machines()
    with pytest.raises(NeedsAnswer, match="refused the password"):
        open_provider("openstack://mine/", context(answers={"openstack://mine": "wrong"})).machines()
    open_provider("openstack://mine/", context(answers={"openstack://mine": password})).machines()


def test_a_credential_that_was_withdrawn_is_a_matter_for_the_person(
    known_clouds: Path, ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(known_clouds.read_text())["clouds"]["credential"]
    told["auth"]["application_credential_secret"] = "no longer"
    file = tmp_path / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"mine": told}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    with pytest.raises(JobError, match=r"did not accept the login in clouds\.yaml"):
        open_provider("openstack://mine/", ctx).machines()


def address_of(bare: Bare, server: str) -> str:
    (network,) = bare.server(server)["addresses"].values()
    return str(network[0]["addr"])

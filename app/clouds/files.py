"""Finds a cloud in the files called clouds.yaml, and asks for a password that is not in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import host
from app.errors import JobError, Question
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

PRACTICE = "practice"  # the folder of the practice cloud's own clouds.yaml
SILENCE = 120.0  # seconds without a byte before a connection counts as broken, also while logging in
SECRETS = {
    "password": "password",
    "v3password": "password",
    "v2password": "password",
    "v3applicationcredential": "application_credential_secret",
}


def about(cloud: str) -> str:
    """The key under which the password of *cloud* is kept."""
    return f"openstack://{cloud}"


def known() -> list[str]:
    """The names of all clouds that the files of this computer know."""
    return sorted(set().union(*(names for _, names in _configs())))


def region_of(cloud: str, ctx: Context) -> Any:
    """The openstacksdk `CloudRegion` of *cloud*; raises `JobError` or `NeedsAnswer`."""
    from openstack import exceptions

    try:
        config = _holding(cloud)
        bare = config.get_one(cloud, validate=False).config
        secret = SECRETS.get(str(bare.get("auth_type") or "password").replace("_", ""))
        extra: dict[str, Any] = {"verify": True, "insecure": False}  # `faults` tells it where a file says otherwise
        if secret and not bare.get("auth", {}).get(secret):
            word = "password of" if secret == "password" else "secret of the application credential"  # noqa: S105
            text = f"What is the {word} “{_person(bare)}” at the cloud “{cloud}”?"
            extra["auth"] = {secret: ctx.need(Question("password", about(cloud), text))}
        if not bare.get("api_timeout"):
            extra["api_timeout"] = SILENCE
        if os.environ.get("SSL_CERT_FILE") and not bare.get("cacert"):
            extra["cacert"] = os.environ["SSL_CERT_FILE"]
        return config.get_one(cloud, **extra)
    except (exceptions.ConfigException, AttributeError, KeyError, TypeError, ValueError) as exc:
        # the library trusts the file to have the right shape, and trips over anything else
        remedy = "Download clouds.yaml anew from the cloud's web page (API Access), and put it in its place."
        raise JobError(f"The settings of the cloud “{cloud}” cannot be used: {exc}", remedy, topic="clouds") from exc


def _holding(cloud: str) -> Any:
    """The first configuration file that knows *cloud*."""
    seen: set[str] = set()
    for config, names in _configs():
        if cloud in names:
            return config
        seen |= names
    known = f"Known here: {', '.join(sorted(seen))}." if seen else "No clouds.yaml was found."
    remedy = (
        "Download clouds.yaml or the openrc file from the cloud's web page (API Access), then choose it in the window"
    )
    remedy += " (“A machine in an OpenStack cloud”), or: sandhopper clouds add FILE"
    raise JobError(f"There is no cloud called “{cloud}” on this computer. {known}", remedy, topic="clouds")


def _configs() -> Iterator[tuple[Any, set[str]]]:
    """Each configuration file, read, and the names of the clouds in it."""
    from openstack.config import OpenStackConfig
    from openstack.config.loader import SECURE_FILES
    from openstack.exceptions import ConfigException

    for file in _files():
        secure = [str(file.with_name("secure.yaml")), *SECURE_FILES]
        try:
            config = OpenStackConfig(config_files=[str(file)], secure_files=secure, load_envvars=False)
            names = set(config.get_cloud_names()) - {"defaults"}
        except (ConfigException, AttributeError, KeyError, TypeError, ValueError) as exc:
            remedy = "Mend it with an editor, download it anew from the cloud's web page (API Access), or move it away."
            raise JobError(f"The file {plain(file)} is no good clouds.yaml.", remedy, topic="clouds") from exc
        yield config, names


def _files() -> Iterator[Path]:
    from openstack.config.loader import CONFIG_FILES

    chosen = os.environ.get("OS_CLIENT_CONFIG_FILE")
    places = [*([chosen] if chosen else []), *CONFIG_FILES]
    own = [host.data_home() / "clouds.yaml", host.data_home() / PRACTICE / "clouds.yaml"]
    for file in (*map(Path, places), *own):
        if file.suffix in (".yaml", ".yml") and file.is_file():
            yield file


def _person(config: dict[str, Any]) -> str:
    auth = config.get("auth", {})
    return str(
        auth.get("username")
        or auth.get("application_credential_name")
        or auth.get("user_id")
        or auth.get("application_credential_id")
        or "this login"
    )

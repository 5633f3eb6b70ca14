"""What an openrc file says (Horizon's `PROJECT-openrc.sh`), as an entry of clouds.yaml. It is read, never run.

The names are those of Horizon's templates (openrc.sh.template of api_access and of application_credentials) and of
python-openstackclient's “Environment variables”.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.clouds.shellwords import Assigned, assigned
from app.clouds.unfit import unfit
from app.errors import JobError

_AUTH = (
    "auth_url", "username", "user_id", "user_domain_name", "user_domain_id", "project_name", "project_id",
    "project_domain_name", "project_domain_id", "domain_name", "domain_id", "system_scope", "trust_id",
    "application_credential_id", "application_credential_name", "password", "application_credential_secret",
)  # fmt: skip
_BESIDE = ("auth_type", "region_name", "interface", "identity_api_version", "cacert", "insecure")
_SCOPES = {"project_name", "project_id", "application_credential_id", "application_credential_name"}
_TENANTS = {"OS_TENANT_NAME", "OS_TENANT_ID"}
_SECRET = ("password", "application_credential_secret")  # not needed: they are asked for


def entry(text: str) -> dict[str, Any]:
    """The entry of clouds.yaml for *text*, not looked over yet; raises `JobError`."""
    try:
        said = assigned(text, {"HOME": str(Path.home())})
    except ValueError as exc:
        raise _unreadable() from exc
    if not any(name.startswith("OS_") for name in (*said.values, *said.unread)):
        raise _unreadable()
    auth, beside = _of(said, _AUTH), _of(said, _BESIDE)
    if "interface" not in beside and (kind := said.values.get("OS_ENDPOINT_TYPE")):
        beside["interface"] = kind.removesuffix("URL")
    if said.values.keys() & _TENANTS and not auth.keys() & _SCOPES:
        beside["identity_api_version"] = "2"  # whoever speaks of tenants only
    if "auth_type" not in beside and ("application_credential_id" in auth or "application_credential_name" in auth):
        beside["auth_type"] = "v3applicationcredential"
    return {"auth": auth, **beside}


def _of(said: Assigned, keys: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for key in keys:
        name = f"OS_{key.upper()}"
        if name in said.unread and key not in _SECRET:
            raise unfit(
                f"This file has {name} worked out by a shell. Sandhopper runs nothing that stands in a file.",
                f"Open the file with an editor, and write the value itself behind {name}=.",
            )
        if value := said.values.get(name):
            found[key] = value
    return found


def _unreadable() -> JobError:
    remedy = "Download one of them from the cloud's web page (API Access)."
    return unfit("This is neither a clouds.yaml nor an openrc file.", remedy)

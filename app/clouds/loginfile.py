"""A login file that a person brings (openrc or clouds.yaml), as entries that this program's own clouds.yaml may keep.

No secret is kept: it is handed over apart, for this session. A certificate that need not be checked is not taken.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.clouds import cloudsfile, openrc
from app.clouds.files import SECRETS
from app.clouds.unfit import unfit
from app.units import plain

BIGGEST = 128 << 10  # bytes; Horizon's files have two thousand
LOCAL = ("localhost", "127.0.0.1", "::1")
_HIDDEN = {
    "password",
    "application_credential_secret",
    "token",
    "passcode",
    "client_secret",
    "access_token",
    "adfs_token",
}
_NO = {"false", "no", "off", "0", "f", "n"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Login:
    """One login: the *name* that the file gives it, its *entry* without secrets, its *secret*, what has to be said.

    *region* is set where the file names several: there is a login for each, so that a person can choose.
    """

    name: str
    entry: dict[str, Any]
    secret: str = field(default="", repr=False)
    notes: tuple[str, ...] = ()
    region: str = ""


def read(file: Path, authority: str = "", project: str = "") -> list[Login]:
    """The logins in *file*; *authority* is a file of certificates to trust there, *project* the one to work in.

    Raises `JobError`; writes nothing.
    """
    text = _text(file)
    if cloudsfile.is_clouds(text):
        found = cloudsfile.clouds(text)
        made = [
            _login(name, _within(project, entry), file, authority)
            for name, entry in found.items()
            if name != "defaults"
        ]
        logins = [one for login in made for one in _by_region(login)]
    else:
        entry = _within(project, openrc.entry(text))
        logins = [_login(_called(entry, file), entry, file, authority)]
    if not logins:
        raise unfit("This clouds.yaml names no cloud.")
    return logins


def _text(file: Path) -> str:
    if not file.is_file():
        raise unfit(f"There is no file {plain(file)}.", "Check its name.")
    with file.open("rb") as opened:
        data = opened.read(BIGGEST + 1)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        text = "\0"
    if len(data) > BIGGEST or _CONTROL.search(text):
        raise unfit(f"{plain(file.name)} is no login file: it is too big, or not text.")
    return text


def _within(project: str, entry: Any) -> Any:
    """*entry* for another *project*; its domain is the person's, unless the file names one."""
    if not project or not isinstance(entry, dict) or not isinstance(entry.get("auth"), dict):
        return entry
    if entry.get("auth_type") == "v3applicationcredential":
        raise unfit("An application credential works in its own project, and in no other.", "Leave --project away.")
    auth = {key: value for key, value in entry["auth"].items() if key not in ("project_id", "system_scope")}
    if not any(auth.get(key) for key in ("project_domain_id", "project_domain_name")):
        auth |= {f"project_{key[5:]}": auth[key] for key in ("user_domain_id", "user_domain_name") if key in auth}
    return {**entry, "auth": {**auth, "project_name": project}}


def _called(entry: dict[str, Any], file: Path) -> str:
    """A name for an openrc's cloud: the project's, else that of the file or of the server."""
    stem = re.sub(r"(-?openrc)?( ?\(\d+\))?(\.sh)?$", "", file.name)
    host = urlsplit(str(entry["auth"].get("auth_url", ""))).hostname or ""
    return str(entry["auth"].get("project_name") or re.sub(r"^app-cred-", "", stem) or host)


def _login(name: str, entry: Any, file: Path, authority: str) -> Login:
    if not isinstance(entry, dict) or not isinstance(entry.get("auth", {}), dict):
        raise unfit(f"What the file says about “{plain(name)}” is no login.")
    notes: list[str] = []
    auth = {str(key): value for key, value in entry.get("auth", {}).items()}
    beside = {str(key): value for key, value in entry.items() if key != "auth"}
    secret = _secret_of(beside, auth)
    _look_at_version(beside, auth)
    _look_at_address(beside, auth, notes)
    _keep_checking(beside, notes)
    _find_authority(beside, file, authority)
    if not (
        beside.get("auth_type") == "v3applicationcredential" or _scope(auth) or _scope(beside) or "profile" in beside
    ):
        notes.append("The file names no project. If the cloud has no choice of its own, you will be told all of them.")
    return Login(name, _without_secrets({"auth": auth, **beside}), secret, tuple(notes))


def _by_region(login: Login) -> list[Login]:
    """A login for each region of *login*: openstacksdk would use the first one, in silence."""
    regions = login.entry.get("regions")
    if not isinstance(regions, list) or len(regions) < 2 or login.entry.get("region_name"):
        return [login]
    made = []
    for region in regions:
        name = str(region.get("name", "") if isinstance(region, dict) else region)
        entry = {**login.entry, "regions": [region], "region_name": name}
        made.append(replace(login, entry=entry, region=name))
    return made


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(inner) for key, inner in value.items() if key not in _HIDDEN}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value


def _scope(said: dict[str, Any]) -> bool:
    return any(said.get(key) for key in ("project_id", "project_name", "tenant_id", "tenant_name", "system_scope"))


def _secret_of(beside: dict[str, Any], auth: dict[str, Any]) -> str:
    """The password or the like; raises where the way to log in is none that can be gone without keeping secrets."""
    kind = str(beside.get("auth_type") or "password")
    key = SECRETS.get(kind.replace("_", ""))
    if key is None:
        raise unfit(
            f"This file logs in by “{plain(kind)}”. Only logins by password or application credential are taken.",
            "Make an application credential on the cloud's web page (Identity), and download its file.",
        )
    return str(auth.get(key) or beside.get(key) or "")


def _look_at_version(beside: dict[str, Any], auth: dict[str, Any]) -> None:
    """Version 2.0 of the login service is gone from OpenStack since 2018 (release notes of Keystone 13, “Queens”)."""
    old = str(beside.get("identity_api_version") or "3").startswith("2") or beside.get("auth_type") == "v2password"
    if old or str(auth.get("auth_url", "")).rstrip("/").endswith("/v2.0"):
        raise unfit(
            "This file is for version 2 of the login service (with “tenants”), which OpenStack has given up.",
            "Download the other file from the cloud's web page (API Access): “OpenStack RC File”, without “v2.0”.",
        )


def _look_at_address(beside: dict[str, Any], auth: dict[str, Any], notes: list[str]) -> None:
    if "auth_url" not in auth and ("profile" in beside or "cloud" in beside):
        return  # a provider that openstacksdk knows
    try:
        parts = urlsplit(str(auth.get("auth_url") or ""))
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise unfit("The file does not say where to log in: auth_url is no web address.")
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        notes.append(f"The way to {plain(parts.hostname)} is not encrypted (http): others can read the password on it.")


def _keep_checking(beside: dict[str, Any], notes: list[str]) -> None:
    """Take `insecure` and `verify` out: a login whose server nobody checks gives the password to anyone."""
    insecure = str(beside.pop("insecure", False) or "no").lower() not in _NO
    verify = beside.pop("verify", True)
    if insecure or str("no" if verify is None else verify).lower() in _NO:
        notes.append(
            "The file says that the cloud's certificate need not be checked. That was not taken: anyone on the way "
            "could read the password. If the certificate is refused, name the file of the cloud's own authority: "
            "by OS_CACERT (cacert) in the login file, or by --ca FILE in a terminal."
        )


def _find_authority(beside: dict[str, Any], file: Path, authority: str) -> None:
    named = authority or str(beside.pop("cacert", None) or "")
    if not named:
        return
    place = file.absolute().parent / Path(named).expanduser()  # an absolute path stays as it is
    try:
        ssl.create_default_context(cafile=str(place))
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise unfit(
            f"There are no certificates in {plain(place)}, which the file names as the cloud's own authority.",
            "Ask the cloud's people for that file and put it there, or name it: sandhopper clouds add FILE --ca PEM",
        ) from exc
    beside["cacert"] = str(place)

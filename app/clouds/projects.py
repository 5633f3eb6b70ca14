"""The projects in which a login may work, where its file names none."""

from __future__ import annotations

from typing import Any

from app.errors import JobError
from app.units import plain

SCOPES = ("project_id", "project_name", "domain_id", "domain_name", "system_scope", "trust_id")
SHOWN = 12


def need_project(connection: Any, cloud: str) -> None:
    """Raise `JobError` with the projects to choose from, where *connection* would log in to none of them.

    Keystone has a default project for some people (docs.openstack.org/api-ref/identity/v3, “Unscoped”).
    """
    config = connection.config.config
    auth = config.get("auth", {})
    kind = str(config.get("auth_type") or "password").replace("_", "")
    if kind not in ("password", "v3password") or any(auth.get(key) for key in SCOPES):
        return
    session = connection.session
    access = session.auth.get_access(session)
    if access.scoped:
        return
    names = _names(session)
    found = f" It may work in: {', '.join(names[:SHOWN])}{' …' if len(names) > SHOWN else ''}." if names else ""
    raise JobError(
        f"The cloud “{cloud}” takes the login, but its file names no project to work in.{found}",
        "Choose one: sandhopper clouds add FILE --project NAME. Or choose it on the web page, and download its file.",
        means="Nothing was changed.",
        topic="openrc",
    )


def _names(session: Any) -> list[str]:
    from keystoneauth1.plugin import AUTH_INTERFACE

    place = {"interface": AUTH_INTERFACE, "version": (3, 0)}
    with session.get("/auth/projects", endpoint_filter=place, raise_exc=False) as answer:
        told = answer.json() if answer.status_code == 200 else {}
    listed = told.get("projects") if isinstance(told, dict) else None
    return sorted(plain(one.get("name")) for one in listed or [] if isinstance(one, dict) and one.get("enabled", True))

"""Who may log in, what the catalog says, and the clouds.yaml of them all."""

from __future__ import annotations

import json
import secrets
from typing import Any

from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from tests.cloud.rig.ground import REGIONS, Ground

SCIENTIST = "scientist"
CATALOG = (
    ("image", "glance", "", ""),
    ("compute", "nova", "nova", "/v2.1"),
    ("placement", "placement", "placement", ""),
    ("network", "neutron", "neutron", ""),
    ("volumev3", "cinderv3", "cinder", "/v3/%(project_id)s"),
    ("block-storage", "cinder", "cinder", "/v3/%(project_id)s"),
    ("object-store", "swift", "swift", "/v1/AUTH_%(project_id)s"),
)


class Api:
    """One login at one service, by its bare interface."""

    def __init__(self, ground: Ground, url: str, user: str, password: str, project: str) -> None:
        domain = {"user_domain_id": "default", "project_domain_id": "default"}
        auth = Password(ground.identity, username=user, password=password, project_name=project, **domain)
        self.session, self.url = Session(auth=auth), url

    def post(self, path: str, **body: Any) -> Any:
        """Make something; returns what the service says of it."""
        return next(iter(self.session.post(self.url + path, json=body).json().values()))

    def put(self, path: str) -> None:
        """Make a connection between two things."""
        self.session.put(self.url + path)

    def get(self, path: str) -> Any:
        """What is there."""
        return self.session.get(self.url + path).json()


def admin(ground: Ground, url: str) -> Api:
    """The administrator at one service."""
    return Api(ground, url, "admin", ground.password, "admin")


def settle(ground: Ground) -> None:
    """Make all of it in a keystone that was just bootstrapped."""
    keystone = admin(ground, ground.identity)
    roles = {role["name"]: role["id"] for role in keystone.get("/roles")["roles"]}
    for name in {"service", "ResellerAdmin"} - set(roles):
        roles[name] = keystone.post("/roles", role={"name": name})["id"]
    projects = {
        name: keystone.post("/projects", project={"name": name, "domain_id": "default"})["id"]
        for name in ("services", "research", "teaching")
    }

    def user(name: str, password: str, **may: str) -> str:
        made: str = keystone.post("/users", user={"name": name, "password": password, "domain_id": "default"})["id"]
        for project, wanted in may.items():
            for role in wanted.split():
                keystone.put(f"/projects/{projects[project]}/users/{made}/roles/{roles[role]}")
        return made

    password = secrets.token_urlsafe(12)
    user("services", ground.password, services="admin service")
    scientist = user(SCIENTIST, password, research="member", teaching="member")
    _catalog(ground, keystone)
    own = Api(ground, ground.identity, SCIENTIST, password, "research")
    wish = {"name": "sandhopper", "unrestricted": False}
    credential = own.post(f"/users/{scientist}/application_credentials", application_credential=wish)
    _clouds(ground, password, credential)


def _catalog(ground: Ground, keystone: Api) -> None:
    first, second = REGIONS
    keystone.post("/regions", region={"id": second})
    known = {service["type"]: service["id"] for service in keystone.get("/services")["services"]}

    def entry(service: str, region: str, url: str) -> None:
        for kind in ("public", "internal", "admin"):
            where = {"service_id": service, "region_id": region, "interface": kind, "url": url}
            keystone.post("/endpoints", endpoint=where)

    entry(known["identity"], second, ground.identity)
    for kind, name, at, path in CATALOG:
        service = keystone.post("/services", service={"type": kind, "name": name})["id"]
        for region, glance in REGIONS.items():
            if region == first or kind in ("image", "object-store"):
                entry(service, region, ground.url(at or glance, path))


def _clouds(ground: Ground, password: str, credential: dict[str, Any]) -> None:
    """`one` and `two` are the regions; JSON is YAML, too."""

    def by_password(user: str, word: str, project: str, region: str = "RegionOne") -> dict[str, Any]:
        auth = {"auth_url": ground.identity, "username": user, "password": word, "project_name": project}
        return {"auth": {**auth, "user_domain_id": "default", "project_domain_id": "default"}, "region_name": region}

    by_credential = {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": ground.identity,
            "application_credential_id": credential["id"],
            "application_credential_secret": credential["secret"],
        },
        "region_name": "RegionOne",
    }
    clouds = {
        "one": by_password(SCIENTIST, password, "research"),
        "two": by_password(SCIENTIST, password, "research", "RegionTwo"),
        "teaching": by_password(SCIENTIST, password, "teaching"),
        "credential": by_credential,
        "admin": by_password("admin", ground.password, "admin"),
    }
    ground.clouds.write_text(json.dumps({"clouds": clouds}, indent=1))
    ground.clouds.chmod(0o600)

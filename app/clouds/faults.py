"""What a cloud's refusals mean for the person: the one translation table at this border."""

from __future__ import annotations

import contextlib
import html
import json
import re
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.clouds.files import about
from app.errors import Cancelled, JobError, NeedsAnswer, Question, Transient

if TYPE_CHECKING:
    import requests

    from app.context import Context

AGAIN = "Nothing to do: it is tried again by itself."
LATER = {408, 425, 429, 500, 502, 503, 504}
TEXTS = {
    401: ("The cloud “{cloud}” no longer accepts the login.", "Start it again; you may be asked for the password."),
    403: ("The cloud “{cloud}” does not allow this, or a limit (quota) of the project is reached.",
          "Delete snapshots that are no longer needed, or ask the cloud's help desk."),
    404: ("The cloud “{cloud}” does not have what was asked for.", "Check the name or ID on the cloud's web page."),
    409: ("The cloud “{cloud}” is busy with this machine or image.", "Wait until it has finished, then try again."),
    413: ("The cloud “{cloud}” has no room for this: a limit (quota) is reached.",
          "Delete what is no longer needed there, or ask the cloud's help desk for more."),
    415: ("The cloud “{cloud}” does not accept this kind of disk image.", "Choose another format, qcow2 or raw."),
}  # fmt: skip


def refused(answer: requests.Response, cloud: str) -> JobError:
    """The error that an HTTP answer stands for, with the cloud's own words."""
    status, words = answer.status_code, said(answer)
    tail = f" It says: {words}" if words else ""
    if status in LATER:
        return Transient(f"The cloud “{cloud}” has trouble of its own (HTTP {status}).{tail}", AGAIN)
    message, remedy = TEXTS.get(status, (f"The cloud “{{cloud}}” refused (HTTP {status}).", "Look at the details."))
    return JobError(message.format(cloud=cloud) + tail, remedy, topic="cloud")


def said(answer: requests.Response) -> str:
    """The message in an error body: JSON of Nova, Glance and Keystone, or a page of HTML."""
    try:
        page = answer.content.decode(errors="replace")
    except OSError:  # cut short; the status alone must do
        return ""
    try:
        data = json.loads(page)
        inner = next((v for v in data.values() if isinstance(v, dict) and "message" in v), data)
        text = str(inner.get("message", ""))
    except (ValueError, AttributeError):
        text = page
    text = re.sub(r"<head>.*?</head>|<[^>]*>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(text).split())[:300]


@contextlib.contextmanager
def explained_cloud(cloud: str, ctx: Context) -> Iterator[None]:
    """Turn the exceptions of openstacksdk, keystoneauth and requests into the person's errors."""
    from keystoneauth1.exceptions import ClientException
    from openstack.exceptions import SDKException

    try:
        yield
    except (JobError, Cancelled):
        raise
    except (ClientException, SDKException, OSError) as exc:  # the exceptions of requests are OSErrors
        raise _in_words(exc, cloud, ctx) from exc


def _in_words(exc: BaseException, cloud: str, ctx: Context) -> JobError:
    """The libraries wrap what happened in one another's exceptions: the first cause decides, not the outermost."""
    from keystoneauth1 import exceptions as ks

    chain = list(_causes(exc))
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in chain):
        remedy = "Name the data centre's certificate file by --ca FILE, or as cacert in clouds.yaml."
        remedy += " (“verify: false” there is not obeyed: anyone on the way could read the password.)"
        return JobError(f"The certificate of the cloud “{cloud}” cannot be trusted.", remedy, topic="certificate")
    status = next((e.http_status for e in chain if isinstance(e, ks.http.HttpError)), 0)
    if status == 401:
        return _login_refused(cloud, ctx)
    if status >= 500 or status in LATER:
        return Transient(f"The cloud “{cloud}” has trouble of its own (HTTP {status}).", AGAIN)
    if not status and any(isinstance(e, OSError | ks.ConnectionError) for e in chain):
        return Transient(f"The line to the cloud “{cloud}” broke.", AGAIN)
    remedy = "Check clouds.yaml: address, project and region."
    return JobError(f"The cloud “{cloud}” cannot be used: {exc}", remedy, topic="clouds")


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def _login_refused(cloud: str, ctx: Context) -> JobError:
    if ctx.answers.get(about(cloud)) is None:
        remedy = "Download clouds.yaml anew, or check the password in it."
        return JobError(f"The cloud “{cloud}” did not accept the login in clouds.yaml.", remedy, topic="clouds")
    ctx.answers.forget(about(cloud))
    return NeedsAnswer(Question("password", about(cloud), f"The cloud “{cloud}” refused the password. What is it?"))

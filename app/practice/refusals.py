"""How each service words a refusal, seen at OpenStack 2022.2: Nova and Keystone in JSON, Glance and Swift on a page."""

from __future__ import annotations

import html
import json
from http import HTTPStatus

JSON = "application/json"
PAGE = "text/html; charset=UTF-8"
NOVA = {  # nova/api/openstack/wsgi.py, Fault
    400: "badRequest", 403: "forbidden", 404: "itemNotFound", 405: "badMethod", 409: "conflictingRequest",
    413: "overLimit", 415: "badMediaType", 429: "overLimit", 501: "notImplemented", 503: "serviceUnavailable",
}  # fmt: skip


def worded(service: str, status: int, words: str) -> tuple[str, bytes]:
    """Content type and body of a refusal by `compute`, `identity`, `image` or `swift`."""
    title = _title(status)
    if service == "compute" and status != 401:
        return JSON, json.dumps({NOVA.get(status, "computeFault"): {"code": status, "message": words}}).encode()
    if service == "compute" or (service == "identity" and status != 404):
        return JSON, json.dumps({"error": {"code": status, "title": title, "message": words}}).encode()
    if service == "swift" and words.startswith("Errors:"):  # of a manifest, a line a segment
        return "text/plain", words.encode()
    if service == "swift":
        return PAGE, f"<html><h1>{title}</h1><p>{html.escape(words)}</p></html>".encode()
    head = f"<head>\n  <title>{status} {title}</title>\n </head>"
    body = f"<body>\n  <h1>{status} {title}</h1>\n  {html.escape(words)}<br /><br />\n </body>"
    return PAGE, f"<html>\n {head}\n {body}\n</html>".encode()


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"

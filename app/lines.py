"""Lines for programs: one JSON object each, in plain ASCII, the same from the terminal and from the window."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.secrets import Answers

if TYPE_CHECKING:  # app.sandbox brings SSH with it
    from app.sandbox.look import Look


def line(data: dict[str, Any], answers: Answers) -> str:
    """*data* as one line, without any secret that *answers* has seen."""
    return json.dumps(answers.redact_all(data)) + "\n"


def result(command: str, facts: dict[str, Any]) -> dict[str, Any]:
    """What a command leaves, as docs/events.md describes it."""
    return {"kind": "result", "command": command, **facts}


def checked(url: str, look: Look) -> dict[str, Any]:
    """The facts of `check HOST`: what was seen at the address *url*."""
    return {"sandbox": url, "look": look.as_json(), "findings": [asdict(found) for found in look.findings]}

"""All that was found about the machine itself, the worst first, and cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.context import Finding
from app.sandbox.findings import boot, machine, network, software, storage
from app.sandbox.look import Seen
from app.sandbox.mounts import Mount
from app.units import plain

ORDER = {"stop": 0, "care": 1, "ok": 2}
LONGEST = 300  # letters of a sentence: names in it come from the sandbox


def findings(seen: Seen, mounts: Sequence[Mount]) -> list[Finding]:
    """Everything worth knowing about the machine itself, the worst first."""
    found = [
        *machine.findings(seen),
        *boot.findings(seen),
        *storage.findings(seen, mounts),
        *network.findings(seen),
        *software.findings(seen),
    ]
    return sorted((_cleaned(finding) for finding in found), key=lambda finding: ORDER[finding.grade])


def _cleaned(finding: Finding) -> Finding:
    """*finding* without control characters or endless names: whatever the sandbox says may be hostile."""
    texts = (finding.title, finding.text, finding.remedy)
    title, text, remedy = (_short(plain(text)) for text in texts)
    return replace(finding, title=title, text=text, remedy=remedy, facts=_plain(finding.facts))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST * 2 else f"{text[:LONGEST]} … {text[-LONGEST // 2 :]}"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()[:4000]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value][:200] if isinstance(value, list | tuple) else value

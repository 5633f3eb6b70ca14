"""The text of a clouds.yaml: read with bounds (a file may be made to burst), and written with one entry more."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from app.clouds.unfit import unfit
from app.errors import JobError
from app.units import plain

ALIASES, NODES, DEPTH = 24, 20_000, 12  # more than any real file has; a few aliases of aliases can fill all memory


def is_clouds(text: str) -> bool:
    """Whether *text* means to be a clouds.yaml (or the same as JSON)."""
    return text.lstrip().startswith("{") or re.search(r"^[\"']?clouds[\"']?\s*:", text, re.MULTILINE) is not None


def clouds(text: str) -> dict[str, Any]:
    """The entries of *text* by name; raises `JobError` when it is no clouds.yaml."""
    import yaml

    try:
        if sum(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)) > ALIASES:
            raise _unreadable("it refers to itself too often")
        whole = yaml.safe_load(text)
        _bounded(whole)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as exc:
        raise _unreadable(str(exc)[:200]) from exc
    if whole is None:
        return {}
    found = (whole["clouds"] or {}) if isinstance(whole, dict) and "clouds" in whole else None
    if not isinstance(found, dict):
        raise _unreadable("it has no part “clouds”")
    return {str(name): entry for name, entry in found.items()}


def with_entry(text: str, name: str, entry: dict[str, Any]) -> str:
    """*text* with one entry more; all that stands in it stays, comments too where that can be."""
    import yaml

    wanted = {**clouds(text), name: entry}
    made = yaml.safe_dump({name: entry}, allow_unicode=True, sort_keys=False)
    if found := re.search(
        r"^clouds:[ \t]*(?:#.*)?\n(?P<before>(?:[ \t]*(?:#.*)?\n)*)(?P<indent> +)\S", text, re.MULTILINE
    ):
        at = found.start("before")
        grown = f"{text[:at]}{textwrap.indent(made, found['indent'])}{text[at:]}"
        if _same(grown, wanted):
            return grown
    whole = yaml.safe_load(text) or {}
    return str(yaml.safe_dump({**whole, "clouds": wanted}, allow_unicode=True, sort_keys=False))


def _same(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return clouds(text) == wanted
    except JobError:
        return False


def _bounded(value: Any) -> None:
    left, level = NODES, [value]
    for _ in range(DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        left -= len(level)
        if left < 0:
            break
        if not level:
            return
    raise ValueError("too much is nested in it")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | set | tuple) else []


def _unreadable(why: str) -> JobError:
    return unfit(f"This clouds.yaml cannot be read: {plain(why)}.")

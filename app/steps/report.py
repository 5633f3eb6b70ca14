"""The receipt of an export: report.json for programs, report.html for people; without secrets."""

from __future__ import annotations

import base64
import json
import platform
from pathlib import Path
from typing import Any

from markupsafe import Markup

from app import __version__, host, receipt, words
from app.context import Context
from app.errors import JobError, Usage
from app.journal import Facts, history
from app.steps import Plain
from app.targets import Target, load
from app.units import bare

TEMPLATE = Path(__file__).resolve().parents[2] / "resources" / "report.html"
_PNG, _MOST = b"\x89PNG\r\n\x1a\n", 4_000_000  # PNG (ISO/IEC 15948) §5.2; bytes of a picture worth embedding


class Report(Plain):
    """Writes both pages into the job's folder."""

    name = "report"

    def run(self, ctx: Context) -> Facts:
        """Write them; done again, they come out the same."""
        ctx.begin("Writing the report")
        if not ctx.state.of(self.name).get("versions"):
            ctx.fact(versions=_versions(ctx))
        lines = history(ctx.journal.path)
        data = ctx.answers.redact_all(receipt.gather(ctx.job, ctx.state, lines, _target(ctx.job.profile)))
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        page = html(data)
        places = {"json": ctx.folder / "report.json", "html": ctx.folder / "report.html"}
        host.write_whole(places["json"], text.encode(errors="replace"))
        host.write_whole(places["html"], page.encode(errors="replace"))
        return {kind: str(path) for kind, path in places.items()}

    def undo(self, ctx: Context) -> None:
        """Remove both pages."""
        for name in ("report.json", "report.html"):
            (ctx.folder / name).unlink(missing_ok=True)


def html(data: dict[str, Any]) -> str:
    """The page for people; every value is escaped."""
    from jinja2 import Environment, StrictUndefined

    page = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_harmless, trim_blocks=True, lstrip_blocks=True
    )
    page.filters.update(
        size=words.size, rate=words.rate, duration=words.duration, moment=words.moment, form=words.form,
        finding=words.finding, plain=words.plain, picture=picture,
    )  # fmt: skip
    rendered: str = page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(data)
    return rendered


def picture(path: str) -> str:
    """The PNG at *path* as a `data:` URL (RFC 2397); empty when there is none."""
    file = Path(path)
    if not path or not file.is_file() or file.stat().st_size > _MOST:
        return ""
    content = file.read_bytes()
    if not content.startswith(_PNG):
        return ""
    return Markup("data:image/png;base64,") + base64.b64encode(content).decode()  # letters, digits, +/= only


def _harmless(value: Any) -> Any:
    """*value* without control characters, line by line, before it is escaped."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(bare(line) for line in value.splitlines())


def _target(profile: str) -> Target | None:
    try:
        return load(profile)
    except Usage:  # a profile of a later version; the export itself is done
        return None


def _versions(ctx: Context) -> dict[str, str]:
    return {"Sandhopper": __version__, "Python": platform.python_version(), "qemu-img": _qemu(ctx)}


def _qemu(ctx: Context) -> str:
    try:
        said = ctx.run(host.need_tool("qemu-img"), "--version").decode(errors="replace")
    except (JobError, OSError):
        return "not here"
    return words.plain(said.partition("\n")[0].removeprefix("qemu-img version "))


STEP = Report()

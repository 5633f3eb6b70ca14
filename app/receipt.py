"""What an export did, gathered from its job and its journal alone: the same after any number of interruptions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app import parts, words
from app.job import Job
from app.journal import Facts, State
from app.sandbox import secrets
from app.targets import Target
from app.units import bare

SIMULATED = (
    "The cloud, the sandbox and the upload server of this export were practice ones, on the same computer. "
    "The conversion, the test start, the hashes, the transfer and its verification were real."
)
_FILES = {"fetch": "the fetched disk", "adapt": "what was changed in the copy", "convert": "the converted image"}
_TAIL = 60  # lines of the machine's own output that are kept


def gather(job: Job, state: State, history: list[Facts], target: Target | None) -> dict[str, Any]:
    """Everything that a report tells, as plain data; *target* is None when its profile is not known any more."""
    image, boot = _image(job, state), _boot(job, state)
    disks = [_image(job, state, made["mount"]) for made in parts.each(state.of("convert"))[1:]]
    sheet = _sheet(target, image, boot) if target else ""
    return {
        "version": 1,
        "made": _utc(_made(history)),
        "export": {
            "id": job.id,
            "name": job.image_name,
            "created": _utc(job.created),
            "source": job.source,
            "target": job.target,
            "sandbox": job.sandbox_url,
            "profile": job.profile,
            "include": [{"mount": part.mount, "how": part.how} for part in job.include],
            "practice": job.practice,
        },
        "simulated": [text for text in (SIMULATED * job.practice, target.unproven if target else "") if text],
        "source": _source(job, state),
        "image": image,
        "disks": disks,
        "boot": boot,
        "launch": _launch(job, state),
        "changes": _changes(state),
        "sandbox": _sandbox(job, state),
        "secrets": _secrets(job, state),
        "missing": _missing(job, state),
        "findings": findings(state),
        "line": state.of("upload").get("line", {}),
        "steps": _steps(history),
        "versions": state.of("report").get("versions", {}),
        "leftovers": _leftovers(job, state),
        "sheet": sheet,
        "mail": mail(image, sheet, disks),
    }


def mail(image: dict[str, Any], sheet: str, disks: Sequence[dict[str, Any]] = ()) -> str:
    """A letter to the people who receive the image, and the data *disks* that belong to it."""
    return "\n".join(
        [
            f"Subject: Disk image {image['name']} is ready for you",
            "",
            "Dear curator,",
            "",
            "a disk image has been uploaded for you:",
            "",
            f"  file      {image['name']}",
            f"  place     {image['place']}",
            f"  format    {words.form(image['format'])}, {words.size(image['virtual_size'])} when unpacked",
            f"  size      {image['size']} bytes ({words.size(image['size'])})",
            f"  SHA-256   {image['sha256']}",
            "",
            f"About the copy at your side: {image['verified']}.",
            f"To compare it yourself:  sha256sum {image['name']}",
            *(line for disk in disks for line in _disk_lines(disk)),
            *(["", sheet] if sheet else []),
            "",
            "With kind regards",
        ]
    )


def _disk_lines(disk: dict[str, Any]) -> list[str]:
    return [
        "",
        f"A data disk belongs to it; attach it to the same machine (it is mounted at {disk['mount']}):",
        "",
        f"  file      {disk['name']}",
        f"  place     {disk['place']}",
        f"  size      {disk['size']} bytes, a disk of {words.size(disk['virtual_size'])}",
        f"  SHA-256   {disk['sha256']}",
        f"  about it  {disk['verified']}",
    ]


def _sheet(target: Target, image: dict[str, Any], boot: dict[str, Any]) -> str:
    known = {key: image[key] for key in ("name", "size", "sha256", "format", "url")}
    gib = -(-image["virtual_size"] // 2**30)
    hardware = {key: boot.get(key) or getattr(target, key) for key in ("firmware", "bus")}
    return target.sheet_for(**known, **hardware, virtual_gib=gib).strip()


def _source(job: Job, state: State) -> dict[str, Any]:
    facts, shot = state.of("fetch"), state.of("snapshot")
    return {
        "place": words.place(job.source),
        "snapshot": shot.get("image", ""),
        "by_hand": bool(shot.get("by_hand")),
        "quiet": words.quiet(shot),
        "format": facts.get("format", ""),
        "size": int(facts.get("size", 0)),
        "virtual_size": int(facts.get("virtual_size", 0)),
        "sha256": facts.get("sha256", ""),
    }


def _image(job: Job, state: State, mount: str = parts.SYSTEM) -> dict[str, Any]:
    made, there = parts.of(state.of("convert"), mount), parts.of(state.of("upload"), mount)
    url = str(there.get("url") or job.target)
    return {
        "mount": mount,
        "name": words.plain(there.get("name") or made.get("name") or job.image_name),
        "url": url,
        "place": words.place(url),
        "format": made.get("format", ""),
        "size": int(there.get("size") or made.get("size") or 0),
        "virtual_size": int(made.get("virtual_size") or made.get("size") or 0),
        "sha256": there.get("sha256") or made.get("sha256", ""),
        "grade": words.grade(there),
        "verified": words.verified(there) if there else "not uploaded",
        "sidecar": there.get("sidecar", ""),
        "sent": int(there.get("sent", 0)),
        "seconds": there.get("seconds", 0),
    }


def _boot(job: Job, state: State) -> dict[str, Any]:
    facts = state.of("prove")
    if not facts or not job.prove:
        return {"tried": False}
    kept = ("ok", "verdict", "reason", "seconds", "bus", "firmware", "accel", "screen")
    return {"tried": True, **{key: facts.get(key, "") for key in kept}, "tail": _end(facts)}


def _launch(job: Job, state: State) -> dict[str, Any]:
    """How a machine made of the image started at the target."""
    facts = state.of("launch")
    if not job.launch or "ok" not in facts:
        return {"tried": False}
    kept = ("ok", "verdict", "reason", "seconds", "machine", "kept", "addresses")
    return {"tried": True, **{key: facts.get(key, "") for key in kept}, "tail": _end(facts)}


def _end(facts: Facts) -> str:
    """The last lines of a console, harmless."""
    return "\n".join(bare(line) for line in str(facts.get("tail", "")).splitlines()[-_TAIL:]).strip()


def _changes(state: State) -> dict[str, Any]:
    """What is different in the copy from what was fetched: in words, with what was there before and is there now."""
    adapted = state.of("adapt") if state.is_done("adapt") else {}
    told = [_change(change) for change in adapted.get("changes", [])]
    return {"system": words.plain(adapted.get("system", "")), "why_not": adapted.get("why_not", ""), "made": told}


def _change(change: Facts) -> dict[str, str]:
    """One of them; *fix* is an id of app/fixes.py, or `traces`, `clean`, `left` or `trim`."""
    lined = {key: "\n".join(bare(line) for line in str(change.get(key, "")).split("\n")) for key in ("before", "after")}
    return {
        "fix": str(change.get("fix", "")),
        "title": words.plain(change.get("title", "")),
        "grade": "ok" if change.get("grade") == "ok" else "care",
        **lined,
    }


def findings(state: State) -> list[dict[str, Any]]:
    """What the checks of all steps said before anything was done."""
    by_step = state.of("preflight").get("findings", {"checkup": state.of("checkup").get("findings", [])})
    return [finding for findings in by_step.values() for finding in findings]


def _secrets(job: Job, state: State) -> list[dict[str, Any]]:
    """Each secret that was found on what travels, with what was decided for the copy: `keep` or `remove`."""
    planned = secrets.plan(secrets.of(state.of("checkup")), job)
    return [{**asdict(secret), "name": secrets.kind(secret.kind).name, "what": what} for secret, what in planned]


def _missing(job: Job, state: State) -> dict[str, list[str]]:
    """What the copy does not have: *left* behind (disks, files), *cleaned* out of it, *secrets* by their path."""
    made = [change for change in _changes(state)["made"] if change["fix"] == "clean" and change["grade"] == "ok"]
    return {
        "left": words.left_out(job, state),
        "cleaned": [change["title"] for change in made],
        "secrets": [words.plain(secret["path"]) for secret in _secrets(job, state) if secret["what"] == "remove"],
    }


def _sandbox(job: Job, state: State) -> dict[str, Any]:
    seen, back = state.of("checkup"), state.of("restore")
    return {
        "url": job.sandbox_url,
        "os": seen.get("os", ""),
        "mounts": seen.get("mounts", []),
        "findings": seen.get("findings", []),
        "merged": state.of("prepare").get("merged", []),
        "restored": {"equal": back.get("equal"), "proof": back.get("proof", "")} if back else {},
    }


def _steps(history: list[Facts]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    begun: dict[str, float] = {}
    for line in history:
        step, event, at = str(line["step"]), line["event"], float(line["at"])
        if event == "started" and step != "report":
            made = {"step": step, "title": words.step_title(step), "began": _utc(at), "at": at}
            found.setdefault(step, {**made, "seconds": 0.0, "attempts": 0, "retries": [], "failures": []})
            found[step]["attempts"] += 1
            begun[step] = at
        elif step in begun and step in found:
            _take(found[step], line, begun)
    return list(found.values())


def _take(step: dict[str, Any], line: Facts, begun: dict[str, float]) -> None:
    facts = line.get("facts", {})
    if line["event"] == "retry":
        step["retries"].append(words.plain(facts.get("why", "")))
    if line["event"] == "failed":
        step["failures"].append(words.plain(facts.get("what", "")))
    if line["event"] in ("done", "failed", "cancelled"):
        step["seconds"] = round(step["seconds"] + float(line["at"]) - begun.pop(step["step"]), 3)


def _leftovers(job: Job, state: State) -> list[dict[str, Any]]:
    found = [
        _left(what, facts["path"], facts, f"sandhopper forget {job.id}")
        for step, what in _FILES.items()
        for facts in parts.each(state.of(step))
        if facts.get("own") and facts.get("path")
    ]
    shot = state.of("snapshot")
    if shot.get("image") and not shot.get("by_hand"):
        found.append(_left("the snapshot in the cloud", shot["image"], {}, f"sandhopper undo {job.id}"))
    return found


def _left(what: str, where: str, facts: Facts, remove: str) -> dict[str, Any]:
    return {"what": what, "where": where, "size": int(facts.get("size", 0)), "remove": remove}


def _made(history: list[Facts]) -> float:
    """When the report was first begun: the same time however often it is written again."""
    begun = [line["at"] for line in history if line["step"] == "report" and line["event"] == "started"]
    return float(begun[0] if begun else 0)


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) if at else ""

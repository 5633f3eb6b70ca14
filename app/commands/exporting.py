"""What the commands that run an export share: read the job, run it, tell where the image lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app import acts, engine, host, job, parts, shelf, words
from app.commands.streams import standard_input
from app.commands.terminal import Terminal
from app.errors import Usage
from app.job import Job
from app.journal import State, read


def read_job(text: str, *, stdin_taken: bool = False) -> Job:
    """The job in a file, in a job's folder, under an id, or (`-`) on standard input; raises `Usage`."""
    if text == "-":
        if stdin_taken:
            raise Usage("Standard input cannot hold the secrets and the job both.", "Write the job into a file.")
        return job.loads(standard_input())
    if Path(text).exists() or "/" in text or text.endswith(".json"):
        return job.load(Path(text))
    return shelf.find(text).job


def folder_of(wanted: str | None, made: Job) -> Path:
    """The folder of a job: the one the person chose, else its own; raises `Usage` when it cannot be one."""
    folder = Path(wanted).expanduser().absolute() if wanted else made.folder
    try:
        return host.private_folder(folder)
    except (FileNotFoundError, FileExistsError, NotADirectoryError, ValueError) as exc:
        raise Usage(f"{folder} cannot be a folder.", "Choose another one.", topic="folder") from exc


def go(made: Job, folder: Path, terminal: Terminal, patience: float) -> dict[str, Any]:
    """Run what is left of a job and tell where its image lies; a finished one is only told again."""
    kept = _kept(folder)
    engine.refuse_other_wishes(made, folder)
    if kept and kept.finished:
        terminal.hint("This export is finished already; nothing was done again.")
    else:
        for line in [] if kept else words.plan(made):
            terminal.hint(f"- {line}")
        terminal.act(lambda report, cancel, answers: acts.run(made, folder, report, cancel, answers, patience))
    return told(made, folder, terminal)


def told(made: Job, folder: Path, terminal: Terminal) -> dict[str, Any]:
    """Print where the image of a finished export lies, and return it for `--json`."""
    state = read(folder / "journal.jsonl")
    facts = outcome(made, folder, state)
    if not state.is_done("upload"):
        terminal.say("Image:    not at the target yet")
    for image in [facts["image"], *facts["disks"]] if state.is_done("upload") else []:
        if image["sha256"]:
            what = "Image" if image["mount"] == parts.SYSTEM else "Disk"
            terminal.say(f"{what}:{' ' * (9 - len(what))}{image['place']}")
            terminal.say(f"Size:     {words.size(image['size'])}")
            terminal.say(f"SHA-256:  {image['sha256']}")
            terminal.say(f"Verified: {image['verified']}")
    if facts["report"]:
        terminal.say(f"Report:   {facts['report']}")
    return facts


def outcome(made: Job, folder: Path, state: State) -> dict[str, Any]:
    """Where the image and the report of an export lie, as plain data."""
    mounts = [converted["mount"] for converted in parts.each(state.of("convert"))] or [parts.SYSTEM]
    image, *disks = [_image(made, state, mount) for mount in mounts]
    return {
        "job": made.id,
        "folder": str(folder),
        "image": image,
        "disks": disks,
        "report": state.of("report").get("html", ""),
    }


def _image(made: Job, state: State, mount: str) -> dict[str, Any]:
    there, converted = parts.of(state.of("upload"), mount), parts.of(state.of("convert"), mount)
    url = str(there.get("url") or made.target)
    return {
        "mount": mount,
        "url": url,
        "place": words.place(url),
        "name": there.get("name") or converted.get("name", ""),
        "size": int(there.get("size") or converted.get("size") or 0),
        "sha256": there.get("sha256") or converted.get("sha256", ""),
        "grade": words.grade(there) if state.is_done("upload") else "",
        "verified": words.verified(there) if state.is_done("upload") else "not uploaded yet",
    }


def _kept(folder: Path) -> shelf.Export | None:
    if not (folder / "job.json").is_file():
        return None
    return shelf.Export(folder, job.load(folder), read(folder / "journal.jsonl"))

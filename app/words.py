"""Every event and every state as one sentence for the person: the same in window, terminal and report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from app.addresses import split_target
from app.context import Event, Finding
from app.errors import Trouble
from app.fixes import FIXES
from app.job import Job
from app.journal import State
from app.throttle import Throttle
from app.units import clock, duration, moment, plain, rate, size

__all__ = [
    "REHEARSAL", "clock", "doing", "duration", "finding", "form", "grade", "left_out", "may_close_lid", "moment",
    "phase", "place", "plain", "plan", "proof", "quiet", "rate", "say", "size", "status", "step_title", "trouble_lines",
    "verified",
]  # fmt: skip

REHEARSAL = (
    "This is a rehearsal. Practice: the cloud, the sandbox and the upload server; they run inside this program. "
    "Real: the checks, the conversion, the test start, the transfer, the verification and the report."
)
_TITLES = {
    "checkup": ("Look at the sandbox", "Looking at the sandbox"),
    "prepare": ("Prepare the sandbox", "Preparing the sandbox"),
    "snapshot": ("Take a snapshot", "Taking a snapshot"),
    "restore": ("Put the sandbox back", "Putting the sandbox back as it was"),
    "fetch": ("Fetch the disk", "Fetching the disk"),
    "adapt": ("Make the copy fit", "Making the copy fit for its new home"),
    "convert": ("Convert the disk", "Converting the disk"),
    "prove": ("Start it for a test", "Starting the disk for a test"),
    "upload": ("Upload", "Uploading"),
    "publish": ("Describe the image", "Telling the cloud how to start the image"),
    "launch": ("Start it at the target", "Starting a machine at the target"),
    "report": ("Write the report", "Writing the report"),
}
_PHASES = {  # the names that the core's parts give to what they do
    "boot": "Waiting for the login",
    "open-guest": "Opening the copy in a small machine of its own",
    "look-guest": "Looking at what the copy holds",
    "traces": "Removing what the merge left",
    "device-names": "Naming disks by what they are",
    "missing-disks": "Letting go of disks that stay behind",
    "nic-rules": "Freeing the network from today's card",
    "network": "Letting the network take an address from its new place",
    "virtio": "Giving the start-up image the drivers it needs",
    "cloud-init": "Letting cloud-init look at the new place",
    "console": "Showing the start on the serial line",
    "clean": "Taking out what is to stay behind",
    "trim": "Giving back free space",
    "check what is here": "Checking what is here already",
    "compare": "Comparing with the original",
    "comparing": "Comparing the copied data with the data disk",
    "convert": "Converting",
    "copying": "Copying the data into the root disk",
    "download": "Fetching",
    "emptying": "Taking the copied data off the root disk again",
    "grow": "Making the copy's system disk bigger",
    "grow-compare": "Comparing the data in the copy with its disk",
    "grow-copy": "Copying the data into the copy's system disk",
    "hash": "Computing the SHA-256",
    "launch": "Waiting for the login at the target",
    "log in": "Reaching the target",
    "probe": "Measuring the line",
    "resting": "Resting in the quiet hours",
    "snapshot": "Waiting for the cloud's snapshot",
    "upload": "Uploading",
    "verify": "Verifying the copy",
}
_PROOFS = {
    "sha256-server": "the server computed the same SHA-256",
    "read-back": "it was read back whole, and the SHA-256 is the same",
    "sampled": "pieces of it were read back and are the same; the rest was not compared",
    "size": "only its size could be compared; ask the people there to compare the SHA-256",
    "accepted": "the server accepted it but lets nobody look; ask the people there to compare the SHA-256",
}
_FEW = 8  # names that are told one by one
_GRADES = {"ok": "Good", "care": "Take care", "stop": "This stands in the way"}
_KINDS = {"sftp": "SFTP", "ftps": "FTPS", "ftpes": "FTPS"}
_FORMS = {"qcow2": "QCOW2", "raw": "RAW", "vmdk": "VMDK", "vdi": "VDI", "vhd": "VHD", "vhdx": "VHDX", "ova": "OVA"}


class Shelved(Protocol):
    """What `status` needs to know of an export (`app.shelf.Export`)."""

    @property
    def job(self) -> Job:
        """What was asked for."""

    @property
    def state(self) -> State:
        """What its journal says."""

    @property
    def finished(self) -> bool:
        """Whether every step has been done."""

    @property
    def disturbed(self) -> bool:
        """Whether the sandbox may still be changed."""

    @property
    def running(self) -> bool:
        """Whether some window or terminal works on it just now."""


def step_title(name: str) -> str:
    """A step as a short heading, e.g. “Prepare the sandbox”."""
    return _TITLES.get(name, (name.capitalize(), ""))[0]


def doing(name: str) -> str:
    """A step that is going on, e.g. “Preparing the sandbox”."""
    return _TITLES.get(name, ("", f"Working on {name}"))[1]


def phase(name: str) -> str:
    """A part of a step that is going on, e.g. “Computing the SHA-256”."""
    return _PHASES.get(name, plain(name[:1].upper() + name[1:]))


def form(name: str) -> str:
    """A disk format as its makers write it."""
    return _FORMS.get(name, plain(name).upper())


def say(event: Event) -> str:
    """*event* in one sentence, on one line, harmless in a terminal."""
    return plain(_SAYINGS.get(event.kind, _text)(event))


def finding(found: Finding | dict[str, Any]) -> str:
    """A finding in one line, beginning with its grade."""
    data = found if isinstance(found, dict) else vars(found)
    begins = _GRADES.get(str(data.get("grade")), "Found")
    said = " ".join(str(data.get(part) or "") for part in ("title", "text")).strip()
    remedy = "" if data.get("grade") == "ok" else str(data.get("remedy") or "")
    return plain(f"{begins}: {said} {remedy}")


def proof(key: str) -> str:
    """What is known about the copy at the target, from one of the proof grades; other text is passed on."""
    return _PROOFS.get(key, plain(key))


def verified(upload: dict[str, Any]) -> str:
    """How the copy at the target was verified, from the facts of the upload."""
    return proof(grade(upload) or str(upload.get("proof") or "size"))


def grade(upload: dict[str, Any]) -> str:
    """How the copy at the target was verified, as a key for programs; empty when nothing was uploaded."""
    named = str(upload.get("grade") or upload.get("proof") or "")
    return named if named in _PROOFS else ""


def place(url: str) -> str:
    """Where *url* points to, in words."""
    parts = urlsplit(url)
    path = plain(unquote(parts.path))
    host = plain(parts.netloc.rpartition("@")[2])
    if parts.scheme == "file":
        return path
    if parts.scheme in _KINDS:
        return f"{path if path not in ('', '/') else 'the upload folder'} on {host} ({_KINDS[parts.scheme]})"
    if parts.scheme == "openstack":
        kind, _, rest = path.strip("/").partition("/")
        return f"{kind} {rest} of the cloud {host}".strip()
    if parts.scheme == "swift":
        return f"{path.strip('/')} in the object store of the cloud {host}"
    return f"the machine {host}" if parts.scheme == "ssh" else plain(url)


def plan(job: Job) -> list[str]:
    """What running *job* will do, one sentence a line, in order."""
    lines = ["Look at everything first: logins, space, tools, the line. Nothing is changed by that."]
    if job.merges:
        lines.append(f"Copy {_listed(job.merges)} into the root disk of the sandbox; nothing on it is stopped.")
    if job.source.startswith("openstack:") and "/server/" in job.source:
        lines.append(f"Let the cloud {_cloud(job.source)} take a snapshot of the running machine.")
    if job.source.startswith("ssh:"):
        lines.append("Wait while you make the snapshot in your cloud's own web page, and take the file from you.")
    if job.own_disks:
        kind = "a disk of its own" if len(job.own_disks) == 1 else "disks of their own"
        lines.append(f"Take {_listed(job.own_disks)} along as {kind}.")
    if job.merges:
        lines.append("Put the sandbox back as it was, and prove that it is.")
    remote = not job.source.startswith("file:")
    lines.append("Fetch the disk to this computer." if remote else f"Take the disk {place(job.source)} as it is.")
    if job.grows:
        lines.append(f"Make the copy's system disk bigger, put {_listed(job.grows)} into it, and compare every file.")
    lines += _adapting(job)
    lines.append(f"Convert it{f' to {form(job.format)}' if job.format else ' to what the target wants'}.")
    lines.append("Start the converted disk here until it shows a login." if job.prove else "Leave out the test start.")
    slow = f", at {rate(job.limit)} at most" if job.limit else ""
    slow += "".join(f", {hours.words}" for hours in Throttle.of(job).quiet)
    lines.append(f"Put it at {place(split_target(job.target)[0])} as “{plain(job.image_name)}”{slow}, and verify it.")
    if job.launch:
        end = ", and remove it again" if job.launch == "test" else ", and leave it running"
        lines.append(f"Start a machine from it there until it shows a login{end}.")
    return [*lines, "Write a report of all of it."]


def _cloud(url: str) -> str:
    return plain(unquote(urlsplit(url).netloc))


def _adapting(job: Job) -> list[str]:
    """What is changed in the copy before it is converted."""
    if job.practice:
        return []
    lines = (
        ["Repair the copy so that it starts elsewhere; the machine itself stays as it is."] if job.sandbox_url else []
    )
    if lines and job.unfixed:
        lines += [f"Leave one thing in the copy unrepaired, as you asked: {FIXES[name]}" for name in job.unfixed]
    other = len(job.secrets)
    if job.clean == "share":
        kept = f", but for {other} that you keep" if other else ""
        lines.append(f"Take keys, passwords, histories and logs out of the copy, so that others may have it{kept}.")
    elif other:
        lines.append(
            f"Take {'one secret' if other == 1 else f'{other:,} secrets'} out of the copy; the rest travels along."
        )
    return lines


def status(export: Shelved) -> str:
    """How an export stands, in one or two sentences."""
    state = export.state
    if export.running:
        return f"It is running now{_under_way(state)}."
    if export.disturbed:
        return f"Your sandbox may still be changed by it: go on with it, or undo it. {_stopped_at(state)}".strip()
    if export.finished:
        there = state.of("upload")
        at = moment(state.last.get("at", 0))
        return f"Finished {at}: {place(str(there.get('url') or export.job.target))}; {verified(there)}."
    if state.steps and all(status == "undone" for status in state.steps.values()):
        return "Taken back; nothing of it is left elsewhere."
    return _stopped_at(state) or "Not started yet."


def may_close_lid(job: Job, state: State, running: bool) -> tuple[bool, str]:
    """Whether the computer may sleep now without harm, and why."""
    if not running:
        return True, "Nothing is running now."
    if job.merges and state.touched("prepare") and not state.is_done("restore"):
        return False, "Your sandbox is changed just now; it is put back as soon as the snapshot is taken."
    if state.steps.get("upload") == "started":
        if state.of("upload").get("abilities", {}).get("whole"):
            return False, "This target takes the image only in one piece; a pause means to begin the upload again."
        return True, "The upload pauses while the computer sleeps, and goes on from the same place afterwards."
    return True, "The work pauses while the computer sleeps, and goes on afterwards."


def quiet(snapshot: dict[str, Any]) -> str:
    """How still the sandbox held while its snapshot was taken, from the facts of that step; empty when not known."""
    facts = snapshot.get("quiet", {})
    seconds = f"{facts.get('seconds') or 0:.1f} s"
    still = f"the system disk stood still for {seconds}"
    return {
        "agent": "Of one moment: the cloud had the machine hold its writing (guest agent).",
        "freeze": f"Of one moment: {still}." if facts.get("covered") else f"Taken while it ran on, though {still}.",
        "flush": "Taken while it ran on; everything in its memory was written to the disks before.",
        "no": "Taken while it ran on; what was written in the last minute before may be missing.",
    }.get(facts.get("how", ""), "")


def left_out(job: Job, state: State) -> list[str]:
    """What the copy does not have, a line each: disks that stay, what cannot be copied, files that never held still."""
    sizes = {mount.get("path"): mount.get("used", 0) for mount in state.of("checkup").get("mounts", [])}
    left = [part.mount for part in job.include if part.how == "leave"]
    lines = [f"{plain(path)}, {size(sizes[path])}" if sizes.get(path) else plain(path) for path in left]
    made = state.of("prepare")
    lines += [f"{plain(what)}: your machine cannot copy them" for what in made.get("lost", [])[:_FEW]]
    lines += [f"{plain(path)} may be torn: it never held still" for path in made.get("unsteady", [])[:_FEW]]
    more = sum(max(0, len(made.get(name, [])) - _FEW) for name in ("lost", "unsteady"))
    return [*lines, f"… and {more:,} more files"] if more else lines


def trouble_lines(trouble: Trouble) -> list[str]:
    """The parts of *trouble* for a terminal: `error: …`, what it means, what was done, `try: …`."""
    lines = [f"error: {plain(trouble.what)}"]
    lines += [f"  {plain(part)}" for part in (trouble.means, trouble.did) if part]
    return [*lines, f"try: {plain(trouble.remedy)}"] if trouble.remedy else lines


def _text(event: Event) -> str:
    return event.text


def _planned(event: Event) -> str:
    steps, state = event.facts.get("steps", []), event.facts.get("state", {})
    done = sum(state.get(step) == "done" for step in steps)
    return f"{len(steps)} steps" + (f", {done} of them done before." if done else ".")


def _tick(event: Event) -> str:
    name = phase(event.text) or doing(event.step)
    if unit := event.facts.get("unit"):
        return f"{name}: {event.done}{f' of {event.total}' if event.total else ''} {unit}"
    if not event.total:
        return f"{name}: {size(event.done)}" if event.done else name
    return f"{name}: {size(event.done)} of {size(event.total)} ({100 * event.done // event.total} %)"


def _retry(event: Event) -> str:
    return f"{event.text} Trying again in {duration(event.facts.get('wait', 0))}."


def _done(event: Event) -> str:
    said = _RESULTS[event.step](event.facts) if event.step in _RESULTS else ""
    return said or f"{step_title(event.step)}: done."


def _fetched(facts: dict[str, Any]) -> str:
    if not facts.get("own", True):
        return f"The disk is used where it lies ({size(facts.get('size', 0))}); it is only read."
    return f"The disk is here ({size(facts.get('size', 0))})."


def _adapted(facts: dict[str, Any]) -> str:
    if why := facts.get("why_not"):
        return f"The copy is left as it is. {why}"
    made = [change for change in facts.get("changes", []) if change.get("grade") == "ok"]
    undone = len(facts.get("changes", [])) - len(made)
    what = "One change was" if len(made) == 1 else f"{len(made) or 'No'} changes were"
    more = f" {undone} more could not be made; the report says why." if undone else ""
    return f"{what} made in the copy; the fetched disk and the sandbox were not touched.{more}"


def _converted(facts: dict[str, Any]) -> str:
    what = f"{form(str(facts.get('format')))}, {size(facts.get('size', 0))}"
    said = f"The image “{facts.get('name', '')}” is ready ({what})."
    return " ".join([said, *(f"So is “{disk.get('name', '')}”." for disk in facts.get("disks", []))])


def _proved(facts: dict[str, Any]) -> str:
    """The verdict itself is a key for programs; its reason is for people."""
    if facts.get("ok"):
        return f"The image starts: a login was seen after {duration(max(1, facts.get('seconds') or 0))}."
    return f"The image did not start. {facts.get('reason') or 'No login was seen.'}"


def _uploaded(facts: dict[str, Any]) -> str:
    found = [facts, *facts.get("disks", [])]
    return " ".join(f"It lies at {place(str(one.get('url', '')))}; {verified(one)}." for one in found)


def _launched(facts: dict[str, Any]) -> str:
    end = "It is left running." if facts.get("kept") else "It was removed again."
    if facts.get("verdict") == "running":
        return f"A machine made of the image runs at the target; its login could not be seen. {end}"
    seen = duration(max(1, facts.get("seconds") or 0))
    return f"A machine made of the image starts at the target: a login was seen after {seen}. {end}"


def _restored(facts: dict[str, Any]) -> str:
    return str(facts.get("proof") or "The sandbox is as it was.")


_RESULTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "prepare": lambda facts: f"{_listed(facts.get('merged', []))} copied into the root disk.",
    "snapshot": lambda facts: "The snapshot is ready.",
    "restore": _restored,
    "fetch": _fetched,
    "convert": _converted,
    "adapt": _adapted,
    "prove": _proved,
    "upload": _uploaded,
    "publish": lambda facts: "The cloud knows how to start the image.",
    "launch": _launched,
    "report": lambda facts: f"The report is written: {facts.get('html', '')}",
}
_SAYINGS: dict[str, Callable[[Event], str]] = {
    "planned": _planned,
    "started": lambda event: f"{doing(event.step)} …",
    "phase": _tick,
    "tick": _tick,
    "finding": lambda event: finding(event.facts or {"title": event.text}),
    "retry": _retry,
    "done": _done,
    "failed": lambda event: f"{step_title(event.step)}: {event.facts.get('what') or event.text or 'it failed.'}",
    "cancelled": lambda event: f"{doing(event.step)} was stopped, as you asked. What was done is kept.",
    "undone": lambda event: f"{step_title(event.step)}: taken back.",
    "finished": lambda event: event.text or "Everything is done.",
}


def _under_way(state: State) -> str:
    begun = [step for step, status in state.steps.items() if status == "started"]
    return f" at “{step_title(begun[-1])}”" if begun else ""


def _stopped_at(state: State) -> str:
    for step, status in reversed(state.steps.items()):
        if status == "failed":
            why = state.last.get("facts", {}).get("what", "") if state.last.get("step") == step else ""
            return f"Stopped at “{step_title(step)}”: {plain(why) or 'see its log.'}"
        if status == "cancelled":
            return f"Paused at “{step_title(step)}”; it can go on from there."
        if status == "started":
            return f"It was interrupted at “{step_title(step)}”; it can go on from there."
    done = [step for step, status in state.steps.items() if status == "done"]
    return f"Stopped after “{step_title(done[-1])}”; it can go on from there." if done else ""


def _listed(names: Any) -> str:
    named = [plain(n.get("path", n.get("mount", "")) if isinstance(n, dict) else n) for n in names]
    return " and ".join(filter(None, (", ".join(named[:-1]), *named[-1:]))) or "The data"

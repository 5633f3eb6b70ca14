"""Programs that are tied to this cloud, to a licence, or to being the only one of their kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.context import Finding
from app.sandbox.findings.words import count, some
from app.sandbox.look import Seen
from app.units import size

AGENTS = {
    "waagent": "Azure", "walinuxagent": "Azure", "google_guest_agent": "Google", "google-guest-agent": "Google",
    "google_metadata_script_runner": "Google", "amazon-ssm-agent": "AWS", "ec2-instance-connect": "AWS", "aws": "AWS",
    "nova-agent": "Rackspace", "rackspace-monitoring-agent": "Rackspace", "vmtoolsd": "VMware", "xe-daemon": "Xen",
    "VBoxService": "VirtualBox", "hv_kvp_daemon": "Hyper-V", "aliyun-service": "Alibaba", "qcloud": "Tencent",
    "google": "Google",
}  # fmt: skip
LICENCES = {
    "rhel": "Red Hat subscription", "rhui": "Red Hat, paid through this cloud", "sles": "SUSE registration",
    "sles-cloud": "SUSE, paid through this cloud", "ubuntu-pro": "Ubuntu Pro",
}  # fmt: skip
RUBBISH = 500_000_000  # bytes from which a word about it is worth the reading


def findings(seen: Seen) -> Iterator[Finding]:
    """Cloud programs, licences, what writes, what runs by the clock, what could be deleted."""
    yield from _cloud_init(seen)
    yield from _agents(seen)
    yield from _licences(seen)
    yield from _busy(seen)
    yield from _rest(seen)


def _cloud_init(seen: Seen) -> Iterator[Finding]:
    if not seen.has("cloud_init"):
        return
    told = seen.words("cloud_init")
    if not {"present", "yes"} & set(told):
        text = "The copy will not take keys, names or addresses from a cloud; today's accounts work."
        yield Finding("ok", "The sandbox has no cloud-init.", text, topic="cloud-init", facts={"present": False})
        return
    version = next((line.removeprefix("version ") for line in told if line.startswith("version ")), "")
    sources = [line for _, line in seen.filed("cloud_init") if "datasource" in line]
    facts = {"present": True, "version": version, "sources": sources, "disabled": "disabled" in told}
    listed = re.findall(r"datasource_list:\s*\[([^\]]*)", " ".join(sources))
    if "disabled" in told:
        text = "The copy will not take keys, names or addresses from a cloud; today's accounts work."
        yield Finding("ok", "cloud-init is switched off on the sandbox.", text, "", "cloud-init", facts)
    elif listed and len(listed[-1].split(",")) < 3:
        title = f"cloud-init asks one cloud only ({listed[-1].strip() or 'none'})."
        text = "Elsewhere it waits for that cloud, and the copy gets no key, name or address from its new one."
        remedy = "It looks where the target offers its data in the copy."
        yield Finding("care", title, text, remedy, "cloud-init", facts, "cloud-init")
    else:
        title = f"The sandbox has cloud-init{f' {version}' if version else ''}."
        yield Finding("ok", title, "It takes keys and addresses from the target.", "", "cloud-init", facts)


def _agents(seen: Seen) -> Iterator[Finding]:
    found = [name for name in seen.words("agents") if name in AGENTS or name.startswith("VBoxGuest")]
    if found:
        whose = sorted({AGENTS.get(name, "VirtualBox") for name in found})
        title = f"Programs that serve {some(whose)} run on the sandbox ({some(found)})."
        text = "Elsewhere they have nothing to do, and may slow the start or change the network and accounts."
        remedy = "They are switched off in the copy where its target is another place."
        yield Finding("care", title, text, remedy, "agents", {"agents": found}, "agents")


def _licences(seen: Seen) -> Iterator[Finding]:
    words = seen.words("licences")
    known = [LICENCES[word] for word in words if word in LICENCES]
    codes = [word for word in words if word.startswith('"')]
    programs = [word.removeprefix("program ") for word in words if word.startswith("program ")]
    if codes:
        title = "The sandbox was made from a marketplace image."
        text = "Its licence may forbid to run it elsewhere, and its seller's programs may refuse to."
        yield Finding("care", title, text, "Read its terms, or ask the seller.", "licences", {"codes": codes})
    if known or programs:
        title = f"The sandbox uses licences that are tied to it or its place: {some(known + programs)}."
        text = "In the copy updates or programs may stop working until it is registered anew."
        yield Finding("care", title, text, "Register the copy at the target.", "licences", {"licences": words})


def _busy(seen: Seen) -> Iterator[Finding]:
    if databases := seen.words("databases"):
        title = f"Databases are running: {some(databases)}."
        text = "The copy is as after a power cut: they repair themselves, but the last seconds may be missing."
        remedy = "For certainty stop them for the minutes of the snapshot, or take a dump first."
        yield Finding("care", title, text, remedy, "databases", {"programs": databases})
    containers = [word for word in seen.words("containers") if word != "volume" and not word.startswith("/")]
    if containers:
        volumes = seen.words("containers").count("volume")
        title = f"Containers or machines within run on the sandbox ({some(containers)})."
        along = f" with {count(volumes, 'volume')}" if volumes else ""
        text = f"They come along{along}, and start in the copy as well."
        facts = {"programs": containers, "volumes": volumes}
        yield Finding("ok", title, text, "", "containers", facts)


def _rest(seen: Seen) -> Iterator[Finding]:
    selinux = next(iter(seen.words("selinux")), "")
    if selinux == "1":
        text = "All labels are copied; the first start of the copy may take longer while they are checked."
        yield Finding("ok", "SELinux watches over the sandbox.", text, facts={"selinux": "enforcing"})
    if timed := seen.words("timed"):
        files = [line.split(None, 1)[-1] for line in timed]
        title = f"Timed jobs reach for other computers ({some(files)})."
        text = "When the copy runs beside the sandbox, both do them: mails, backups and uploads come twice."
        yield Finding("care", title, text, "Stop them on one of the two.", "timed-jobs", {"files": files})
    yield from _rubbish(seen)


def _rubbish(seen: Seen) -> Iterator[Finding]:
    found = [
        (int(kb) * 1024, path)
        for kb, _, path in (line.partition(" ") for line in seen.words("rubbish"))
        if kb.isdigit()
    ]
    found.sort(reverse=True)
    total = sum(count_ for count_, _ in found)
    if total >= RUBBISH:
        most = [f"{path} ({size(bytes_)})" for bytes_, path in found]
        title = f"Logs, caches and leftovers take {size(total)}: {some(most)}."
        text = "They travel along, and cost time and money."
        facts = {"bytes": total, "places": [[path, bytes_] for bytes_, path in found]}
        yield Finding("ok", title, text, "Delete what nobody needs before the export.", "rubbish", facts)

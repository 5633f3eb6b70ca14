"""Write a job file: what to take from where, and where to bring it. Nothing is started by this."""

from __future__ import annotations

import argparse
from typing import Any

from app import job
from app.addresses import SOURCES, TARGETS, split_target
from app.commands import options
from app.commands.terminal import Terminal
from app.errors import Usage
from app.fixes import FIXES
from app.job import CLEANS, FORMATS, HOWS, LAUNCHES, PROOFS, Decision, Include

HELP = "write a job file"
_PROFILES = {"file": "local", "openstack": "openstack", "swift": "openstack"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What a job is made of."""
    parser.add_argument("--source", required=True, metavar="URL", help=_forms(SOURCES, "a file's name"))
    parser.add_argument("--target", required=True, metavar="URL", help=_forms(TARGETS, "a folder's name"))
    parser.add_argument("--profile", metavar="TARGET", help="whose rules hold there; see: sandhopper targets")
    parser.add_argument("--sandbox", default="", metavar="ssh://USER@HOST", help="the running machine")
    parser.add_argument("--format", default="", help="qcow2, raw, vmdk, vdi, vhd, vhdx (else what the target wants)")
    parser.add_argument("--include", action="append", default=[], metavar="MOUNT=HOW", help=f"HOW: {', '.join(HOWS)}")
    parser.add_argument("--clean", default="move", choices=CLEANS, help="what the copy is for (move keeps everything)")
    parser.add_argument(
        "--secret", action="append", default=[], metavar="PATH=keep|remove", help="what check has found"
    )
    parser.add_argument("--no-fix", action="append", default=[], choices=FIXES, help="a repair not to make in the copy")
    parser.add_argument(
        "--freeze",
        type=int,
        default=0,
        metavar="SECONDS",
        help="hold writing to the system disk for the snapshot (≤ 60)",
    )
    parser.add_argument("--name", default="", help="the image's name at the target, without ending")
    options.limit(parser)
    parser.add_argument("--no-prove", action="store_true", help="do not start the image for a test")
    parser.add_argument("--no-compress", action="store_true", help="do not make the file smaller")
    parser.add_argument("--launch", default="", choices=LAUNCHES[1:], help="start a machine from it at the target")
    parser.add_argument("--network", default="", help="the cloud's network for that machine (name or ID; else none)")
    parser.add_argument("--verify", default="auto", choices=PROOFS, help="how to verify the copy at the target")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Print the job."""
    from app import targets

    target = options.target_url(args.target)
    made = job.new(
        options.source_url(args.source),
        target,
        profile=targets.load(args.profile or _PROFILES.get(target.partition(":")[0], "generic")).key,
        sandbox=options.machine_url(args.sandbox) if args.sandbox else "",
        format=args.format.lower() or _ending(target),
        include=tuple(Include.parse(text) for text in args.include),
        clean=args.clean,
        secrets=tuple(Decision.parse(text) for text in args.secret),
        unfixed=tuple(args.no_fix),
        freeze=args.freeze,
        name=args.name,
        limit=args.limit,
        quiet=tuple(args.quiet),
        until=args.until,
        prove=not args.no_prove,
        compress=not args.no_compress,
        verify=args.verify,
        launch=args.launch,
        network=args.network,
    )
    if made.source.startswith("file:") and not options.local_path(made.source).is_file():
        raise Usage(f"There is no file {options.local_path(made.source)}.", "Check the name after --source.")
    terminal.raw(job.dumps(made))
    return {"job": made.as_json()}


def _ending(target: str) -> str:
    """The format that the file's name at the target promises; empty when it promises none."""
    ending = split_target(target)[1].rpartition(".")[2].lower()
    return ending if ending in FORMATS else ""


def _forms(known: dict[str, str], plain: str) -> str:
    return "; ".join([plain, *known.values()]).replace("%", "%%")

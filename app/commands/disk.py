"""Look at a disk image, convert it, start it for a test, or hold it against a target's rules."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app import acts, words
from app.commands import options
from app.commands.options import Parser
from app.commands.terminal import Terminal
from app.errors import JobError, Usage
from app.job import FORMATS
from app.targets import BUSES, FIRMWARES

HELP = "look at, convert, start or judge a disk image file"
_UNTOUCHED = "The file was only read."


def arguments(parser: argparse.ArgumentParser) -> None:
    """The four acts."""
    parts = parser.add_subparsers(dest="disk_command", metavar="ACT", required=True, parser_class=Parser)
    for act in (_Info, _Convert, _Boot, _Gate):
        options.add(parts, act.__name__.removeprefix("_").lower(), act)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Never called: each act has its own."""
    raise Usage(f"Disk {args.disk_command} is not known.", "See: sandhopper disk --help")


class _Info:
    """Say what a disk image file is, from its content."""

    HELP = "what a file is"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")

    @staticmethod
    def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
        file = _file(args.file)
        info = terminal.act(lambda report, cancel, answers: acts.disk_info(file, report, cancel, answers))
        terminal.say(f"{file}: {words.form(info.format)}")
        terminal.say(f"  the file takes   {words.size(info.size)}")
        terminal.say(f"  the disk inside  {words.size(info.virtual_size)}")
        return {"info": asdict(info)}


class _Convert:
    """Convert a disk image file; the result is compared with the original before it gets its name."""

    HELP = "convert a file"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("out", metavar="OUT")
        parser.add_argument("--format", required=True, choices=FORMATS)
        parser.add_argument("--no-compress", action="store_true", help="do not make the file smaller")

    @staticmethod
    def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
        file, out = _file(args.file), Path(args.out).expanduser().absolute()
        if not out.parent.is_dir():
            raise Usage(f"There is no folder {out.parent}.", "Make it first, or choose another one.")
        info, digest = terminal.act(
            lambda report, cancel, answers: acts.disk_convert(
                file, out, args.format, not args.no_compress, report, cancel, answers
            )
        )
        terminal.say(f"{out}: {words.form(info.format)}, {words.size(info.size)}\nSHA-256: {digest}")
        return {"info": asdict(info), "sha256": digest}


class _Boot:
    """Start a disk image file in a window-less machine, on a throw-away copy, until a login is seen."""

    HELP = "start a file for a test"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--bus", default="virtio", choices=BUSES, help="how the disk is connected")
        parser.add_argument("--firmware", default="auto", choices=FIRMWARES, help="auto: as the disk wants")
        parser.add_argument("--seconds", type=options.seconds, default=300.0, help="give up after so long (300)")
        parser.add_argument("--picture", metavar="PNG", help="keep a picture of the machine's screen")

    @staticmethod
    def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
        file, picture = _file(args.file), Path(args.picture).absolute() if args.picture else None
        verdict = terminal.act(
            lambda report, cancel, answers: acts.disk_boot(
                file, args.bus, args.firmware, args.seconds, picture, report, cancel, answers
            )
        )
        if not verdict.ok:
            terminal.say("\n".join(verdict.tail.splitlines()[-20:]))
            text = f"{file.name} did not start. {verdict.reason}"
            raise JobError(text, "Look at its last lines above.", topic=f"boot-{verdict.verdict}", means=_UNTOUCHED)
        terminal.say(f"{file.name} starts: a login was seen after {words.duration(verdict.seconds)}.")
        return {"verdict": asdict(verdict)}


class _Gate:
    """Hold a disk image file against a target's rules."""

    HELP = "would a target accept it"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--profile", default="generic", metavar="TARGET", help="see: sandhopper targets")

    @staticmethod
    def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
        from app import targets

        file, target = _file(args.file), targets.load(args.profile)
        findings = terminal.act(lambda report, cancel, answers: acts.disk_gate(file, target, report, cancel, answers))
        for found in findings:
            terminal.say(words.finding(found))
        if stops := [found for found in findings if found.grade == "stop"]:
            raise JobError(f"{target.title} would refuse it: {stops[0].title}", stops[0].remedy, topic=stops[0].topic)
        terminal.say(f"{target.title} would accept it.")
        return {"findings": [asdict(found) for found in findings]}


def _file(text: str) -> Path:
    file = Path(text).expanduser().absolute()
    if not file.is_file():
        raise Usage(f"There is no file {file}.", "Check its name.")
    return file

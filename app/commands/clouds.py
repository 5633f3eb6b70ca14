"""List the clouds that this computer can log in to, or take the login of another one from its file."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app import acts
from app.clouds.files import about
from app.clouds.kept import Added
from app.commands import options
from app.commands.options import Parser
from app.commands.terminal import Terminal
from app.secrets import keyring_here

HELP = "list the clouds that are known here, or add one"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The list, or an act."""
    parts = parser.add_subparsers(dest="clouds_command", metavar="ACT", parser_class=Parser)
    options.add(parts, "add", _Add)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """List them."""
    names = acts.clouds()
    for name in names:
        terminal.say(name)
    if not names:
        terminal.say("No cloud is known here yet:  sandhopper clouds add FILE  takes its clouds.yaml or openrc file.")
    return {"clouds": names}


class _Add:
    """Keep the login of a cloud from its openrc file or clouds.yaml (without the password), under a name."""

    HELP = "take the login that a clouds.yaml or openrc file holds"

    @staticmethod
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", help="from the cloud's web page (API Access); it is read, never run"
        )
        parser.add_argument("--name", default="", metavar="CLOUD", help="what to call it here (as the file does)")
        parser.add_argument("--project", default="", metavar="NAME", help="the project to work in (the file's)")

    @staticmethod
    def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
        file = Path(args.file).expanduser().absolute()
        authority = str(Path(args.ca).absolute()) if args.ca else ""
        added = terminal.act(
            lambda report, cancel, answers: acts.add_clouds(
                file, args.name, authority, args.project, report, cancel, answers
            )
        )
        for one in added:
            _tell(one, terminal)
            if one.secret and not args.no_keyring and keyring_here():
                _offer(one, terminal)
        terminal.say(f"\nIts machines:  sandhopper machines {added[0].name}")
        return {"added": [asdict(one) for one in added]}


def _tell(one: Added, terminal: Terminal) -> None:
    said = f"kept in {one.file}" if one.new else "known already"
    terminal.say(f"{one.name}: {said}")
    kept = ("Its password or secret was not written down: it will be asked for.",) if one.secret else ()
    for note in (*one.notes, *kept):
        terminal.say(f"  {note}")


def _offer(one: Added, terminal: Terminal) -> None:
    secret = terminal.answers.get(about(one.name))
    if secret and terminal.confirm(f"Keep the secret of “{one.name}” in this computer's keyring?"):
        terminal.answers.give(about(one.name), secret, keep=True)

"""The command line's grammar: options that every command has, and usage errors that suggest the right word."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import __version__, deadline
from app.addresses import split_target
from app.commands import COMMANDS
from app.errors import Usage
from app.throttle import Hours
from app.units import parse_rate, plain

T = TypeVar("T")
DEFAULTS: dict[str, Any] = {
    "json": False, "secrets_stdin": False, "ca": None, "no_keyring": False, "yes": False, "debug": False,
    "accept_host_key": [], "accept_certificate": [],
}  # fmt: skip
EXAMPLE = (
    "An export in three lines:\n"
    "  sandhopper new --source disk.qcow2 --target sftp://me@data.example.org/incoming/ > job.json\n"
    "  sandhopper check job.json\n"
    "  sandhopper run job.json\n"
    "Try it first, with nothing but this computer:  sandhopper rehearse"
)


class Parser(argparse.ArgumentParser):
    """argparse that raises `Usage` with the nearest right word instead of leaving the program."""

    words = {f"--{name.replace('_', '-')}" for name in DEFAULTS}  # noqa: RUF012 - shared by all parsers on purpose: they suggest from the whole grammar

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def add_argument(self, *names: Any, **kwargs: Any) -> argparse.Action:
        """As in argparse; remembers the option's names for suggestions."""
        self.words.update(name for name in names if str(name).startswith("--"))
        return super().add_argument(*names, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise `Usage`."""
        raise Usage(_sentence(message), _suggestion(message, self.words) or f"See: {self.prog} --help")


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; raises `Usage`."""
    parser = Parser(
        prog="sandhopper",
        description="Take your cloud machine out of one cloud and bring it, proven, somewhere else.",
        epilog=EXAMPLE,
    )
    parser.add_argument("--version", action="version", version=f"sandhopper {__version__}")
    _common(parser, early="early_")
    parts = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        add(parts, name, import_module(f"app.commands.{name}"))
    found = vars(parser.parse_args(argv))
    return argparse.Namespace(**_merged(found))


def add(parts: Any, name: str, module: Any) -> None:
    """Add one command with the options that all have."""
    made = parts.add_parser(name, help=module.HELP, description=module.__doc__)
    _common(made)
    module.arguments(made)
    made.set_defaults(act=module.run)


def patience(parser: argparse.ArgumentParser) -> None:
    """Add `--patience`."""
    parser.add_argument(
        "--patience", type=seconds, default=3600.0, metavar="SECONDS",
        help="give a broken network up after this long without one byte (3600)",
    )  # fmt: skip


def limit(parser: argparse.ArgumentParser) -> None:
    """Add `--limit`, `--quiet` and `--until`."""
    parser.add_argument("--limit", type=speed, default=0, metavar="RATE", help="at most 2M (bytes a second), 4Mbit …")
    quiet(parser)
    parser.add_argument(
        "--until", type=until, default=0.0, metavar="WHEN",
        help="when it has to be there, e.g. the end of a link: 18:00, “2026-11-22 18:00”, “6 h”",
    )  # fmt: skip


def quiet(parser: argparse.ArgumentParser) -> None:
    """Add `--quiet`."""
    parser.add_argument(
        "--quiet", type=hours, action="append", default=[], metavar="HOURS",
        help="quiet hours of the day: 08:00-18:00=1MB/s, or 22:00-06:00=pause",
    )  # fmt: skip


def hours(text: str) -> str:
    """Quiet hours as a job keeps them."""
    return _told(lambda: str(Hours.parse(text)))


def until(text: str) -> float:
    """A moment as seconds since 1970."""
    return _told(lambda: deadline.parse(text))


def seconds(text: str) -> float:
    """A positive number of seconds."""
    try:
        count = float(text)
    except ValueError:
        count = -1.0
    if not 0 < count < 1e9:
        raise argparse.ArgumentTypeError(f"“{plain(text)}” is not a number of seconds")
    return count


def speed(text: str) -> int:
    """Bytes a second from `2M`, `500k`, `4Mbit`."""
    return _told(lambda: parse_rate(text))


def _told(read: Callable[[], T]) -> T:
    """What *read* makes of an argument; argparse wants its own kind of error."""
    try:
        return read()
    except Usage as exc:
        raise argparse.ArgumentTypeError(f"{exc.message} {exc.remedy}".rstrip(".")) from exc


def source_url(text: str) -> str:
    """A source as a URL; a plain path is made into one."""
    return text if _is_url(text) else Path(text).expanduser().absolute().as_uri()


def target_url(text: str) -> str:
    """A target as a URL; a plain path is made into one, a folder's ends in a slash."""
    if _is_url(text):
        return text
    url = Path(text).expanduser().absolute().as_uri()
    return url if split_target(url)[1] and not text.endswith("/") and not Path(text).is_dir() else url.rstrip("/") + "/"


def local_path(url: str) -> Path:
    """The path of a `file:` URL (RFC 8089)."""
    return Path(url2pathname(urlsplit(url).path))


def machine_url(text: str) -> str:
    """`user@host` as `ssh://user@host`."""
    return text if _is_url(text) else f"ssh://{text}"


def _is_url(text: str) -> bool:
    return len(urlsplit(text).scheme) > 1 and ":/" in text  # one letter is a Windows drive


def _common(parser: argparse.ArgumentParser, early: str = "") -> None:
    """The options that may stand before (*early*) and after the command word."""
    group = parser.add_argument_group("options of every command")
    hidden: dict[str, Any] = {"default": argparse.SUPPRESS}
    for name, help_text in (
        ("json", "one event a line on standard output, and nothing else (docs/events.md)"),
        ("secrets-stdin", "read passwords from standard input: LOGIN-URL, a tab, the secret; one a line"),
        ("no-keyring", "neither read nor keep passwords in the system's keyring"),
        ("yes", "do not ask before deleting (never accepts a host key)"),
        ("debug", "show the details of a mistake of the program itself"),
    ):
        dest = early + name.replace("-", "_")
        group.add_argument(f"--{name}", action="store_true", dest=dest, help=help_text, **hidden)
    group.add_argument("--ca", dest=early + "ca", metavar="FILE", help="trust the certificates in FILE", **hidden)
    for name in ("host-key", "certificate"):
        group.add_argument(
            f"--accept-{name}", action="append", dest=f"{early}accept_{name.replace('-', '_')}",
            metavar="SHA256:…", help=f"accept a server's {name} with this fingerprint", **hidden,
        )  # fmt: skip


def _merged(found: dict[str, Any]) -> dict[str, Any]:
    merged = {**DEFAULTS, **{k: v for k, v in found.items() if not k.startswith("early_")}}
    for name, default in DEFAULTS.items():
        early = found.get(f"early_{name}", default)
        merged[name] = [*early, *merged[name]] if isinstance(default, list) else merged[name] or early
    return merged


def _sentence(message: str) -> str:
    message = re.sub(r"^argument (?:[A-Z]+: )?", "", plain(message))
    message = re.sub(r"invalid choice: '(.*?)' \(choose from .*\)", r"there is no “\1”", message)
    message = message.replace("unrecognized arguments:", "there is no option or argument")
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?")) else ".")


def _suggestion(message: str, words: Iterable[str]) -> str:
    if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL):
        choices = re.findall(r"'([^']*)'", found[2])
        near = difflib.get_close_matches(found[1], choices, 1, 0.5)
        return f"Did you mean “{near[0]}”?" if near else f"Choose one of: {', '.join(choices)}."
    if found := re.search(r"unrecognized arguments: (\S+)", message):
        near = difflib.get_close_matches(found[1].partition("=")[0], sorted(words), 1, 0.6)
        return f"Did you mean “{near[0]}”?" if near else ""
    return ""

"""The terminal's door: reads the command line, does the command, tells how it ended."""

from __future__ import annotations

import argparse
import logging
import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from app.commands.asking import Accepted
from app.commands.logs import log_file, logging_quietly
from app.commands.options import parse
from app.commands.stopping import stoppable
from app.commands.streams import standard_input
from app.commands.terminal import Terminal
from app.errors import EXIT_CANCELLED, EXIT_DONE, Cancelled, JobError, Usage, kind_of
from app.secrets import Answers, read_secret_lines

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command and return the exit status: 0 done, 1 our bug, 2 usage, 3 the person, 4 network, 130 stopped."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = parse(words)
    except KeyboardInterrupt:
        return EXIT_CANCELLED
    except Usage as exc:
        return Terminal(Answers(use_keyring=False), Accepted(), as_json="--json" in words, keyring=False).failed(exc)
    except SystemExit as exc:  # --help and --version have printed what they had to say
        return int(exc.code or EXIT_DONE)
    return _done(args)


def _done(args: argparse.Namespace) -> int:
    answers = Answers(use_keyring=not args.no_keyring)
    accepted = Accepted(tuple(args.accept_host_key), tuple(args.accept_certificate))
    terminal = Terminal(answers, accepted, as_json=args.json, keyring=not args.no_keyring)
    with logging_quietly(answers), stoppable(terminal):
        try:
            _prepare(args, answers)
            terminal.result(args.command, args.act(args, terminal))
        except (JobError, Cancelled, KeyboardInterrupt) as exc:
            stopped = Cancelled() if isinstance(exc, KeyboardInterrupt) else exc
            return terminal.failed(stopped, debug=args.debug)
        except Exception as exc:  # our own mistake: one sentence here, the rest in the log
            log.exception("%s failed", args.command)
            ours = f"Try again; if it comes back, send us the log: {log_file()}" if kind_of(exc) == "bug" else ""
            return terminal.failed(exc, ours, debug=args.debug)
        finally:
            terminal.pause_display()
    return EXIT_DONE


def _prepare(args: argparse.Namespace, answers: Answers) -> None:
    if args.ca:
        if not Path(args.ca).is_file():
            raise Usage(f"There is no file of certificates {args.ca}.", "Give --ca the name of a PEM file.")
        try:
            ssl.create_default_context(cafile=args.ca)
        except OSError as exc:  # ssl.SSLError is one
            raise Usage(f"{args.ca} holds no certificates.", "Give --ca the name of a PEM file.") from exc
        os.environ["SSL_CERT_FILE"] = str(Path(args.ca).absolute())
    if args.secrets_stdin:
        for about, secret in read_secret_lines(standard_input().splitlines()).items():
            answers.give(about, secret)


if __name__ == "__main__":
    raise SystemExit(main())

"""What resources/sandbox/secrets.sh is told to look for, made from the patterns of resources/clean/kinds.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.sandbox.remote import quoted

TESTS = ("files", "folders", "keys", "gives", "cores", "holds")
_CALL = {"keys": "key", "gives": "gives", "cores": "core", "folders": "filled"}
_PLAIN = re.compile(r"(\*/?|/)[A-Za-z0-9/._*?~@\[\]-]+")
# Never looked into: no folder below is anybody's own, or it is far too big for what it may hold.
_PASSED = (
    "node_modules", "site-packages", "dist-packages", "__pycache__", "conda-meta", "pkgs", "objects", ".snakemake",
    ".nextflow", "sandhopper", ".sandhopper", ".sandhopper-*", "lost+found", "cacache",
)  # fmt: skip
_PASSED_IN_ROOT = (  # looked at by themselves, or belonging to packages
    "/proc", "/sys", "/dev", "/run", "/home", "/root", "/etc", "/tmp", "/var/tmp", "/var/spool", "/var/mail",  # noqa: S108
    "/var/lib/cloud", "/var/lib/docker", "/var/lib/containers", "/var/lib/containerd", "/var/lib/dpkg", "/var/lib/apt",
    "/var/cache", "/var/log", "/snap", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec",
    "/usr/share", "/usr/src", "/usr/include", "/lib", "/lib64", "/bin", "/sbin",
)  # fmt: skip


def judge(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    """The rest of judge.sh: the function that tells the kind of `$f` (the first that fits counts), and its call."""
    lines = ["judge() {", "    case $f in *.pub) return ;; esac"]
    for name, kind in kinds.items():
        for test in TESTS[:-1]:
            if patterns := kind.get(test, ()):
                call = f"if {_CALL[test]}; then tell {name}; return; fi" if test in _CALL else f"tell {name}; return"
                lines.append(f"    case $f in {' | '.join(map(_safe, patterns))}) {call} ;; esac")
        for pattern, regex in kind.get("holds", ()):
            call = f"if holds {quoted(regex.encode()).decode()}; then tell {name}; return; fi"
            lines.append(f"    case $f in {_safe(pattern)}) {call} ;; esac")
    return "\n".join([*lines, "}", 'for f; do if [ -s "$f" ]; then judge; fi; done', "exit 0", ""])


def seek(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    """The shell function `seek PLACE DEPTH`, which has one `find` hand the names that could fit to the judge."""
    folders = _any(pattern for kind in kinds.values() for pattern in kind.get("folders", ()))
    files = _any(pattern for kind in kinds.values() for pattern in _files(kind))
    passed = " -o ".join(f"-name '{name}'" for name in _PASSED)
    root = " -o ".join(f"-path {path}" for path in _PASSED_IN_ROOT)
    run = """-exec sh -c "$JUDGE" sh {} +"""
    return (
        "seek() {\n"
        "    place=$1 deep=$2\n"
        f"    if [ \"$place\" = / ]; then set -- -type d '(' {root} ')' -prune -o; else set --; fi\n"
        f'    bounded find "$place" -xdev -maxdepth "$deep" "$@" -type d \'(\' {passed} \')\' -prune -o \\\n'
        f"        -type d '(' {folders} ')' -prune {run} -o \\\n"
        f"        -type f '(' {files} ')' {run}\n"
        "}\n"
    )


def _files(kind: Mapping[str, Any]) -> Iterator[str]:
    for test in ("files", "keys", "gives", "cores"):
        yield from kind.get(test, ())
    yield from (pattern for pattern, _ in kind.get("holds", ()))


def _any(patterns: Iterator[str]) -> str:
    """What `find` is asked: by the last part of the name where that says something, as it is much quicker."""
    words = {}
    for pattern in patterns:
        last = _safe(pattern).rpartition("/")[2]
        words[f"-name '{last}'" if last.strip("*?.") else f"-path '{pattern}'"] = 1
    return " -o ".join(words)


def _safe(pattern: str) -> str:
    if not _PLAIN.fullmatch(pattern):
        raise ValueError(f"no pattern of a path: {pattern}")
    return pattern

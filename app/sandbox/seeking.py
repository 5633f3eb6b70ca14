"""What resources/sandbox/secrets.sh is told to look for, made from the patterns of resources/clean/kinds.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.sandbox.remote import quoted

TESTS = ("files", "folders", "keys", "gives", "cores", "holds")
_CALL = {"keys": "key", "gives": "gives", "cores": "core", "folders": "filled"}
_KEYS = (".pem", ".key")  # endings of what is mostly certificates, or somebody's slides: many are looked at at once
_KEY_SIZE = 2048  # blocks of 512 bytes; no key is bigger
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
    named = [p for kind in kinds.values() for p in kind.get("files", ()) if p.endswith(_KEYS)]
    lines += [
        "}",
        f"by_name() {{ case $f in {' | '.join(named) or 'none'}) judge ;; esac; }}",
        'all_of_them "$@"',
        "exit 0",
        "",
    ]
    return "\n".join(lines)


def seek(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    """The shell function `seek PLACE DEPTH`, which has one `find` hand the names that could fit to the judge.

    Patterns of whole paths are asked only in places that they lie in, as each costs time for every file.
    """
    patterns = [pattern for kind in kinds.values() for pattern in _files(kind)]
    anywhere = [pattern for pattern in patterns if pattern.startswith("*")]
    tops = sorted({"/".join(pattern.split("/")[:2]) for pattern in patterns if pattern.startswith("/")})
    root = " -o ".join(f"-path {path}" for path in _PASSED_IN_ROOT)
    folders = _any(pattern for kind in kinds.values() for pattern in kind.get("folders", ()))
    return (
        "seek() {\n"
        "    place=$1 deep=$2\n"
        f"    if [ \"$place\" = / ]; then set -- -type d '(' {root} ')' -prune -o; else set --; fi\n"
        f"    case $place in / | {' | '.join(f'{top} | {top}/*' for top in tops)}) {_find(folders, patterns)} ;;\n"
        f"    *) {_find(folders, anywhere)} ;; esac\n"
        "}\n"
    )


def _find(folders: str, patterns: Sequence[str]) -> str:
    passed = " -o ".join(f"-name '{name}'" for name in _PASSED)
    keys = " -o ".join(f"-name '*{ending}'" for ending in _KEYS)
    run = """-exec sh -c "$JUDGE" {} {{}} +"""
    others = _any(pattern for pattern in patterns if not pattern.endswith(_KEYS))
    return (
        f'bounded find "$place" -xdev -maxdepth "$deep" "$@" -type d \'(\' {passed} \')\' -prune -o \\\n'
        f"        -type d '(' {folders} ')' -prune {run.format('folder')} -o \\\n"
        f"        -type f '(' {keys} ')' -size -{_KEY_SIZE} {run.format('keys')} -o \\\n"
        f"        -type f '(' {others} ')' {run.format('file')}"
    )


def _files(kind: Mapping[str, Any]) -> Iterator[str]:
    for test in ("files", "keys", "gives", "cores"):
        yield from kind.get(test, ())
    yield from (pattern for pattern, _ in kind.get("holds", ()))


def _any(patterns: Iterable[str]) -> str:
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

"""Every trouble that names a topic has a help text, and every help text can be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import main
from app.disk import verdicts

ROOT = Path(__file__).resolve().parents[1]
TEXTS = sorted((ROOT / "resources" / "help").glob("*.md"))


WHERE = {"Finding": 4, "_stop": 2}  # which argument is the topic where it has no name


def topics() -> Iterator[tuple[str, str]]:
    """Each topic that the program names, with the place."""
    for file in [*(ROOT / "app").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for value in _named(node):
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                        yield part.value, f"{file.relative_to(ROOT)}:{value.lineno}"


def _named(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from (word.value for word in node.keywords if word.arg == "topic")
        at = WHERE.get(node.func.id, 99) if isinstance(node.func, ast.Name) else 99
        yield from node.args[at : at + 1]
    if isinstance(node, ast.FunctionDef):
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        defaults = zip(reversed(names), reversed(node.args.defaults), strict=False)
        yield from (value for name, value in defaults if name == "topic")


def test_every_topic_has_a_text() -> None:
    known = {file.stem for file in TEXTS}
    known |= {f"{file.stem.partition('-')[0]}-" for file in TEXTS}  # f"boot-{verdict}": each verdict is looked at below
    missing = [f"{topic} ({place})" for topic, place in topics() if topic not in known]
    assert not missing


def test_every_way_not_to_start_has_a_text() -> None:
    known = {file.stem for file in TEXTS}
    assert not {f"boot-{verdict}" for verdict in verdicts.SENTENCES if verdict != verdicts.OK} - known


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.stem)
def test_a_text_has_a_title_and_is_short(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text.split()) < 250
    assert text.endswith("\n")


def test_the_terminal_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    assert "disk-full" in capsys.readouterr().out
    assert main(["help", "disk-full"]) == 0
    assert "There is no room left" in capsys.readouterr().out
    assert main(["help", "disk-ful"]) == 2
    assert "“disk-full”" in capsys.readouterr().err

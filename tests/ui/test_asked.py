"""An export to a server that nobody knows yet: its fingerprint and the password are asked before anything starts."""

from __future__ import annotations

from pathlib import Path

from app.host import data_home
from tests.servers.psshd import SECRET, PasswordServer
from tests.servers.sshd import fingerprint
from ui.widgets.ask import FingerprintDialog, PasswordDialog
from ui.wizard import Wizard


def answer(window: Wizard, shown, work) -> list[str]:
    """Answer every question that comes, the first password wrongly, until the act has ended."""
    asked: list[str] = []
    while True:
        shown(lambda: (work.asking is not None and work.asking.isVisible()) or not work.running, 60)
        if not work.running:
            return asked
        dialog = work.asking
        asked.append(f"{dialog.question.kind} {dialog.question.detail}".strip())
        if isinstance(dialog, FingerprintDialog):
            assert dialog.print.text().replace("\n", "") == dialog.question.detail
            dialog.yes.click()
        elif isinstance(dialog, PasswordDialog):
            dialog.line.setText("wrong one" if asked.count("password") == 1 else SECRET)
            dialog.ok.click()


def test_a_first_export_to_an_unknown_server(window: Wizard, shown, disk: Path, tmp_path: Path) -> None:
    with PasswordServer(tmp_path) as server:
        window.begin_new()
        source = window.pages["source"]
        source.choices[0].setChecked(True)
        source.origins[0].choose(str(disk))
        shown(lambda: not source.problem())
        window.go_next()
        target = window.pages["target"]
        target.address.lines["host"].setText("127.0.0.1")
        target.address.lines["user"].setText("ada")
        target.address.port.setValue(server.port)
        target.prove.setChecked(False)
        window.go_next()
        assert window.page.key == "line"
        asked = answer(window, shown, window.page.work)
        assert asked == [f"host-key {fingerprint(server.key)}", "password", "password"]
        assert server.attempts == ["wrong one", SECRET] + [SECRET] * (len(server.attempts) - 2)
        assert window.page.clock.isVisible(), window.page.trouble.what.text()
        window.go_next()
        assert window.page.key == "review"
        assert answer(window, shown, window.review.work) == [], "what was answered is not asked again"
        assert not window.review.problem(), window.review.trouble.what.text()
        window.go_next()
        shown(lambda: window.page.key == "done" or window.run.trouble.isVisible(), 60)
        assert window.page.key == "done", window.run.trouble.what.text()
        for file in data_home().rglob("*"):
            assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file

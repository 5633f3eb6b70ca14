"""Python's rubbish is collected in the window's thread, whoever made it."""

from __future__ import annotations

import gc
import threading

from ui.collector import Collector


class Ring:
    """Only a collection finds it; it tells in which thread it went."""

    def __init__(self, went: list[threading.Thread]) -> None:
        self.itself, self.went = self, went

    def __del__(self) -> None:
        self.went.append(threading.current_thread())


def test_what_a_worker_leaves_goes_in_the_windows_thread(qtbot, collector: Collector) -> None:
    went: list[threading.Thread] = []

    def work() -> None:
        for _ in range(3 * gc.get_threshold()[0]):
            Ring(went)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert went == []
    made: list[list[None]] = []

    def all_went() -> bool:
        made.extend([] for _ in range(100))  # what others left goes meanwhile, and counts as so much less
        return len(went) == 3 * gc.get_threshold()[0]

    qtbot.waitUntil(all_went, timeout=20_000)
    assert set(went) == {threading.main_thread()}
    assert not gc.isenabled()


def test_afterwards_python_does_it_again(qtbot) -> None:
    Collector().close()
    assert gc.isenabled()

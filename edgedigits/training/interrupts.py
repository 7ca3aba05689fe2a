"""Ctrl-C while several processes load data: heard by the one that trains, and where it does no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["leave_interrupts_to_the_parent", "uninterrupted"]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a first Ctrl-C back until the end: raised while a queue between processes is being locked, it would leave it
    locked, and the loader would wait for it forever as it ends. A second one is not held back.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    held = []

    def hold(number: int, _: FrameType | None) -> None:
        held.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    except Exception:
        # Workers that are starting hear it, too, and the loader says that they are gone.
        if held:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt


def leave_interrupts_to_the_parent(_: int) -> None:
    """A terminal sends Ctrl-C to workers, too, and one that dies of it may do so with a queue locked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

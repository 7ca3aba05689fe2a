"""What the tests of the form share: a screen that nobody sees, and a person who looks at it, writes, taps and types."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

import pytest

Stroke: TypeAlias = Sequence[tuple[float, float]]

PROGRAMS = ("Xvfb", "xdotool")
PATIENCE = 60
"""Seconds after which what is waited for will not come: it takes a few on a slow machine."""


class Person:
    """Somebody at a running form, which tells in its title what it shows."""

    def __init__(self, display: str, *command: str | os.PathLike[str], **variables: str) -> None:
        self.variables = {**os.environ, "DISPLAY": display}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        self.form = subprocess.Popen(command, env={**self.variables, **variables}, start_new_session=True, **pipes)
        self.width, self.height = 800, 480

    def sees(self, *texts: str) -> str:
        """Wait until the title has all of `texts`."""
        title, end = "", time.monotonic() + PATIENCE
        while not title or not all(text in title for text in texts):
            if time.monotonic() > end or self.form.poll() is not None:
                raise AssertionError(f"{texts} never came after {title!r}: {self.ends()}")
            time.sleep(0.05)
            title = self._do("search", "--onlyvisible", "--name", "^(Amount|PIN) ", "getwindowname")
        return title

    def arrives(self) -> None:
        """Wait until the form answers to a key: until then its pad may move, under a stroke too."""
        at_first = self.sees("Write a digit.")
        self.types("1")
        self.sees("●" if at_first.startswith("PIN") else "0.01")
        self.types("BackSpace")
        self.sees(at_first)

    def writes(self, *strokes: Stroke) -> None:
        """Write on the pad; a hundred units are two fifths of the window's height, the middle is at (50, 50)."""
        for start, *path in strokes:
            # Of movements that wait, Tk keeps the last alone, unless there is a key between them.
            moves = [word for point in path for word in ("mousemove", *self._at(*point), "key", "Shift_L")]
            self._do("mousemove", *self._at(*start), "mousedown", "1", *moves, "mouseup", "1")

    def taps(self, button: int, of: int) -> None:
        """Tap the row of buttons at the bottom: `button` from the left, of so many."""
        x, y = self.width * (button - 0.5) / of, self.height - 30
        self._do("mousemove", str(round(x)), str(round(y)), "sleep", "0.1", "click", "1")

    def types(self, *keys: str) -> None:
        """Press keys, one after the other."""
        self._do("key", *keys)

    def resizes(self, width: int, height: int) -> None:
        """Make the window so large."""
        self.width, self.height = width, height
        self._do("search", "--onlyvisible", "--name", "^(Amount|PIN) ", "windowsize", "--sync", str(width), str(height))

    def leaves(self) -> tuple[int, str, str]:
        """Wait for the form's end: its exit code, and what it printed."""
        out, err = self.form.communicate(timeout=PATIENCE)
        return self.form.returncode, out, err

    def ends(self) -> tuple[str, str]:
        """End the form, and whatever it has started; what it printed."""
        with suppress(ProcessLookupError):
            os.killpg(self.form.pid, signal.SIGKILL)
        return self.form.communicate()

    def _at(self, x: float, y: float) -> tuple[str, str]:
        unit = self.height / 240
        return str(round(self.width / 2 + (x - 50) * unit)), str(round(self.height / 2 + (y - 50) * unit))

    def _do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            env=self.variables,
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        return done.stdout.strip()


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The name of a screen."""
    pytest.importorskip("tkinter")
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed: apt-get install xvfb xdotool")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x720x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as screen:
        os.close(writing)
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
        screen.terminate()


@pytest.fixture
def person(display) -> Iterator[Callable[..., Person]]:
    """Start a form and sit down at it."""
    people: list[Person] = []

    def start(*command: str | os.PathLike[str], **variables: str) -> Person:
        people.append(Person(display, *command, **variables))
        people[-1].arrives()
        return people[-1]

    yield start
    for one in people:
        one.ends()

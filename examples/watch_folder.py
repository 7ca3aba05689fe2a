"""Reads every picture that comes into a folder, from a camera or a scanner: `python examples/watch_folder.py FOLDER`.

Prints one line of JSON for each, as `edgedigits predict --json` does, until it is stopped. A picture is read once it is
written completely: when two looks, one after the other, find its file as large and as old.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from edgedigits import EdgeDigitsError, Recognizer

INTERVAL = 0.5
"""Seconds between two looks; whoever writes a picture must not pause for longer."""

Look: TypeAlias = "dict[Path, tuple[int, int]]"
"""Size and time of change, in nanoseconds, of each file."""


def look_into(folder: Path) -> Look:
    """What lies in a folder now."""
    look: Look = {}
    for path in sorted(folder.iterdir()):
        with suppress(FileNotFoundError):  # removed or renamed just now
            look[path] = path.stat().st_size, path.stat().st_mtime_ns
    return look


def watch(folder: Path) -> None:
    """Read what is new, and again what has changed since."""
    recognizer = Recognizer()
    before: Look = {}
    last: Look = {}
    while True:
        now = look_into(folder)
        for path in now:
            if now[path] == last.get(path) != before.get(path) and path.is_file():
                try:
                    answer = recognizer.read(path).to_dict()
                except EdgeDigitsError as error:
                    answer = {"error": str(error)}
                sys.stdout.write(json.dumps({"file": str(path), **answer}) + "\n")
                sys.stdout.flush()
        before, last = last, now
        time.sleep(INTERVAL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"there is no folder {folder}")
    with suppress(KeyboardInterrupt):
        watch(folder)

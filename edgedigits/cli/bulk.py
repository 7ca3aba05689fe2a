"""Many files: found in folders, with a bar that shows how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from edgedigits.errors import PictureError

__all__ = ["MANY", "bar", "files_in", "is_terminal", "no_pictures", "picture_suffixes", "without_files"]

MANY = 20
"""Files from which a bar shows how far it is."""


def picture_suffixes() -> tuple[str, ...]:
    """How the names end of pictures that can be read."""
    from PIL import Image

    from edgedigits.pictures import FORMATS

    return tuple(sorted(suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS))


def files_in(images: Iterable[Path], suffixes: tuple[str, ...], leaving_out: Path | None = None) -> Iterator[Path]:
    """The files that are named, and of folders those whose names end so; hidden ones not, nor a folder left out."""
    for image in images:
        if _is_folder(image):
            yield from _inside(image, suffixes, leaving_out)
        else:
            yield image


def without_files(images: Iterable[Path], suffixes: tuple[str, ...], leaving_out: Path | None = None) -> Iterator[Path]:
    """The folders that hold no file whose name ends so."""
    return (
        image for image in images if _is_folder(image) and next(_inside(image, suffixes, leaving_out), None) is None
    )


def no_pictures(folder: Path, suffixes: tuple[str, ...]) -> PictureError:
    """What is said of a folder that holds none."""
    return PictureError(f"{folder} holds no pictures: their names end in {', '.join(suffixes)}")


def _is_folder(image: Path) -> bool:
    try:
        return image.is_dir()
    except OSError:
        return False


def _inside(folder: Path, suffixes: tuple[str, ...], leaving_out: Path | None) -> Iterator[Path]:
    """The pictures in a folder and its subfolders, sorted by name; links to folders are not followed."""
    without = os.path.realpath(leaving_out) if leaving_out else None
    # Folders may lie deeper in each other than Python calls itself.
    ahead = [(folder, True)]
    while ahead:
        path, is_folder = ahead.pop()
        if not is_folder:
            yield path
        elif path == folder or without is None or os.path.realpath(path) != without:
            ahead += reversed(_shown(path, suffixes))


def _shown(folder: Path, suffixes: tuple[str, ...]) -> list[tuple[Path, bool]]:
    """What a folder holds, and whether it is a folder."""
    try:
        with os.scandir(folder) as entries:
            shown = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if entry.name[0] != "."]
    except OSError:
        # As a picture it cannot be opened either, which is then reported with the reason.
        return [(folder, False)]
    return [
        (folder / name, is_folder) for name, is_folder in sorted(shown) if is_folder or name.lower().endswith(suffixes)
    ]


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sees what is written to standard output, or standard error: a service may have neither."""
    return stream is not None and stream.isatty()


@contextmanager
def bar(total: int) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how much is done, where there is much to do: what this gives is told what more is done."""
    if total < MANY:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    # rich would send what is printed to its own stream: wrong where standard output goes to a file.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as shown:
        task = shown.add_task("", total=total, rate="")

        def advance(by: float) -> None:
            speed = shown.tasks[task].speed
            shown.update(task, advance=by, rate=f"{speed:,.0f} a second" if speed else "")

        yield advance

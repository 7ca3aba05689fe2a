"""Writing files so that a crash at any moment leaves the old one whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgedigits.errors import OutputError

__all__ = ["remove_staged", "staged", "write_file"]

STAGED = ".{name}.{unique}.tmp"


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; move that file to `path` when the block ends, drop it when it fails.

    The name keeps `path`'s suffix out of sight, so nobody picks up a half-written file. A link is followed; a device or
    a pipe cannot be replaced and is written to as it is. Raises `OutputError`.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            yield target
            return
        temporary = target.with_name(STAGED.format(name=target.name, unique=secrets.token_hex(4)))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def write_file(path: Path, content: bytes | str) -> None:
    """Put `content` at `path`, whole or not at all. Raises `OutputError`."""
    with staged(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def remove_staged(folder: Path) -> None:
    """Remove what writers that were killed left in `folder`."""
    for leftover in folder.glob(STAGED.format(name="*", unique="[0-9a-f]" * 8)):
        leftover.unlink(missing_ok=True)

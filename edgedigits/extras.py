"""Optional dependencies: imported where they are used, and named by one line when they are absent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgedigits.errors import MissingExtraError

__all__ = ["needs"]


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Turn a failed import of somebody else's package in the block into a `MissingExtraError` that says what to do."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "edgedigits"):
            raise
        raise MissingExtraError(
            f"{what} needs {package}, which is not installed: pip install 'edgedigits[{extra}]'", name=error.name
        ) from error

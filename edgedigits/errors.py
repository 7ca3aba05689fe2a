"""Everything edgedigits raises on purpose.

    EdgeDigitsError
    ├── InputError             what was given is wrong
    │   ├── PictureError       a picture that cannot be opened or read
    │   ├── ClosedError        a recognizer that was closed and is asked again
    │   ├── FramesError        an array that is not uint8 [n, 28, 28]; also a ValueError
    │   ├── ArtifactError      a model file that is damaged or not one of ours
    │   ├── NoCheckpointError  only an artifact is here, and its checkpoint is needed
    │   ├── CheckpointError    a checkpoint that is damaged, foreign or carries code
    │   ├── DatasetError       a data set that is absent or damaged
    │   ├── RunError           a training run that cannot be started or resumed as asked
    │   ├── UnpromisedError    an error rate that the digits a model was validated on cannot promise
    │   └── UnknownNameError   a name that is not on the list; also a LookupError
    ├── OutputError            a file that cannot be written
    ├── MissingExtraError      an optional dependency is not installed; also an ImportError
    └── ParityError            an artifact does not answer as its checkpoint does

Each message is one line that says what is wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

__all__ = [
    "ArtifactError",
    "CheckpointError",
    "ClosedError",
    "DatasetError",
    "EdgeDigitsError",
    "FramesError",
    "InputError",
    "MissingExtraError",
    "NoCheckpointError",
    "OutputError",
    "ParityError",
    "PictureError",
    "RunError",
    "UnknownNameError",
    "UnpromisedError",
]


class EdgeDigitsError(Exception):
    """Root of the tree; `exit_code` is what the command line returns for it."""

    exit_code: ClassVar[int] = 2


class InputError(EdgeDigitsError):
    """What was given is wrong."""


class PictureError(InputError):
    """A picture that cannot be opened or read."""


class ClosedError(InputError):
    """A recognizer that was closed and is asked again."""


class FramesError(InputError, ValueError):
    """An array that is not `uint8 [n, 28, 28]`."""


class ArtifactError(InputError):
    """A model file that is damaged or not one of ours."""


class NoCheckpointError(InputError):
    """Only an artifact is here, and its checkpoint is needed."""


class CheckpointError(InputError):
    """A checkpoint that is damaged, foreign or carries code."""


class DatasetError(InputError):
    """A data set that is absent or damaged."""


class RunError(InputError):
    """A training run that cannot be started or resumed as asked."""


class UnpromisedError(InputError):
    """An error rate that the digits a model was validated on cannot promise."""


class UnknownNameError(InputError, LookupError):
    """A name that is not on the list; the message suggests the nearest one that is."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        import difflib

        self.kind, self.name, self.known = kind, name, tuple(known)
        near = difflib.get_close_matches(name.casefold(), self.known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}known are {', '.join(self.known)}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        return type(self), (self.kind, self.name, self.known)


class OutputError(EdgeDigitsError):
    """A file that cannot be written."""


class MissingExtraError(EdgeDigitsError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class ParityError(EdgeDigitsError):
    """An artifact does not answer as its checkpoint does."""

    exit_code: ClassVar[int] = 1

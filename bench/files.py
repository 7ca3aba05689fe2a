"""The files of a model that a benchmark opens: what is at hand, and what is written for it from the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgedigits.artifact import OnnxArtifact
from edgedigits.card import Card
from edgedigits.errors import InputError, NoCheckpointError
from edgedigits.export.formats import FORMATS, Format, format_of
from edgedigits.extras import needs
from edgedigits.models import Model, find_model, model_names
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits

__all__ = ["NotAtHandError", "Shelf", "card_of", "digit_models", "reads_lines"]


class NotAtHandError(InputError):
    """A file that would take a while to make."""


ONNX = FORMATS["onnx"]
CARD_DIGITS = 100
"""Of the synthetic ones, on which the card of a file written here is measured: it is thrown away afterwards."""


def card_of(path: Path, row: Format) -> Card:
    """The card of a model file, once it has been checked. Raises `ArtifactError`, `MissingExtraError`."""
    return OnnxArtifact.open(path).card if row is ONNX else row.exporter().load(path).card


def reads_lines(model: Model) -> bool:
    """Whether a model takes lines, and not digits, which are what is measured by here."""
    if model.artifact:
        row = format_of(model.artifact)
        return card_of(model.artifact, row).takes == "lines"
    with needs("train", "a checkpoint"):
        from edgedigits.export.measuring import taken_by
    return taken_by(model.load_checkpoint().recipe) == "lines"


def digit_models() -> tuple[str, ...]:
    """Names of the models that ship and take digits."""
    return tuple(name for name in model_names() if not reads_lines(find_model(name)))


@dataclass(frozen=True)
class Shelf:
    """The files of one model. What is not there is written into `workspace`; if `is_closed`, in fp32 alone."""

    model: Model
    workspace: Path
    is_closed: bool = False

    def precisions(self, row: Format) -> tuple[str, ...]:
        """Those in which the model can be had in a format: of an artifact in fewer bits than fp32, its own."""
        own = self._own_precision()
        if own not in (None, "fp32") or (own and not self.model.checkpoint):
            return (own,) if own in row.precisions else ()
        return tuple(p for p in row.precisions if p == "fp32" or not self.is_closed or self._at_hand(row, p))

    @property
    def checkpoint(self) -> Path:
        """Raises `NoCheckpointError`."""
        if self.model.checkpoint is None:
            raise NoCheckpointError(
                f"{self.model.artifact} is an artifact: give the run or the checkpoint it was made from"
            )
        return self.model.checkpoint

    def file(self, row: Format, precision: str) -> Path:
        """A file of the model. Raises `NoCheckpointError`, `MissingExtraError`, `NotAtHandError`."""
        if found := self._at_hand(row, precision):
            return found
        path = self.workspace / row.file_name(self.model.name, precision)
        if path.exists():
            return path
        checkpoint = self.model.load_checkpoint()
        if precision == "int8":
            raise NotAtHandError(
                "int8 is fitted to training digits: measure the file that "
                f"`edgedigits export MODEL --format {row.name} --precision int8` makes"
            )
        with needs("export", f"the format {row.name}"):
            from edgedigits.export.exporting import write_unproven
        write_unproven(
            checkpoint,
            self.model.name,
            path,
            row=row,
            precision=precision,
            digits=_few_digits(),
        )
        return path

    def _at_hand(self, row: Format, precision: str) -> Path | None:
        """The artifact itself, or the one beside it in another precision, as models ship."""
        own = self.model.artifact
        if own is None or not own.name.endswith(row.suffix):
            return None
        if precision == self._own_precision():
            return own
        beside = own.with_name(row.file_name(own.name.removesuffix(row.suffix), precision))
        return beside if beside.is_file() else None

    def _own_precision(self) -> str | None:
        own = self.model.artifact
        row = next((row for row in FORMATS.values() if own and own.name.endswith(row.suffix)), None)
        return card_of(own, row).precision if own and row else None


@cache
def _few_digits() -> Digits:
    digits = load_digits("synthetic", "test")
    return Digits(digits.dataset, digits.frames[:CARD_DIGITS], digits.labels[:CARD_DIGITS])

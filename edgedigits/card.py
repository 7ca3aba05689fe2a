"""The card: what an artifact says of itself, carried inside the file as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from edgedigits.alphabet import ALPHABET, LINE_HEIGHT
from edgedigits.errors import ArtifactError, UnpromisedError
from edgedigits.onnxfile import short
from edgedigits.risk import RiskCurve

__all__ = [
    "CARD_KEY",
    "INTERFACES",
    "UNFITTED_THRESHOLD",
    "Accuracy",
    "Calibration",
    "Card",
    "Takes",
    "promised_threshold",
]

CARD_KEY = "edgedigits"
"""Metadata key (ONNX) or extra file (TorchScript) that holds the card."""

UNFITTED_THRESHOLD = 0.95
"""Confidence from which a digit is accepted by a model that was not calibrated: a convention, fitted to nothing."""

SCHEMA = 3
Takes: TypeAlias = Literal["frames", "image", "lines"]
DIGITS = tuple("0123456789")
LABELS: Mapping[Takes, tuple[str, ...]] = MappingProxyType({"frames": DIGITS, "image": DIGITS, "lines": ALPHABET})
INTERFACES: Mapping[Takes, tuple[dict[str, Any], dict[str, Any]]] = MappingProxyType(
    {
        "frames": (
            {"name": "frames", "dtype": "uint8", "shape": ["batch", 28, 28]},
            {"name": "probabilities", "dtype": "float32", "shape": ["batch", 10]},
        ),
        "image": (
            {"name": "image", "dtype": "uint8", "shape": ["height", "width"]},
            {"name": "probabilities", "dtype": "float32", "shape": [1, 10]},
        ),
        "lines": (
            {"name": "lines", "dtype": "uint8", "shape": ["batch", LINE_HEIGHT, "width"]},
            {"name": "probabilities", "dtype": "float32", "shape": ["batch", "steps", len(ALPHABET)]},
        ),
    }
)
"""Input and output of what takes frames; of what takes a grey picture of one digit and frames it itself; and of what
takes lines, 0 is paper and 255 ink, and gives for each two columns the probabilities of what stands there, for CTC."""


@dataclass(frozen=True)
class Calibration:
    """How logits became probabilities: `softmax(logits / temperature)`, and how the temperature was found.

    `ece_before` and `ece_after` are expected calibration errors on the `n` digits that it was fitted to.
    """

    method: Literal["none", "temperature"] = "none"
    temperature: float = 1.0
    n: int = 0
    ece_before: float = 0.0
    ece_after: float = 0.0


@dataclass(frozen=True)
class Accuracy:
    """A model measured once on the test split of `dataset`.

    `loss` is the mean negative log-likelihood in nats, `ci95` Wilson's interval for the accuracy, `coverage` the share
    of digits that are accepted, `accepted_errors` how many of those are wrong.
    """

    dataset: str
    n: int
    correct: int
    loss: float
    ci95: tuple[float, float]
    coverage: float
    accepted_errors: int

    @property
    def accuracy(self) -> float:
        """Share of digits read right."""
        return self.correct / self.n

    @property
    def errors(self) -> int:
        """How many digits were read wrong."""
        return self.n - self.correct

    def to_dict(self) -> dict[str, Any]:
        """As every command names these figures in its JSON."""
        return {
            "dataset": self.dataset,
            "n": self.n,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "errors": self.errors,
            "accuracy_ci95": list(self.ci95),
            "coverage": self.coverage,
            "accepted_errors": self.accepted_errors,
        }


@dataclass(frozen=True)
class Card:
    """Everything a client needs to use an artifact, and to know where it came from.

    `accept_threshold` is the confidence from which a digit is accepted, and `max_error` the error rate that it promises
    among those, by `risk`, what was counted on a validation split; both are None where nothing was held out.
    `weights_sha256` names the checkpoint: it is the digest of the weights the artifact was made from. `parity` is what
    comparing the two found, `requires` the lowest versions of what runs the artifact, and `provenance` holds the
    recipe, the command and the versions that made it. `takes` is what it is given: frames, an image to be framed, or
    lines, whose digits are accepted together or not, and of which all counts are.
    """

    model: str
    format: str
    precision: str
    calibration: Calibration
    accept_threshold: float
    max_error: float | None
    risk: RiskCurve | None
    accuracy: Accuracy
    weights_sha256: str
    provenance: dict[str, Any]
    parity: dict[str, Any] = field(default_factory=dict)
    requires: dict[str, Any] = field(default_factory=dict)
    takes: Takes = "frames"

    def threshold_for(self, max_error: float | None) -> float:
        """The confidence from which to accept a digit, so that no more than `max_error` of those accepted are wrong.

        With 95% confidence: see `RiskCurve.threshold_for`. None stands for the card's own threshold. Raises
        `InputError` for what is no error rate, and `UnpromisedError` where the validation split cannot promise it.
        """
        return self.accept_threshold if max_error is None else promised_threshold(self.risk, max_error, self.model)

    def to_json(self) -> str:
        """JSON with sorted keys, so that equal cards are equal bytes."""
        fields = {
            "schema": SCHEMA,
            "model": self.model,
            "format": self.format,
            "precision": self.precision,
            "labels": LABELS[self.takes],
            "input": INTERFACES[self.takes][0],
            "output": INTERFACES[self.takes][1],
            "calibration": asdict(self.calibration),
            "thresholds": {"accept": self.accept_threshold, "max_error": self.max_error},
            "risk": self.risk.to_dict() if self.risk else None,
            "accuracy": asdict(self.accuracy),
            "weights_sha256": self.weights_sha256,
            "provenance": self.provenance,
            "parity": self.parity,
            "requires": self.requires,
        }
        return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, name: str) -> Card:
        """Read a card; `name` is the artifact's, for the message. Raises `ArtifactError`."""
        try:
            fields = json.loads(text)
            if fields["schema"] != SCHEMA:
                schema = short(fields["schema"])
                raise ArtifactError(f"{name} has a card of schema {schema}; this edgedigits reads {SCHEMA}")
            takes = next((kind for kind in INTERFACES if INTERFACES[kind] == (fields["input"], fields["output"])), None)
            if takes is None or tuple(fields["labels"]) != LABELS[takes]:
                raise ArtifactError(f"{name} has a card whose labels, input or output are not those of a digit model")
            calibration, thresholds, accuracy = fields["calibration"], fields["thresholds"], fields["accuracy"]
            max_error = thresholds["max_error"]
            low, high = accuracy["ci95"]
            return cls(
                model=str(fields["model"]),
                format=str(fields["format"]),
                precision=str(fields["precision"]),
                calibration=Calibration(
                    method=calibration["method"],
                    temperature=_number(calibration["temperature"], "temperature", low=sys.float_info.min),
                    n=int(_number(calibration["n"], "n")),
                    ece_before=_number(calibration["ece_before"], "ece_before", high=1),
                    ece_after=_number(calibration["ece_after"], "ece_after", high=1),
                ),
                accept_threshold=_number(thresholds["accept"], "threshold", high=1),
                max_error=None if max_error is None else _number(max_error, "max_error", high=1),
                risk=None if fields["risk"] is None else RiskCurve.from_dict(fields["risk"]),
                accuracy=Accuracy(
                    dataset=str(accuracy["dataset"]),
                    n=int(_number(accuracy["n"], "n", low=1)),
                    correct=int(_number(accuracy["correct"], "correct")),
                    loss=_number(accuracy["loss"], "loss"),
                    ci95=(_number(low, "ci95", high=1), _number(high, "ci95", high=1)),
                    coverage=_number(accuracy["coverage"], "coverage", high=1),
                    accepted_errors=int(_number(accuracy["accepted_errors"], "accepted_errors")),
                ),
                weights_sha256=str(fields["weights_sha256"]),
                provenance=dict(fields["provenance"]),
                parity=dict(fields["parity"]),
                requires=dict(fields["requires"]),
                takes=takes,
            )
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ArtifactError(f"{name} has a damaged card ({what}): export it again") from error


def promised_threshold(risk: RiskCurve | None, max_error: float, model: str) -> float:
    """The threshold of `risk.threshold_for`. Raises `UnpromisedError` also where `model` has no curve."""
    if risk is None:
        raise UnpromisedError(
            f"{model} was validated on nothing, so no error rate can be promised: use a model that was"
        )
    return risk.threshold_for(max_error)


def _number(value: Any, name: str, low: float = 0, high: float = sys.float_info.max) -> float:
    """A card's number where it makes sense. Raises `ValueError`."""
    if not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, not a number from {low:g} to {high:g}")
    return float(value)

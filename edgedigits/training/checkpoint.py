"""Checkpoints: what training leaves, in one safetensors file, which cannot carry code.

Tensors are stored under `weights.*`, `optimizer.<parameter>.<name>` and `random.<device>`; everything else is JSON in
the file's metadata. A checkpoint that ships has no optimiser and no random state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from edgedigits.card import Calibration
from edgedigits.errors import CheckpointError
from edgedigits.files import write_file
from edgedigits.risk import RiskCurve
from edgedigits.training.networks import DigitNetwork, build_network
from edgedigits.training.recipes import LineRecipe, Recipe

__all__ = ["Checkpoint", "Epoch", "digest"]

SCHEMA = 3
METADATA_KEY = "edgedigits"
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How the files of `torch.save` and `pickle` begin."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training digits, and what was then measured: on validation digits, or on the test's.

    `train_loss` is the mean of what was minimised, on digits as they were augmented, and so not to be compared with
    `loss`, the mean negative log-likelihood.
    """

    epoch: int
    train_loss: float
    loss: float
    correct: int
    n: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of the test digits read right."""
        return self.correct / self.n


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and what is needed to go on from them as if training had never stopped.

    A complete run whose recipe holds digits out has been calibrated on them, and its risk curve measured. `taught_by`
    is the digest of the weights that were learned from.
    """

    recipe: Recipe
    history: tuple[Epoch, ...]
    weights: dict[str, Tensor]
    optimizer: dict[str, Any] = field(default_factory=dict)
    random_state: dict[str, Tensor] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    risk: RiskCurve | None = None
    taught_by: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether all of the recipe's epochs are done."""
        return len(self.history) >= self.recipe.epochs

    def network(self) -> DigitNetwork:
        """The trained network, on the CPU and ready to answer."""
        network = build_network(self.recipe.network)
        network.load_state_dict(self.weights)
        return network.eval()

    def weights_only(self) -> Checkpoint:
        """What ships: the same weights, recipe and history, without what only training needs."""
        return replace(self, optimizer={}, random_state={})

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises `OutputError`."""
        tensors = {f"weights.{name}": tensor for name, tensor in self.weights.items()}
        tensors |= {f"random.{device}": state for device, state in self.random_state.items()}
        for parameter, state in self.optimizer.get("state", {}).items():
            tensors |= {f"optimizer.{parameter}.{name}": value for name, value in state.items() if value is not None}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        about = {
            "schema": SCHEMA,
            "recipe": asdict(self.recipe),
            "history": [asdict(epoch) for epoch in self.history],
            "optimizer": self.optimizer.get("param_groups", []),
            "calibration": asdict(self.calibration),
            "risk": self.risk.to_dict() if self.risk else None,
            "taught_by": self.taught_by,
        }
        about["sha256"] = _seal(about, tensors)
        write_file(path, save_tensors(tensors, {METADATA_KEY: json.dumps(about, sort_keys=True)}))

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint. Raises `CheckpointError`."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"cannot open {path}: {error.strerror or error}") from error
        try:
            tensors = load_tensors(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            about = json.loads(header["__metadata__"][METADATA_KEY])
            if about["schema"] != SCHEMA:
                raise CheckpointError(
                    f"{path} is a checkpoint of schema {about['schema']}; this edgedigits reads {SCHEMA}: train again"
                )
            if about.pop("sha256") != _seal(about, tensors):
                raise ValueError
            checkpoint = cls(
                recipe=_recipe(about["recipe"]),
                history=tuple(Epoch(**epoch) for epoch in about["history"]),
                weights=_below("weights", tensors),
                optimizer={"state": _optimizer_state(tensors), "param_groups": about["optimizer"]},
                random_state=_below("random", tensors),
                calibration=Calibration(**about["calibration"]),
                risk=RiskCurve.from_dict(about["risk"]) if about["risk"] else None,
                taught_by=about["taught_by"],
            )
            checkpoint.network()
        except (SafetensorError, ValueError, LookupError, TypeError, RuntimeError, AttributeError) as error:
            # Only now, for a safetensors file may begin alike: with the length of its header.
            if content.startswith(PICKLES):
                raise CheckpointError(
                    f"{path} is a pickle, which may carry code, so it is not loaded: give a safetensors file"
                ) from error
            raise CheckpointError(f"{path} is damaged or not a checkpoint of edgedigits: train again") from error
        return checkpoint


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors by name, in hexadecimal: equal names, types, shapes and bits give equal digests."""
    sha256 = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha256.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        sha256.update(tensor.view(-1).view(torch.uint8).numpy().tobytes())
    return sha256.hexdigest()


def _seal(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over all that a checkpoint says, so that one changed bit anywhere is found."""
    return hashlib.sha256(f"{json.dumps(about, sort_keys=True)} {digest(tensors)}".encode()).hexdigest()


def _recipe(fields: Mapping[str, Any]) -> Recipe:
    kind = LineRecipe if "lines" in fields else Recipe
    return kind(**{**fields, "teachers": tuple(fields["teachers"])})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _optimizer_state(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below("optimizer", tensors).items():
        parameter, _, key = name.partition(".")
        state.setdefault(int(parameter), {})[key] = tensor
    return state

"""Finding a model: by the name it ships under, by a run's folder, or by a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgedigits import artifacts
from edgedigits.errors import InputError, NoCheckpointError, UnknownNameError
from edgedigits.extras import needs

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from edgedigits.training.checkpoint import Checkpoint

__all__ = [
    "DEFAULT_MODEL",
    "RUNS",
    "Model",
    "find_model",
    "is_name",
    "model_names",
    "newest_run",
    "shipped_file",
    "shipped_names",
]

DEFAULT_MODEL = "small"
RUNS = Path("runs")
RUN_CHECKPOINT = "checkpoint.safetensors"
SHIPPED_CHECKPOINT = "model.safetensors"
ARTIFACT_STEM, ARTIFACT_SUFFIX = "model", ".onnx"
ARTIFACT = ARTIFACT_STEM + ARTIFACT_SUFFIX


@dataclass(frozen=True)
class Model:
    """The files that are known of one model; `folder` is a run's, where more of its files belong."""

    name: str
    checkpoint: Path | None
    artifact: Path | None
    folder: Path | None

    def load_checkpoint(self) -> Checkpoint:
        """Read the checkpoint. Raises `NoCheckpointError`, `CheckpointError`, `MissingExtraError`."""
        if self.checkpoint is None:
            raise NoCheckpointError(f"{self.artifact} is an artifact: give the run or the checkpoint it was made from")
        with needs("train", "a checkpoint"):
            from edgedigits.training.checkpoint import Checkpoint
        return Checkpoint.load(self.checkpoint)


def _artifacts() -> Traversable:
    """The folder of what ships, or its like in a ZIP, of which to know takes Python's own modules longer to load."""
    folder = Path(artifacts.__path__[0])
    if folder.is_dir():
        return folder
    from importlib import resources

    return resources.files(artifacts)


def model_names() -> tuple[str, ...]:
    """Names of the models that ship with edgedigits."""
    folder = _artifacts()
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.joinpath(ARTIFACT).is_file()))


def shipped_names() -> tuple[str, ...]:
    """Names of all artifacts that ship: `small` is a model's in fp32, `small.int8` the same model's in int8."""
    folder = _artifacts()
    return tuple(
        sorted(
            name + file.name.removeprefix(ARTIFACT_STEM).removesuffix(ARTIFACT_SUFFIX)
            for name in model_names()
            for file in folder.joinpath(name).iterdir()
            if file.name.startswith(ARTIFACT_STEM) and file.name.endswith(ARTIFACT_SUFFIX)
        )
    )


def shipped_file(name: str) -> Traversable:
    """The artifact `name` of those that ship. Raises `UnknownNameError`."""
    names = shipped_names()
    if name not in names:
        raise UnknownNameError("model", name, names)
    model, dot, precision = name.partition(".")
    return _artifacts().joinpath(model, f"{ARTIFACT_STEM}{dot}{precision}{ARTIFACT_SUFFIX}")


def is_name(given: str | os.PathLike[str]) -> bool:
    """Whether a model was given by name. What ships goes before what happens to lie in the working folder."""
    path = Path(given)
    return os.fspath(given) in shipped_names() or not (path.suffix or len(path.parts) > 1 or os.path.lexists(path))


def newest_run() -> Path | None:
    """The folder in `runs/` that trained last, if there is one."""
    checkpoints = RUNS.glob(f"*/{RUN_CHECKPOINT}")
    newest = max(checkpoints, key=lambda path: path.stat().st_mtime_ns, default=None)
    return newest.parent if newest else None


def find_model(given: str | os.PathLike[str] | None) -> Model:
    """A run's folder, a model's folder, a checkpoint, an artifact, or the name of a shipped model.

    None stands for the newest run, else for the default model. Raises `InputError`.
    """
    if given is None:
        given = newest_run() or DEFAULT_MODEL
    name, path = os.fspath(given), Path(given)
    if is_name(given):
        artifact = Path(str(shipped_file(name)))
        return Model(name, _in_folder(artifact.parent).checkpoint, artifact, None)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        is_checkpoint = path.suffix == Path(RUN_CHECKPOINT).suffix
        return Model(path.stem, path if is_checkpoint else None, None if is_checkpoint else path, None)
    raise InputError(f"there is no {path}: give a run, a checkpoint, an artifact, or one of {', '.join(model_names())}")


def _in_folder(folder: Path) -> Model:
    name = folder.resolve().name
    if (folder / RUN_CHECKPOINT).is_file():
        # What was exported from a run may be older than its checkpoint, so a run is its checkpoint alone.
        return Model(name, folder / RUN_CHECKPOINT, None, folder)
    checkpoint, artifact = folder / SHIPPED_CHECKPOINT, folder / ARTIFACT
    if not artifact.is_file():
        raise InputError(f"{folder} holds no run and no model: neither {RUN_CHECKPOINT} nor {ARTIFACT} is there")
    return Model(name, checkpoint if checkpoint.is_file() else None, artifact, None)

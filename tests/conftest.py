"""What the tests share: the command line, a small data set, two tiny runs, and what was exported from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from edgedigits.cli import main
from edgedigits.training import data
from edgedigits.training.digits import Digits
from edgedigits.training.synthetic import draw_digit, synthetic_digits

MNIST_ROOT = os.environ.get("EDGEDIGITS_DATA")
PER_CLASS = 10
EXTRAS = (
    *("torch", "torchvision", "onnx", "matplotlib", "safetensors", "platformdirs", "openvino", "ncnn", "pnnx"),
    "pypdfium2",
)
TRUSTED_ON = 1200
"""Synthetic digits that the trusted run was trained on and validated with."""
HIDING = """
from importlib.machinery import PathFinder
find_spec, hidden = PathFinder.find_spec, {packages!r}
PathFinder.find_spec = staticmethod(
    lambda name, path=None, target=None: None if name.partition(".")[0] in hidden else find_spec(name, path, target)
)
"""
"""Python runs this as it starts: `packages` are found nowhere, as where they never were installed."""


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The one line that a command says when what it was given is wrong."""
        assert (self.code, self.out) == (2, "")
        assert self.err.startswith("edgedigits: ")
        assert self.err.count("\n") == 1
        return self.err.strip()


@pytest.fixture
def edgedigits(tmp_path, monkeypatch, capsys) -> Callable[..., Ran]:
    """Call the command line in an empty folder, with a synthetic data set that is drawn in no time and no MNIST."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEDIGITS_DATA", str(tmp_path / "no-data"))
    monkeypatch.setitem(data.SYNTHETIC_COUNT, "train", 200)
    monkeypatch.setitem(data.SYNTHETIC_COUNT, "test", 100)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["edgedigits", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as ended:  # kept no longer than this: its traceback would keep a data loader's workers
            return Ran(ended.code or 0, *capsys.readouterr())
        raise AssertionError("the command did not exit")

    return run


@pytest.fixture
def program(tmp_path) -> Callable[..., Ran]:
    """Run a program of its own in an empty folder, without MNIST."""
    quiet = {"EDGEDIGITS_DATA": str(tmp_path / "no-data"), "OMP_NUM_THREADS": "1"}

    def run(*command: object, **variables: str) -> Ran:
        done = subprocess.run(
            [os.fspath(part) for part in command],
            cwd=tmp_path,
            env={**os.environ, **quiet, **variables},
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def script() -> str:
    """The command as it is installed beside this Python."""
    found = shutil.which("edgedigits", path=str(Path(sys.executable).parent))
    assert found, "edgedigits is not installed where this Python is"
    return found


@pytest.fixture
def installed(program, script) -> Callable[..., Ran]:
    """Call the installed command, a process of its own: for what a call in this one could not show."""
    return lambda *arguments, **variables: program(script, *arguments, **variables)


@pytest.fixture(scope="session")
def without(tmp_path_factory) -> Callable[..., dict[str, str]]:
    """Environment variables with which a program does not find the packages that are named."""

    def hide(*packages: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("hiding")
        (folder / "sitecustomize.py").write_text(HIDING.format(packages=packages))
        return {"PYTHONPATH": str(folder)}

    return hide


@pytest.fixture(scope="session")
def base_install(without) -> dict[str, str]:
    """Environment variables with which a program finds nothing of what the extras install."""
    return without(*EXTRAS)


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """Where MNIST is."""
    if not MNIST_ROOT or not (Path(MNIST_ROOT) / "MNIST" / "raw").is_dir():
        pytest.skip("EDGEDIGITS_DATA names no folder that holds MNIST")
    return Path(MNIST_ROOT)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A folder of pictures, dark on light: ten of each digit, so that one of each is for testing."""
    root = tmp_path_factory.mktemp("pictures")
    for digit in range(10):
        (root / str(digit)).mkdir()
        for i in range(PER_CLASS):
            ink = draw_digit(digit, np.random.default_rng((digit, i)), 56)
            Image.fromarray(255 - ink).save(root / str(digit) / f"{i}.png")
    return root


@pytest.fixture(scope="session")
def train_digits() -> Digits:
    return Digits("synthetic", *synthetic_digits(400, seed=1))


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return Digits("synthetic", *synthetic_digits(100, seed=2))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, train_digits, test_digits) -> Path:
    """A run of two epochs on a few synthetic digits. To be read only: copy it to change it."""
    import torch

    from edgedigits.training import loop
    from edgedigits.training.recipes import find_recipe

    run, cpu = tmp_path_factory.mktemp("runs") / "tiny", torch.device("cpu")
    recipe = replace(find_recipe("paper"), dataset="synthetic", epochs=2)
    checkpoint = loop.start_run(recipe, run, cpu)
    assert len(list(loop.train(checkpoint, run, train_digits, test_digits, device=cpu, on_step=lambda *_: None))) == 2
    return run


@pytest.fixture(scope="session")
def checkpoint(tiny_run):
    """What the tiny run left."""
    from edgedigits.training.checkpoint import Checkpoint

    return Checkpoint.load(tiny_run / "checkpoint.safetensors")


@pytest.fixture(scope="session")
def exported(tmp_path_factory, checkpoint, test_digits):
    """The tiny run in every format, by its name. The files are to be read only."""
    return _in_every_format(checkpoint, "tiny", tmp_path_factory.mktemp("exported"), test_digits)


@pytest.fixture(scope="session")
def trusted_run(tmp_path_factory, test_digits) -> Path:
    """A small run that was taught what is no digit, and calibrated on digits held out. To be read only."""
    import torch

    from edgedigits.training import loop
    from edgedigits.training.material import load_material
    from edgedigits.training.recipes import find_recipe

    run, cpu = tmp_path_factory.mktemp("runs") / "trusted", torch.device("cpu")
    recipe = replace(
        find_recipe("nano"),
        dataset="synthetic",
        epochs=4,
        batch_size=32,
        augmented=False,
        views=0,
        hold_out=4,
        pendigits=False,
        synthetic=0,
        nondigits=200,
        teachers=(),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.SYNTHETIC_COUNT, "train", TRUSTED_ON)
        digits, held_out = load_material(recipe)
    checkpoint = loop.start_run(recipe, run, cpu)
    assert len(list(loop.train(checkpoint, run, digits, held_out, device=cpu, on_step=lambda *_: None))) == 4
    return run


@pytest.fixture(scope="session")
def trusted_checkpoint(trusted_run):
    """What the trusted run left: a temperature, and the risk curve of the digits held out."""
    from edgedigits.training.checkpoint import Checkpoint

    return Checkpoint.load(trusted_run / "checkpoint.safetensors")


@pytest.fixture
def trusted_material(monkeypatch) -> None:
    """Have the digits at hand that the trusted run was trained on and validated with."""
    monkeypatch.setitem(data.SYNTHETIC_COUNT, "train", TRUSTED_ON)


@pytest.fixture(scope="session")
def trusted(tmp_path_factory, trusted_checkpoint, test_digits):
    """The trusted run in every format, by its name. The files are to be read only."""
    return _in_every_format(trusted_checkpoint, "trusted", tmp_path_factory.mktemp("trusted"), test_digits)


@pytest.fixture(scope="session")
def lossy(tmp_path_factory, trusted_checkpoint, test_digits):
    """The trusted run in every format that has another precision than fp32, by both. The files are to be read only."""
    from edgedigits.export.formats import FORMATS

    folder = tmp_path_factory.mktemp("lossy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.SYNTHETIC_COUNT, "train", TRUSTED_ON)
        return {
            (name, precision): _export(trusted_checkpoint, "trusted", folder, row, test_digits, precision=precision)
            for name, row in FORMATS.items()
            for precision in row.precisions
            if precision != "fp32"
        }


@pytest.fixture(scope="session")
def of_images(tmp_path_factory, trusted_checkpoint, test_digits):
    """The trusted run as an ONNX file that frames pictures itself. To be read only."""
    from edgedigits.export.formats import find_format

    folder = tmp_path_factory.mktemp("image")
    return _export(trusted_checkpoint, "trusted", folder, find_format("onnx"), test_digits, takes="image")


def _in_every_format(checkpoint, model, folder, digits):
    from edgedigits.export.formats import FORMATS

    return {name: _export(checkpoint, model, folder, row, digits) for name, row in FORMATS.items()}


def _export(checkpoint, model, folder, row, digits, **asked):
    from edgedigits.export.exporting import export_checkpoint

    asked = {"precision": "fp32", "takes": "frames", **asked}
    path = folder / row.file_name("model", **asked)
    return export_checkpoint(checkpoint, model, path, row=row, digits=digits, **asked)

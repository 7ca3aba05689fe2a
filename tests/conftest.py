"""What the tests share: the command line, a small data set, one tiny run, and what was exported from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from edgedigits.cli import main
from edgedigits.training import data
from edgedigits.training.synthetic import draw_digit, synthetic_digits

MNIST_ROOT = os.environ.get("EDGEDIGITS_DATA")
PER_CLASS = 10


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
        with pytest.raises(SystemExit) as ended:
            main()
        return Ran(ended.value.code or 0, *capsys.readouterr())

    return run


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
def train_digits() -> data.Digits:
    return data.Digits("synthetic", *synthetic_digits(400, seed=1))


@pytest.fixture(scope="session")
def test_digits() -> data.Digits:
    return data.Digits("synthetic", *synthetic_digits(100, seed=2))


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
    from edgedigits.export.exporting import export_checkpoint
    from edgedigits.export.formats import FORMATS

    folder = tmp_path_factory.mktemp("exported")
    return {
        name: export_checkpoint(
            checkpoint, "tiny", folder / f"model{row.suffix}", row=row, precision="fp32", digits=test_digits
        )
        for name, row in FORMATS.items()
    }

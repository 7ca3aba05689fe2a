"""What the tests of the formats share: networks whose weights are random in every place, and cards for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgedigits.card import Accuracy, Calibration, Card
from edgedigits.training import data, line_material
from edgedigits.training.recipes import LineRecipe

MEASURED = Accuracy("synthetic", 100, 90, 0.4, (0.8, 0.95), 0.9, 2)


@pytest.fixture(scope="session")
def card_for() -> Callable[..., Card]:
    """A card for a format and a precision."""

    def made(name, precision="fp32", takes="frames"):
        return Card("random", name, precision, Calibration(), 0.95, None, None, MEASURED, "00", {}, takes=takes)

    return made


@pytest.fixture(scope="session")
def random_network():
    """A network by name and seed, its batch normalisation as far from doing nothing as its weights."""
    import torch

    from edgedigits.training.networks import build_network

    def made(name, seed=1):
        torch.manual_seed(seed)
        network = build_network(name)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.3, 3)
                torch.nn.init.normal_(module.weight, 1, 0.3)
                torch.nn.init.normal_(module.bias, 0, 0.3)
        return network.eval()

    return made


@pytest.fixture(scope="session")
def odd_frames(test_digits):
    """Digits, noise, blank, full and one pixel: `uint8 [n, 28, 28]`."""
    noise = np.random.default_rng(1).integers(0, 256, (10, 28, 28), np.uint8)
    plain = np.stack([np.full((28, 28), grey, np.uint8) for grey in (0, 1, 128, 255)])
    pixel = np.zeros((1, 28, 28), np.uint8)
    pixel[0, 0, 27] = 255
    return np.concatenate([test_digits.frames, noise, plain, pixel])


def _little_of_all(patch):
    """Few lines to measure by, and few digits, letters and marks to compose them of."""
    for name, count in (("MEASURED", 32), ("HELD_OUT", 2), ("LETTERS", 80), ("MARKS", 64)):
        patch.setattr(line_material, name, count)
    for split, count in (("train", 200), ("test", 100)):
        patch.setitem(data.SYNTHETIC_COUNT, split, count)


@pytest.fixture
def little_of_all(monkeypatch) -> None:
    """Have the lines at hand that the run on lines was validated and tested with."""
    _little_of_all(monkeypatch)


@pytest.fixture(scope="session")
def line_run(tmp_path_factory):
    """A run that has begun to learn to read lines: of most it says nothing. To be read only."""
    import torch

    from edgedigits.training import loop

    run, cpu = tmp_path_factory.mktemp("runs") / "amount", torch.device("cpu")
    recipe = LineRecipe(
        name="amount",
        network="amount-attention",
        dataset="synthetic",
        epochs=1,
        batch_size=16,
        learning_rate=0.004,
        seed=3,
        schedule="one-cycle",
        hold_out=6,
        lines=256,
        hands=8,
    )
    with pytest.MonkeyPatch.context() as patch:
        _little_of_all(patch)
        material, held_out = line_material.load_line_material(recipe, cpu)
    checkpoint = loop.start_run(recipe, run, cpu)
    assert len(list(loop.train(checkpoint, run, material, held_out, device=cpu, on_step=lambda *_: None))) == 1
    return run


@pytest.fixture(scope="session")
def line_checkpoint(line_run):
    """What the run on lines left."""
    from edgedigits.training.checkpoint import Checkpoint

    return Checkpoint.load(line_run / "checkpoint.safetensors")


@pytest.fixture(scope="session")
def test_strings(line_checkpoint):
    """What it is tested on."""
    with pytest.MonkeyPatch.context() as patch:
        _little_of_all(patch)
        return line_material.load_strings(line_checkpoint.recipe, "test")


@pytest.fixture(scope="session")
def exported_lines(tmp_path_factory, line_checkpoint, test_strings):
    """The run on lines in ONNX, by precision. The files are to be read only."""
    from edgedigits.export.exporting import export_checkpoint
    from edgedigits.export.formats import find_format

    folder, row = tmp_path_factory.mktemp("lines"), find_format("onnx")
    with pytest.MonkeyPatch.context() as patch:
        _little_of_all(patch)
        return {
            precision: export_checkpoint(
                line_checkpoint,
                "amount",
                folder / row.file_name("model", precision),
                row=row,
                precision=precision,
                digits=test_strings,
            )
            for precision in ("fp32", "fp16")
        }

"""What the tests of lines share: glyphs, what composes lines of them, and a small run that learns to read them."""

from dataclasses import replace

import pytest
import torch

from edgedigits.training import data, line_material, loop
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.composition import Composer
from edgedigits.training.digits import Digits
from edgedigits.training.glyphs import digit_glyphs, drawn_glyphs, joined_glyphs, mark_glyphs
from edgedigits.training.recipes import find_recipe
from edgedigits.training.synthetic import synthetic_digits

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def digit_bank():
    """Digits of two collections, those of the second drawn."""
    return joined_glyphs(digit_glyphs(Digits("synthetic", *synthetic_digits(200, seed=5))), drawn_glyphs(5, seed=5))


@pytest.fixture(scope="session")
def mark_bank():
    """Letters, and separators."""
    return mark_glyphs(letters=30, marks=100, seed=5)


@pytest.fixture(scope="session")
def composer(digit_bank, mark_bank):
    return Composer(digit_bank, mark_bank, CPU)


@pytest.fixture(scope="session")
def line_recipe():
    """As the recipe of what ships, but for the time it takes."""
    return replace(
        find_recipe("amount-first"), dataset="synthetic", epochs=3, batch_size=16, pendigits=False, lines=40, hands=8
    )


@pytest.fixture
def few_lines(monkeypatch):
    """Have few digits, letters and marks at hand, and few lines to measure by."""
    _have_few(monkeypatch)


def _have_few(patch):
    patch.setitem(data.SYNTHETIC_COUNT, "train", 200)
    patch.setitem(data.SYNTHETIC_COUNT, "test", 60)
    for name, few in {"MEASURED": 20, "LETTERS": 40, "MARKS": 32, "BATCH": 8, "SORTED": 2}.items():
        patch.setattr(line_material, name, few)


@pytest.fixture(scope="session")
def lines_material(line_recipe):
    """What the small recipe for lines trains on, and the lines it holds out."""
    with pytest.MonkeyPatch.context() as patch:
        _have_few(patch)
        return line_material.load_line_material(line_recipe, CPU)


@pytest.fixture(scope="session")
def line_run(tmp_path_factory, line_recipe, lines_material):
    """A run that has learned a little of how to read lines. To be read only."""
    run = tmp_path_factory.mktemp("runs") / "lines"
    start = loop.start_run(line_recipe, run, CPU)
    assert len(list(loop.train(start, run, *lines_material, device=CPU, on_step=lambda *_: None))) == 3
    return run


@pytest.fixture(scope="session")
def line_checkpoint(line_run):
    """What that run left."""
    return Checkpoint.load(line_run / "checkpoint.safetensors")

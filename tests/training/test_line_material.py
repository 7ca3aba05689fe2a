"""What a recipe for lines trains on and is measured by: the same lines again, and digits that are kept apart."""

import json
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch

from edgedigits import Recognizer
from edgedigits.alphabet import ALPHABET, LINE_HEIGHT
from edgedigits.errors import DatasetError
from edgedigits.training import line_material, optdigits, pendigits, typefaces
from edgedigits.training.data import load_digits
from edgedigits.training.line_material import (
    HELD_OUT,
    MISLABELLED,
    PEN_DIGITS,
    LineBatches,
    load_line_material,
    load_strings,
)
from edgedigits.training.material import is_held_out
from edgedigits.training.recipes import find_recipe

CPU = torch.device("cpu")
PARTS = ("trained on", "held out", "test")


@pytest.fixture
def passes(lines_material, line_recipe):
    return LineBatches(lines_material[0], line_recipe, CPU)


def _pictures(batches):
    return [batch.frames.numpy().tobytes() for batch in batches]


def test_a_pass_has_as_many_lines_as_the_recipe_says_in_batches(passes, lines_material, line_recipe):
    batches = list(passes.of(0))
    assert len(lines_material[0]) == line_recipe.lines == 40
    assert len(batches) == len(passes) == 3
    assert sorted(batch.whole for batch in batches) == [8, 16, 16]
    for batch in batches:
        assert batch.frames.shape[:2] == (batch.whole, LINE_HEIGHT)
        assert batch.labels.shape == batch.centres.shape
        assert (len(batch.labels), batch.taught) == (batch.whole, None)


def test_a_pass_is_the_same_for_its_number_and_another_for_another(passes):
    first = _pictures(passes.of(0))
    assert _pictures(passes.of(0)) == first
    assert not set(_pictures(passes.of(1))) & set(first)


def test_another_seed_of_the_recipe_has_other_passes(passes, lines_material, line_recipe):
    other = LineBatches(lines_material[0], replace(line_recipe, seed=2), CPU)
    assert not set(_pictures(other.of(0))) & set(_pictures(passes.of(0)))


def test_a_pass_that_is_left_early_changes_no_other(passes):
    whole = _pictures(passes.of(2))
    begun = passes.of(2)
    assert _pictures(islice(begun, 1)) == whole[:1]
    begun.close()
    assert _pictures(passes.of(2)) == whole


def test_lines_to_measure_by_are_the_same_each_time(few_lines, lines_material, line_recipe):
    held_out = lines_material[1]
    again = load_strings(line_recipe, "held out")
    assert (again.sha256, again.texts) == (held_out.sha256, held_out.texts)
    assert load_strings(line_recipe, "test").sha256 != held_out.sha256
    # Recipes are compared by them, whatever their seeds.
    assert load_strings(replace(line_recipe, seed=9), "held out").sha256 == held_out.sha256


def test_lines_to_measure_by_are_pictures_with_their_texts(lines_material):
    held_out = lines_material[1]
    assert held_out.dataset == "lines of synthetic"
    assert len(held_out) == sum(map(len, held_out.pictures)) == HELD_OUT * 20
    assert {batch.dtype for batch in held_out.pictures} == {np.dtype(np.uint8)}
    assert {batch.shape[1] for batch in held_out.pictures} == {LINE_HEIGHT}
    assert set("".join(held_out.texts)) <= set(ALPHABET)


IN_ALL_PARTS = ("digit_glyphs", "pen_glyphs", "mark_glyphs")
TRAINED_ON = ("drawn_glyphs", "scanned_glyphs", "typeface_glyphs")
"""What is never measured by: what is drawn is not always what it means to be, and others are of few writers."""


@pytest.fixture
def taken(monkeypatch, few_lines, line_recipe, tmp_path):
    """By part, the digits, strokes, hands and marks that its lines are composed of, as they are loaded."""
    monkeypatch.setattr(line_material, "PEN_DIGITS", {"trained on": (0, 30), "held out": (30, 40), "test": (40, 50)})
    rng = np.random.default_rng(0)
    strokes = [{"label": i % 10, "strokes": rng.integers(0, 100, (1, 6, 2)).tolist()} for i in range(50)]
    (tmp_path / pendigits.FILE).write_text(json.dumps(strokes))
    scanned = rng.choice(np.array([0, 255], np.uint8), (30, 32, 32))
    np.savez(tmp_path / optdigits.FILE, images=scanned, labels=np.arange(30, dtype=np.uint8) % 10)
    names = tmp_path / "names.json"
    names.write_text(json.dumps({"dependencies": {"@fontsource/plain": "1.0.0"}}))
    monkeypatch.setattr(typefaces, "NAMES", names)
    files = tmp_path / typefaces.FOLDER / "node_modules" / "@fontsource/plain" / "files"
    files.mkdir(parents=True)
    typeface = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    (files / "plain-latin-400-normal.woff").symlink_to(typeface)
    banks = {}

    def keeping(name):
        load = getattr(line_material, name)

        def kept(*arguments):
            bank = load(*arguments)
            banks.setdefault(name, []).append(bank)
            return bank

        monkeypatch.setattr(line_material, name, kept)

    for name in (*IN_ALL_PARTS, *TRAINED_ON):
        keeping(name)
    recipe = replace(line_recipe, pendigits=True, optdigits=True, typefaces=True)
    load_line_material(recipe, CPU, tmp_path)
    load_strings(recipe, "test", tmp_path)
    return banks


def test_no_digit_and_no_mark_is_in_two_parts(taken):
    assert set(taken) == {*IN_ALL_PARTS, *TRAINED_ON}
    for name, banks in taken.items():
        assert len(banks) == (1 if name in TRAINED_ON else len(PARTS))
        inks = [{ink.tobytes() for ink in bank.ink} for bank in banks]
        for one, other in combinations(inks, 2):
            shared = one & other
            # A star or a dot may happen to be alike to the last pixel; no digit and no letter is.
            assert len(shared) <= (0.02 * len(one) if name == "mark_glyphs" else 0)


def test_most_are_trained_on(taken):
    for banks in taken.values():
        assert all(len(banks[0]) > 2 * len(bank) for bank in banks[1:])


def test_the_tablets_digits_are_parted_by_writer():
    parts = [PEN_DIGITS[part] for part in PARTS]
    assert parts[0][0] == 0
    assert [start for start, _ in parts[1:]] == [stop for _, stop in parts[:-1]]
    assert all(start < stop for start, stop in parts)


def test_digits_left_out_for_their_labels_are_held_out_and_read_otherwise(mnist_root):
    digits = load_digits("mnist", "train", mnist_root)
    mislabelled = list(MISLABELLED["mnist"])
    assert is_held_out(digits.labels, find_recipe("amount").hold_out)[mislabelled].all()
    with Recognizer("base") as recognizer:
        assert (recognizer.classify(digits.frames[mislabelled]).digits != digits.labels[mislabelled]).all()
    start, stop = PEN_DIGITS["held out"]
    assert all(start <= place < stop for place in MISLABELLED["pendigits"])


def test_lines_are_drawn_of_mnist_only_where_it_is(few_lines, line_recipe, tmp_path):
    with pytest.raises(DatasetError):
        load_line_material(replace(line_recipe, dataset="mnist"), CPU, tmp_path)


def test_a_recipe_for_lines_holds_digits_out(few_lines, line_recipe):
    with pytest.raises(ValueError, match="holds digits out"):
        load_strings(replace(line_recipe, hold_out=0), "held out")

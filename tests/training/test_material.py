"""What a recipe trains on: digits held out, digits and other things drawn besides."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.errors import DatasetError, UnknownNameError
from edgedigits.training import data
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder
from edgedigits.training.material import calibration_material, is_held_out, load_material, split_digits
from edgedigits.training.networks import NO_DIGIT
from edgedigits.training.pendigits import FILE
from edgedigits.training.recipes import find_recipe

PLAIN = replace(find_recipe("paper"), dataset="synthetic")
LABELS = st.lists(st.integers(0, 9), max_size=200).map(lambda labels: np.array(labels, np.int64))


@pytest.fixture(autouse=True)
def _few_synthetic_digits(monkeypatch):
    monkeypatch.setitem(data.SYNTHETIC_COUNT, "train", 200)


def _counted(digits):
    return sorted((frame.tobytes(), int(label)) for frame, label in zip(digits.frames, digits.labels, strict=True))


@given(labels=LABELS, hold_out=st.integers(1, 12))
def test_one_digit_in_so_many_of_each_class_is_held_out_and_the_last(labels, hold_out):
    held = is_held_out(labels, hold_out)
    assert (held.shape, held.dtype) == (labels.shape, np.bool_)
    for label in range(10):
        of_label = held[labels == label].tolist()
        count = len(of_label) // hold_out
        assert of_label == [False] * (len(of_label) - count) + [True] * count


def test_held_out_digits_are_not_trained_on_and_none_is_lost():
    whole = load_digits("synthetic", "train")
    kept, held_out = load_material(replace(PLAIN, hold_out=6))
    assert _counted(kept) != _counted(whole) == sorted(_counted(kept) + _counted(held_out))
    assert not set(_counted(kept)) & set(_counted(held_out))
    assert (kept.dataset, held_out.dataset) == ("synthetic", "synthetic")
    assert len(held_out) == sum(count // 6 for count in np.bincount(whole.labels))


def test_what_is_held_out_does_not_depend_on_the_seed():
    recipe = replace(PLAIN, hold_out=4, nondigits=5, synthetic=5, letters=5)
    materials = [load_material(replace(recipe, seed=seed)) for seed in (1, 2)]
    for first, second in zip(*materials, strict=True):
        np.testing.assert_array_equal(first.frames, second.frames)
        np.testing.assert_array_equal(first.labels, second.labels)


def test_nothing_is_held_out_unless_a_recipe_says_so():
    digits, held_out = load_material(PLAIN)
    assert held_out is None
    assert _counted(digits) == _counted(load_digits("synthetic", "train"))


@pytest.mark.parametrize("hold_out", [0, 5])
def test_what_is_drawn_besides_is_not_among_the_data_sets_own_digits(hold_out):
    recipe = replace(PLAIN, hold_out=hold_out, synthetic=30, nondigits=20, letters=10, augmented=True, views=2)
    kept, held_out = split_digits(recipe)
    plain, plain_held_out = load_material(replace(PLAIN, hold_out=hold_out))
    assert _counted(kept) == _counted(plain)
    assert (held_out is None) == (hold_out == 0)
    assert held_out is None or _counted(held_out) == _counted(plain_held_out)


def test_a_folder_of_pictures_is_split_in_memory_and_what_is_too_small_refused(pictures):
    recipe = replace(PLAIN, dataset=str(pictures))
    kept, held_out = split_digits(replace(recipe, hold_out=3))
    assert (len(kept), len(held_out)) == (60, 30)
    assert len(split_digits(recipe)[0]) == 90
    with pytest.raises(DatasetError, match="holds too few digits to keep every 10th for validation"):
        split_digits(replace(recipe, hold_out=10))


def test_what_is_left_out_of_what_is_held_out_is_in_neither_part():
    recipe = replace(PLAIN, hold_out=5)
    kept, held_out = split_digits(recipe)
    places = np.flatnonzero(is_held_out(load_digits("synthetic", "train").labels, 5))
    as_many, fewer = split_digits(recipe, None, places[[0, 3]].tolist())
    assert as_many.sha256 == kept.sha256
    np.testing.assert_array_equal(fewer.frames, np.delete(held_out.frames, [0, 3], axis=0))
    np.testing.assert_array_equal(fewer.labels, np.delete(held_out.labels, [0, 3]))


@pytest.mark.parametrize("hold_out", [0, 5])
@pytest.mark.parametrize("letters", [0, 15])
@pytest.mark.parametrize(("synthetic", "nondigits"), [(0, 0), (30, 0), (0, 20), (30, 20)])
def test_what_is_drawn_besides_is_added_and_labelled(hold_out, synthetic, nondigits, letters):
    plain, _ = load_material(replace(PLAIN, hold_out=hold_out))
    recipe = replace(PLAIN, hold_out=hold_out, synthetic=synthetic, nondigits=nondigits, letters=letters)
    digits, held_out = load_material(recipe)
    assert (digits.frames.dtype, digits.labels.dtype) == (np.uint8, np.int64)
    assert len(digits.frames) == len(digits) == len(plain) + synthetic + nondigits + letters
    np.testing.assert_array_equal(digits.frames[: len(plain)], plain.frames)
    np.testing.assert_array_equal(digits.labels[: len(plain)], plain.labels)
    added = digits.labels[len(plain) :]
    assert (added[:synthetic] < 10).all()
    assert (added[synthetic:] == NO_DIGIT).all()
    assert held_out is None or (held_out.labels < 10).all()


@pytest.mark.parametrize(("nondigits", "letters"), [(0, 0), (25, 0), (0, 14), (25, 14)])
def test_temperatures_are_fitted_on_other_nondigits_than_those_trained_on(nondigits, letters):
    recipe = replace(PLAIN, hold_out=5, nondigits=nondigits, letters=letters)
    digits, held_out = load_material(recipe)
    fitted_on = calibration_material(recipe, held_out)
    np.testing.assert_array_equal(fitted_on.frames[: len(held_out)], held_out.frames)
    np.testing.assert_array_equal(fitted_on.labels[: len(held_out)], held_out.labels)
    assert fitted_on.labels[len(held_out) :].tolist() == [NO_DIGIT] * (nondigits // 5 + letters // 5)
    assert not {frame for frame, _ in _counted(digits)} & {frame for frame, _ in _counted(fitted_on)}


def test_nothing_that_is_measured_on_is_drawn_to_train_on():
    digits, held_out = load_material(replace(PLAIN, hold_out=5, synthetic=100, nondigits=50, letters=50))
    trained_on = {frame for frame, _ in _counted(digits)}
    assert not trained_on & {frame for frame, _ in _counted(held_out)}
    assert not trained_on & {frame for frame, _ in _counted(load_digits("synthetic", "test"))}


@pytest.fixture
def tablet(tmp_path):
    """A folder with digits from a tablet: a stroke down, and one down and back up."""
    written = [
        {"label": 1, "strokes": [[[10, 0], [10, 90]]]},
        {"label": 7, "strokes": [[[0, 0], [60, 0], [20, 90]], [[10, 45], [60, 45]]]},
    ]
    (tmp_path / FILE).write_text(json.dumps(written))
    return tmp_path


def test_digits_from_a_tablet_are_added(tablet):
    plain, _ = load_material(PLAIN)
    digits, _ = load_material(replace(PLAIN, pendigits=True), tablet)
    assert len(digits) == len(plain) + 2
    assert digits.labels[-2:].tolist() == [1, 7]
    assert digits.frames[-2:].max(axis=(1, 2)).tolist() == [255, 255]


def test_digits_from_a_tablet_that_are_not_there_are_asked_for(tmp_path):
    with pytest.raises(DatasetError, match=rf"^cannot open [^\n]*{FILE}[^\n]*-mnist does without$"):
        load_material(replace(PLAIN, pendigits=True), tmp_path)


def test_a_folder_of_pictures_is_streamed_where_it_is_taken_as_it_is(pictures):
    digits, held_out = load_material(replace(PLAIN, dataset=str(pictures), augmented=True))
    assert isinstance(digits, PictureFolder)
    assert (len(digits), held_out) == (90, None)


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ({"hold_out": 9}, (80, 10)),
        ({"hold_out": 3}, (60, 30)),
        ({"augmented": True, "views": 2}, (90, None)),
        ({"synthetic": 7}, (97, None)),
        ({"nondigits": 8}, (98, None)),
        ({"pendigits": True}, (92, None)),
    ],
    ids=str,
)
def test_a_folder_of_pictures_is_in_memory_where_more_is_asked_of_it(pictures, tablet, asked, counts):
    digits, held_out = load_material(replace(PLAIN, dataset=str(pictures), **asked), tablet)
    assert isinstance(digits, Digits)
    assert digits.dataset == f"folder:{pictures.name}"
    assert (len(digits), None if held_out is None else len(held_out)) == counts


def test_too_few_digits_to_hold_any_out_are_refused(pictures):
    with pytest.raises(DatasetError, match=f"folder:{pictures.name} holds too few digits to keep every 10th for valid"):
        load_material(replace(PLAIN, dataset=str(pictures), hold_out=10))


def test_a_data_set_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="MNIST is not at hand"):
        load_material(replace(PLAIN, dataset="mnist", hold_out=6), tmp_path)
    with pytest.raises(UnknownNameError):
        load_material(replace(PLAIN, dataset="none"))

"""Data sets by name."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgedigits.errors import DatasetError, UnknownNameError
from edgedigits.training.data import is_folder, load_digits, mnist_is_at_hand, mnist_root
from edgedigits.training.synthetic import synthetic_digits


def test_the_synthetic_digits_of_the_two_splits_are_not_the_same():
    test = load_digits("synthetic", "test")
    assert (test.dataset, len(test)) == ("synthetic", 1000)
    frames, _ = synthetic_digits(200, seed=1)
    assert not (test.frames[:200] == frames).all(axis=(1, 2)).any()


def test_a_folder_of_pictures_goes_by_its_name(pictures):
    digits = load_digits(str(pictures), "train")
    assert (digits.dataset, len(digits)) == (f"folder:{pictures.name}", 90)
    assert np.bincount(digits.labels).tolist() == [9] * 10


def test_a_folder_called_as_a_data_set_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("synthetic").mkdir()
    Path("mine").mkdir()
    assert not is_folder("synthetic")
    assert is_folder("mine")


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'mnist'"):
        load_digits("minst", "test")


def test_mnist_is_looked_for_where_it_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEDIGITS_DATA", raising=False)
    assert mnist_root().name == "edgedigits"
    monkeypatch.setenv("EDGEDIGITS_DATA", str(tmp_path / "environment"))
    assert mnist_root() == tmp_path / "environment"
    assert mnist_root(tmp_path / "option") == tmp_path / "option"


def test_mnist_that_is_not_there_is_not_at_hand(tmp_path):
    assert not mnist_is_at_hand(tmp_path)
    with pytest.raises(DatasetError, match="edgedigits data fetch"):
        load_digits("mnist", "test", tmp_path)


def test_mnist_in_memory(mnist_root):
    assert mnist_is_at_hand(mnist_root)
    digits = load_digits("mnist", "test", mnist_root)
    assert (digits.dataset, digits.frames.shape, digits.labels.shape) == ("mnist", (10_000, 28, 28), (10_000,))


@pytest.mark.parametrize("split", ["train", "test"])
def test_mnists_neighbours_by_one_writer_have_strokes_alike(mnist_root, split):
    digits = load_digits("mnist", split, mnist_root)
    assert (digits.writers >= 0).mean() == 0.5
    for which, least, most in ((digits.writers >= 0, 0.4, 1.0), (digits.writers < 0, -0.05, 0.15)):
        some = digits.only(which)
        bold = _boldness(some)
        assert least < np.mean(bold[1:] * bold[:-1]) < most


def _boldness(digits):
    """How much ink there is for its outline, in units of how far that differs among digits of the same value."""
    ink = (digits.frames > 100).astype(np.float64)
    outline = sum(np.abs(np.diff(ink, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    bold = ink.sum(axis=(1, 2)) / outline
    for digit in range(10):
        own = digits.labels == digit
        bold[own] = (bold[own] - bold[own].mean()) / bold[own].std()
    return bold


def test_some_digits_keep_their_writers():
    digits = replace(load_digits("synthetic", "test"), writers=np.arange(1000) // 7)
    some = digits.only(slice(10, 30))
    assert some.writers.tolist() == [writer for place, writer in enumerate(digits.writers) if 10 <= place < 30]
    assert np.array_equal(some.frames, digits.frames[10:30])
    assert load_digits("synthetic", "test").only(digits.labels == 3).writers is None


@pytest.mark.parametrize("name", ["mnist", "synthetic"])
def test_a_folder_never_passes_for_a_data_set_of_its_name(pictures, tmp_path, name):
    folder = shutil.copytree(pictures, tmp_path / name)
    assert load_digits(str(folder), "test").dataset == f"folder:{name}"

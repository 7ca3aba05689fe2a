"""Scanned digits beside MNIST: as they are stored, or one line that says why not."""

import numpy as np
import pytest

from edgedigits.errors import DatasetError
from edgedigits.training import optdigits


def test_pictures_and_labels_are_those_of_the_file(tmp_path):
    images = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (6, 32, 32))
    np.savez(tmp_path / optdigits.FILE, images=images, labels=np.arange(6, dtype=np.uint8), polarity="white on black")
    pictures, labels = optdigits.load_scanned(tmp_path)
    assert np.array_equal(pictures, images)
    assert (labels.tolist(), labels.dtype) == (list(range(6)), np.int64)


def test_an_absent_file_is_one_line_that_says_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match=r"^\S*optdigits_windep.npz is not there.*UCI.*-mnist does without$"):
        optdigits.load_scanned(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"no archive"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / optdigits.FILE).write_bytes(content)
    with pytest.raises(DatasetError, match="is damaged: arrays `images` and `labels` are expected"):
        optdigits.load_scanned(tmp_path)


def test_a_file_without_labels_is_refused(tmp_path):
    np.savez(tmp_path / optdigits.FILE, images=np.zeros((1, 32, 32), np.uint8))
    with pytest.raises(DatasetError, match="is damaged"):
        optdigits.load_scanned(tmp_path)

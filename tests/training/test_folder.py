"""A user's own pictures as a data set."""

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgedigits.errors import DatasetError
from edgedigits.training.folder import PictureFolder


@pytest.fixture
def copied(pictures, tmp_path):
    return shutil.copytree(pictures, tmp_path / "pictures")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(1, 35), min_size=10, max_size=10).filter(lambda counts: max(counts) >= 10))
def test_the_splits_part_all_pictures_and_every_tenth_is_for_testing(tmp_path_factory, counts):
    root = tmp_path_factory.mktemp("named")
    names = {f"{label}/{i:02}.png" for label, count in enumerate(counts) for i in range(count)}
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    train, test = PictureFolder(root, "train"), PictureFolder(root, "test")
    assert sorted(path.relative_to(root).as_posix() for path in train.files + test.files) == sorted(names)
    assert np.bincount(test.labels, minlength=10).tolist() == [count // 10 for count in counts]
    assert all(path.stem[1] == "9" for path in test.files)
    assert all(int(path.parent.name) == label for path, label in zip(train.files, train.labels, strict=True))


def test_pictures_become_frames_of_ink_on_paper(pictures):
    frames, labels = PictureFolder(pictures, "test").load_all()
    assert (frames.shape, frames.dtype) == ((10, 28, 28), np.uint8)
    assert (labels.tolist(), labels.dtype) == (list(range(10)), np.int64)
    assert not frames[:, 0].any()
    assert (frames.max(axis=(1, 2)) == 255).all()


def test_files_that_are_no_pictures_are_passed_over(copied):
    (copied / "3" / "notes.txt").write_text("threes")
    (copied / "README.md").write_text("my digits")
    assert len(PictureFolder(copied, "train")) == 90


def test_suffixes_count_in_capitals_too(copied):
    (copied / "3" / "0.png").rename(copied / "3" / "0.PNG")
    assert len(PictureFolder(copied, "train")) == 90


def test_a_class_without_pictures_cannot_be_trained_but_tested_on(copied):
    shutil.rmtree(copied / "7")
    assert sorted(PictureFolder(copied, "test").labels) == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    with pytest.raises(DatasetError, match="holds no pictures of a 7 to train on"):
        PictureFolder(copied, "train")


def test_too_few_pictures_to_test_with_are_refused(copied):
    for path in copied.glob("*/9.png"):
        path.unlink()
    assert len(PictureFolder(copied, "train")) == 90
    with pytest.raises(DatasetError, match="at least 10 of a digit"):
        PictureFolder(copied, "test")


@pytest.mark.parametrize("damage", ["half", "empty", "text"])
def test_a_damaged_picture_is_named(copied, damage):
    path = copied / "4" / "9.png"
    content = path.read_bytes()
    path.write_bytes({"half": content[: len(content) // 2], "empty": b"", "text": b"four"}[damage])
    with pytest.raises(DatasetError, match=r"4/9\.png.*: mend or remove it") as refused:
        PictureFolder(copied, "test").load_all()
    assert "\n" not in str(refused.value)


def test_a_blank_picture_is_named(copied):
    from PIL import Image

    Image.new("L", (40, 40), 255).save(copied / "4" / "9.png")
    with pytest.raises(DatasetError, match=r"4/9\.png is blank: mend or remove it"):
        PictureFolder(copied, "test").load_all()

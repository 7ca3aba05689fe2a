"""Digits of handwriting typefaces: which are named, and what is drawn of those that are there."""

import json
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from edgedigits.errors import DatasetError
from edgedigits.training import typefaces

NAMED = {"@fontsource/upright": "DejaVuSans", "@fontsource/slanted": "DejaVuSans-Oblique"}


@pytest.fixture
def named(tmp_path, monkeypatch):
    """Have two typefaces named."""
    names = tmp_path / "names.json"
    names.write_text(json.dumps({"dependencies": dict.fromkeys(NAMED, "1.0.0")}))
    monkeypatch.setattr(typefaces, "NAMES", names)


@pytest.fixture
def installed(named, tmp_path):
    """A folder in which they lie as npm puts them."""
    for name, file in NAMED.items():
        folder = tmp_path / typefaces.FOLDER / "node_modules" / name / "files"
        folder.mkdir(parents=True)
        source = Path(mpl.get_data_path(), "fonts", "ttf", f"{file}.ttf")
        (folder / f"{Path(name).name}-latin-400-normal.woff").symlink_to(source)
    return tmp_path


def test_each_named_typeface_has_its_version_pinned():
    named = json.loads(typefaces.NAMES.read_text("utf-8"))["dependencies"]
    assert len(named) > 150
    assert all(name.startswith("@fontsource/") for name in named)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in named.values())


def test_each_typeface_has_its_digits_in_three_weights(installed):
    pictures, labels = typefaces.draw_typefaces(installed)
    assert labels.tolist() == list(range(10)) * 6
    assert labels.dtype == np.int64
    assert {(picture.shape, picture.dtype) for picture in pictures} == {((288, 288), np.dtype(np.uint8))}
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    ink = np.array([picture.sum() for picture in pictures], np.float64).reshape(2, 3, 10)
    assert (np.diff(ink, axis=1) > 0).all()


def test_digits_touch_no_border(installed):
    for picture in typefaces.draw_typefaces(installed)[0]:
        assert not np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).any()


def test_an_absent_typeface_is_one_line_that_says_what_to_do(named, tmp_path):
    with pytest.raises(DatasetError, match=r"^cannot open the typeface .*slanted.*; `make typefaces` installs them$"):
        typefaces.draw_typefaces(tmp_path)

import io
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageCms

from edgedigits.errors import PictureError
from edgedigits.framing import frame_picture
from edgedigits.ink import even_ink, separation
from edgedigits.pictures import MAX_PIXELS, open_picture
from edgedigits.training.synthetic import draw_digit

DRAWN = draw_digit(3, np.random.default_rng(0), 56)
POLARITIES = {"dark on light": 255 - DRAWN, "light on dark": DRAWN}
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MODES = (
    *("1", "L", "P", "RGB", "RGBX", "RGBA", "RGBa", "LA", "La", "PA", "CMYK", "YCbCr", "LAB", "HSV"),
    *("I", "I;16", "I;16L", "I;16B", "I;16N", "F"),
)
UPRIGHT_TO_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
ORIENTATION = 0x0112
PENS = {
    "yellow": (255, 230, 40),
    "orange": (250, 170, 60),
    "pink": (255, 180, 205),
    "red": (220, 40, 45),
    "green": (60, 200, 90),
    "cyan": (80, 225, 240),
    "blue": (40, 60, 190),
    "black": (25, 25, 30),
}
colours = array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(lambda shape: arrays(np.uint8, (*shape, 3)))


def as_mode(grey, mode):
    image = Image.fromarray(grey)
    if mode.startswith("I;16"):
        order = {"B": ">", "L": "<", "6": "<", "N": "="}[mode[-1]]
        return Image.frombytes(mode, image.size, (grey.astype(np.uint16) * 257).astype(f"{order}u2").tobytes())
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.applyTransform(image.convert("RGB"), ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    through = {"PA": "P", "La": "LA", "RGBa": "RGBA", "HSV": "RGB"}.get(mode, "L")
    return image.convert(through).convert(mode)


def encoded(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


FILES = {name: encoded(Image.fromarray(255 - DRAWN), name) for name in FORMATS}


def shows_the_digit(grey):
    """Whether grey levels frame as the digit that was drawn, as far as a coarse mode can tell."""
    framing, drawn = frame_picture(grey), frame_picture(DRAWN)
    return framing.frame is not None and np.abs(framing.frame.astype(int) - drawn.frame).mean() < 6


def refused(picture):
    with pytest.raises(PictureError, match=r"\A[^\n]+\Z") as caught:
        open_picture(picture)
    return str(caught.value)


@pytest.mark.parametrize("polarity", POLARITIES)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_pillow_shows_the_same_digit(mode, polarity):
    grey = open_picture(as_mode(POLARITIES[polarity], mode))
    assert (grey.shape, grey.dtype) == (DRAWN.shape, np.uint8)
    assert shows_the_digit(grey)


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_shows_the_same_digit(file_format):
    assert shows_the_digit(open_picture(FILES[file_format]))


def test_grey_levels_come_through_untouched(tmp_path):
    picture, path = 255 - DRAWN, tmp_path / "digit.png"
    path.write_bytes(FILES["PNG"])
    for given_as in (picture, Image.fromarray(picture), FILES["PNG"], path, str(path)):
        np.testing.assert_array_equal(open_picture(given_as), picture)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_arrays_are_read_as_colour_pictures(channels):
    array = np.asarray(as_mode(255 - DRAWN, {3: "RGB", 4: "RGBA"}[channels]))
    np.testing.assert_array_equal(open_picture(array), 255 - DRAWN)
    np.testing.assert_array_equal(open_picture(array[::-1, ::-1]), 255 - DRAWN[::-1, ::-1])


def written_in(pen, paper=(255, 255, 255)):
    """The digit in a colour, on paper of a colour: `uint8 [height, width, 3]`."""
    ink = DRAWN[:, :, np.newaxis] / 255
    return np.rint(np.array(paper) * (1 - ink) + np.array(pen) * ink).astype(np.uint8)


@pytest.mark.parametrize("pen", PENS)
def test_a_pen_of_any_colour_is_seen(pen, tmp_path):
    picture = written_in(PENS[pen])
    grey = open_picture(picture)
    assert shows_the_digit(grey)
    assert even_ink(grey)[1] >= 50
    for times in (1, 9):
        path = tmp_path / "digit.png"
        Image.fromarray(picture.repeat(times, axis=0).repeat(times, axis=1)).save(path)
        np.testing.assert_array_equal(open_picture(path)[::times, ::times], grey)


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "RGBX"])
def test_a_yellow_pen_is_seen_in_every_mode_that_has_colours(mode):
    assert even_ink(open_picture(Image.fromarray(written_in(PENS["yellow"])).convert(mode)))[1] >= 150


@pytest.mark.parametrize("pen", PENS)
def test_a_transparency_that_nothing_makes_use_of_changes_nothing(pen):
    opaque = Image.fromarray(written_in(PENS[pen]))
    for given_as in (opaque.convert("RGBA"), np.asarray(opaque.convert("RGBA"))):
        np.testing.assert_array_equal(open_picture(given_as), open_picture(opaque))


@pytest.mark.parametrize("paper", ["yellow", "pink", "cyan", "green"])
def test_black_ink_is_seen_on_paper_of_any_colour(paper):
    grey = open_picture(written_in(PENS["black"], PENS[paper]))
    assert shows_the_digit(grey)
    assert even_ink(grey)[1] >= 90


@settings(deadline=None)
@given(picture=colours)
def test_of_colours_the_greys_are_taken_or_one_that_shows_more(picture):
    image = Image.fromarray(picture)
    seen, *candidates = (np.asarray(each) for each in (open_picture(picture), image.convert("L"), *image.split()))
    assert any(np.array_equal(seen, candidate) for candidate in candidates)
    clearness = [separation(np.bincount(each.ravel(), minlength=256).astype(float)) for each in (seen, *candidates)]
    assert clearness[0] >= clearness[1] * (1 - 1e-9)
    # Twice as clear: less would change greys that everybody else sees.
    assert np.array_equal(seen, candidates[0]) or clearness[0] > 2 * clearness[1]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_background_is_seen(mode, ink):
    bands = [Image.new("L", DRAWN.shape, ink)] * (len(mode) - 1)
    image = Image.merge(mode, [*bands, Image.fromarray(DRAWN)])
    assert shows_the_digit(open_picture(image))
    assert shows_the_digit(open_picture(encoded(image, "PNG")))


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_palette_entry_is_seen(ink):
    image = Image.fromarray((DRAWN > 127).astype(np.uint8))
    image.putpalette([127, 127, 127, ink, ink, ink])
    assert shows_the_digit(open_picture(encoded(image, "PNG", transparency=0)))


def test_a_picture_that_is_wholly_transparent_has_no_ink():
    assert frame_picture(open_picture(Image.new("RGBA", (20, 20), (9, 9, 9, 0)))).reason == "blank"


@pytest.mark.parametrize("orientation", UPRIGHT_TO_STORED)
def test_a_camera_held_another_way_is_put_upright(orientation):
    upright = Image.fromarray((255 - DRAWN)[:40])
    transpose = UPRIGHT_TO_STORED[orientation]
    stored = upright if transpose is None else upright.transpose(transpose)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    np.testing.assert_array_equal(open_picture(encoded(stored, "PNG", exif=exif)), np.asarray(upright))


def test_a_missing_file_is_named(tmp_path):
    assert "missing.png: No such file" in refused(tmp_path / "missing.png")


def test_a_folder_is_no_picture(tmp_path):
    assert refused(tmp_path).startswith("cannot open ")


def test_a_path_with_a_null_in_it_is_no_file():
    assert refused("a\0b").startswith("cannot open ")


def test_an_empty_file_is_named(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    assert refused(path).endswith("empty.png is empty")


def test_a_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("these are notes")
    assert "notes.png is not a picture" in refused(path)


@pytest.mark.parametrize("given_as", [None, 7, [[0, 255]], bytearray(b"png"), io.BytesIO(b"png")])
def test_another_type_is_named(given_as):
    assert type(given_as).__name__ in refused(given_as)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (5,), (1, 5, 5, 3), (5, 5, 1), (5, 5, 2), (5, 5, 5)])
def test_an_array_of_another_shape_is_refused(shape):
    assert str(shape) in refused(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32])
def test_an_array_of_another_type_is_refused(dtype):
    assert str(np.dtype(dtype)) in refused(np.zeros((5, 5), dtype))


def test_an_image_without_pixels_is_refused():
    assert "no pixels" in refused(Image.new("L", (0, 5)))


def test_an_image_whose_file_turns_out_damaged_is_refused():
    png = FILES["PNG"]
    refused(Image.open(io.BytesIO(png[: len(png) // 2])))


def test_an_image_that_was_closed_is_refused():
    image = Image.new("L", (5, 5))
    image.close()
    refused(image)


def test_a_path_spelt_in_bytes_is_no_surprise(tmp_path):
    tmp_path.joinpath("digit.png").write_bytes(FILES["PNG"])
    with os.scandir(os.fsencode(tmp_path)) as entries:
        np.testing.assert_array_equal(open_picture(next(entries)), 255 - DRAWN)


@pytest.mark.parametrize("side", [8001, 10_000, 14_000])
def test_a_picture_that_is_too_large_is_refused(side):
    bomb = encoded(Image.new("1", (side, side), 1), "PNG")
    assert f"more than {MAX_PIXELS // 10**6} megapixels" in refused(bomb)


def test_an_array_that_is_too_large_is_refused():
    assert "megapixels" in refused(np.broadcast_to(np.uint8(255), (8001, 8001)))


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Ghostscript is a shell script")
def test_no_other_program_is_run(tmp_path, monkeypatch):
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch '{tmp_path}/was-run'\n")
    ghostscript.chmod(ghostscript.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # Pillow remembers where it looked
    refused(encoded(Image.fromarray(DRAWN), "EPS"))
    assert not Path(tmp_path, "was-run").exists()


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_cut_anywhere_is_refused_or_read(file_format):
    content = FILES[file_format]
    for cut in range(0, len(content), max(1, len(content) // 100)):
        assert is_grey_or_refused(content[:cut])
    refused(content[: len(content) // 2])


@given(
    file_format=st.sampled_from(FORMATS),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=8),
)
def test_a_file_with_flipped_bytes_is_refused_or_read(file_format, flips):
    content = bytearray(FILES[file_format])
    for part, flip in flips:
        content[int(part * len(content))] ^= flip
    assert is_grey_or_refused(bytes(content))


@given(content=st.binary())
def test_any_bytes_are_refused_or_read(content):
    assert is_grey_or_refused(content)


def is_grey_or_refused(content):
    try:
        grey = open_picture(content)
    except PictureError as error:
        return "\n" not in str(error)
    return grey.ndim == 2 and grey.dtype == np.uint8 and grey.size > 0


def test_a_file_too_large_to_be_a_picture_is_refused_unread(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "larger than 512 MB" in refused(path)

"""Pictures, arrays, strokes and files that mean no good: each is read, or refused in one line, in little memory."""

import io
import runpy
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from PIL import Image

from edgedigits import Reading, Recognizer
from edgedigits.errors import FramesError, InputError, PictureError
from edgedigits.framing import frame_picture
from edgedigits.training.synthetic import draw_digit

RECOGNIZER = Recognizer("nano")
DIGIT = 7
PICTURE = 255 - draw_digit(DIGIT, np.random.default_rng(0), 56)
SEEDS = dict(runpy.run_path(str(Path(__file__).with_name("fuzz") / "seeds.py"))["seeds"]())
MODES = (
    *("1", "L", "P", "RGB", "RGBX", "RGBA", "RGBa", "LA", "La", "PA", "CMYK", "YCbCr", "LAB", "HSV"),
    *("I", "I;16", "F"),
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is looked up in /proc")

SHARED = """
import resource
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from edgedigits import Recognizer
from edgedigits.errors import PictureError

def answer(picture):
    try:
        return recognizer.read(picture).text
    except PictureError as error:
        return error

Image.init()
recognizer = Recognizer("nano")
recognizer.warmup()
"""
MEASURED = f"""{SHARED}
def most_held():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

files = [Path(name).read_bytes() for name in sys.argv[1:]]
before = most_held()
for file in files:
    print(answer(file))
print((most_held() - before) // 1024)
"""
"""Prints the answer to each file, and the megabytes that were held at most for them."""
LIMITED = f"""{SHARED}
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (int(sys.argv[1]) << 20), -1))
"""
"""Leaves as many megabytes as it is told."""


def encoded(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def answer(picture, *, read=RECOGNIZER.read):
    """The text of a reading that is as readings are, or a refusal of one line."""
    try:
        reading = read(picture)
    except PictureError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert len(str(refusal).splitlines()) == 1
        return refusal
    assert isinstance(reading, Reading)
    assert 0 <= reading.confidence <= 1
    assert reading.accepted == (reading.reason is None)
    return reading.text


def refused(picture):
    refusal = answer(picture)
    assert isinstance(refusal, PictureError)
    return str(refusal)


def kind(value):
    return type(value).__name__


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def tiff(tags, content):
    """A TIFF of `tags`, numbers of 32 bits each, with `content` where `tags` say None."""
    start = 8 + 2 + 12 * len(tags) + 4
    rows = [struct.pack("<HHII", tag, 4, 1, start if value is None else value) for tag, value in sorted(tags.items())]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(rows) + bytes(4) + content


def tiled(side):
    """A TIFF of 10×10 pixels in one tile of `side`×`side`, that holds as good as nothing."""
    size = {256: 10, 257: 10, 322: side, 323: side}
    content = zlib.compress(bytes(1000))
    return tiff({**size, 258: 8, 259: 8, 262: 1, 277: 1, 324: None, 325: len(content)}, content)


def exif(tags):
    """EXIF data of `tags`, in which a value of 8 bytes is one signed fraction, and others are of 16 bits."""
    start, rows, content = 8 + 2 + 12 * len(tags) + 4, b"", b""
    for tag, value in tags.items():
        if isinstance(value, bytes):
            rows += struct.pack("<HHII", tag, 10, 1, start + len(content))
            content += value
        else:
            rows += struct.pack("<HHII", tag, 3, 1, value)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + rows + bytes(4) + content


def huge(side):
    """Files of a few bytes, of every format, that say they are `side`×`side` pixels, by their names."""
    wide, narrow = struct.pack(">II", side, side), struct.pack("<HH", side, side)
    jpeg, codestream, boxes, webp = map(
        bytearray,
        (SEEDS["JPEG L"], SEEDS["JPEG2000 without boxes"], SEEDS["JPEG2000 L"], SEEDS["WEBP of frames"]),
    )
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = struct.pack(">HH", side, side)
    start = codestream.index(b"\xff\x51") + 6
    codestream[start : start + 8] = wide
    start = boxes.index(b"ihdr") + 4
    boxes[start : start + 8] = wide
    webp[24:30] = (side - 1).to_bytes(3, "little") * 2
    frame = narrow + b"\0" + b"\x08\x04abcd\0;"
    size = {256: side, 257: side}
    return {
        "png": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", wide + b"\x08\0\0\0\0") + chunk(b"IDAT", zlib.compress(b"\0")),
        "jpeg": bytes(jpeg),
        "bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0),
        "gif": b"GIF89a" + narrow + b"\0\0\0,\0\0\0\0" + frame,
        "gif whose frame is larger": b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0" + frame,
        "ppm": b"P5 %d %d 255 " % (side, side),
        "ppm of text": b"P2 %d %d 255 1 2 3" % (side, side),
        "tiff": tiff({**size, 258: 8, 259: 1, 262: 1, 273: None, 277: 1, 278: side, 279: 9}, bytes(9)),
        "tiff in tiles": tiff(
            {**size, 258: 8, 259: 8, 262: 1, 277: 1, 322: side // 16 * 16, 323: side // 16 * 16, 324: None, 325: 9},
            bytes(9),
        ),
        "webp": bytes(webp),
        "jpeg2000": bytes(boxes),
        "jpeg2000 without boxes": bytes(codestream),
    }


def repeated_scans(times):
    """A JPEG in passes that are there `times` times over: each takes as long as the picture is large."""
    whole = SEEDS["JPEG in passes"]
    return whole[:-2] + whole[whole.index(b"\xff\xda") : -2] * times + whole[-2:]


def writing(path, contents, ended):
    while not ended.is_set():
        for content in contents:
            path.write_bytes(content)


class Unnamed:
    """A path that cannot say what it is."""

    def __init__(self, what):
        self.what = what

    def __fspath__(self):
        if isinstance(self.what, Exception):
            raise self.what
        return self.what


class Broken(Image.Image):
    """A picture whose every question is answered by an exception."""

    def __init__(self, error):
        self.error = error

    @property
    def size(self):
        raise self.error


class Named(str):
    __slots__ = ()


class Bytes(bytes):
    __slots__ = ()


class Placed(type(Path())):
    pass


@pytest.mark.parametrize("name", SEEDS)
def test_what_hostile_files_start_from_is_read(name):
    assert isinstance(answer(SEEDS[name]), str)


@pytest.mark.parametrize("name", SEEDS)
def test_a_file_cut_anywhere_is_read_or_refused(name):
    content = SEEDS[name]
    for cut in range(1, len(content), len(content) // 12):
        answer(content[:cut])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(SEEDS)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4)), min_size=1, max_size=4),
)
def test_a_file_with_bytes_put_in_and_taken_out_is_read_or_refused(name, changes):
    content = bytearray(SEEDS[name])
    for part, put_in in changes:
        at = int(part * len(content))
        content[at : at + 2] = put_in
    answer(bytes(content))


@settings(max_examples=100, deadline=None)
@given(head=st.sampled_from(sorted(SEEDS)), tail=st.sampled_from(sorted(SEEDS)), at=st.integers(2, 400))
def test_the_head_of_one_file_before_the_tail_of_another_is_read_or_refused(head, tail, at):
    answer(SEEDS[head][:at] + SEEDS[tail][at:])


@LINUX
def test_what_says_to_be_huge_is_refused_before_memory_is_taken_for_it(program, tmp_path):
    bombs = {f"{name}, {side}": content for side in (8200, 60_000) for name, content in huge(side).items()}
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
    done = program(sys.executable, "-W", "ignore", "-c", MEASURED, *bombs)
    *answers, held = done.out.splitlines()
    assert [said for said in answers if "more than 64 megapixels" not in said] == [], done.err
    assert int(held) < 32


@LINUX
@pytest.mark.xfail(strict=True, reason="Pillow makes room for a tile of any size, whatever the picture's")
def test_a_tile_larger_than_its_picture_takes_no_memory(program, tmp_path):
    (tmp_path / "tiled.tif").write_bytes(tiled(20_000))
    done = program(sys.executable, "-c", MEASURED, "tiled.tif")
    assert int(done.out.splitlines()[-1]) < 64, done.out


@LINUX
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "RGBA", "LA", "I;16", "F"])
def test_a_large_picture_is_read_in_a_few_times_its_memory(program, tmp_path, mode):
    assert held_for(program, tmp_path, mode) < 20


def held_for(program, folder, mode):
    """Bytes held at most for each pixel of a large picture."""
    side, path = 3000, folder / "large.tif"
    Image.new(mode, (side, side)).save(path, compression="tiff_adobe_deflate")
    done = program(sys.executable, "-c", MEASURED, path)
    text, held = done.out.split("\n")[:2]
    assert text == "", done.err
    return (int(held) << 20) / side**2


@LINUX
def test_a_small_file_is_read_where_little_memory_is_left(program, tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "digit.png")
    done = program(sys.executable, "-c", f"{LIMITED}print(answer('digit.png'))", "200")
    assert done.out == f"{DIGIT}\n", done.err


@LINUX
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F"])
def test_a_picture_for_which_memory_does_not_suffice_is_refused(program, tmp_path, mode):
    image = Image.new(mode, (1, 1))
    for name in ("large.tif", "small.tif"):
        image.resize((7000, 7000) if name == "large.tif" else (9, 9)).save(tmp_path / name, compression="tiff_lzw")
    reading = "answers = [answer(Path(name).read_bytes()) for name in ('large.tif', 'small.tif')]"
    done = program(sys.executable, "-c", f"{LIMITED}{reading}\nprint(*map(repr, answers))", "40")
    assert (done.out.startswith("PictureError("), done.out.endswith(" ''\n")) == (True, True), done


def test_a_picture_for_which_memory_does_not_suffice_is_not_called_damaged():
    assert "memory" in refused(Broken(MemoryError()))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_array_that_is_too_large_is_refused_before_it_is_copied(channels):
    assert "megapixels" in refused(np.broadcast_to(np.uint8(255), (300_000, 300_000, channels)))


@pytest.mark.xfail(strict=True, reason="Pillow goes through as many passes as there are")
def test_a_jpeg_of_endless_passes_is_refused():
    refused(repeated_scans(2000))


@pytest.mark.xfail(strict=True, reason="Pillow takes a second over 150,000 comments, and a minute over a million")
def test_a_text_of_endless_comments_is_refused():
    refused(b"P2 2 2 255 " + b"#\n" * 2000 + b"1 2 3 4")


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "TIFF", "WEBP"])
def test_of_a_picture_that_moves_the_first_frame_is_read(file_format):
    frames = [Image.fromarray(255 - draw_digit(digit, np.random.default_rng(digit), 56)) for digit in (3, 8, 1)]
    content = encoded(frames[0], file_format, save_all=True, append_images=frames[1:])
    assert answer(content) == "3"
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 3
        # A host that has turned to another frame is taken at its word.
        image.seek(2)
        assert answer(image) == "1"


@pytest.mark.parametrize("metadata", [b"Exif\0\0", exif({0x0112: 9}), exif({0x0112: 0}), exif({0x9999: 1})])
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_odd_metadata_does_not_keep_a_picture_from_being_read(file_format, metadata):
    assert answer(encoded(Image.fromarray(PICTURE), file_format, exif=metadata)) == str(DIGIT)


@pytest.mark.parametrize(
    ("file_format", "metadata"),
    [
        ("PNG", b"Exif\0\0no TIFF"),
        ("WEBP", b"Exif\0\0no TIFF"),
        ("PNG", b"Exif\0\0II*\0"),
        ("WEBP", b"Exif\0\0II*\0"),
        pytest.param(
            "JPEG",
            exif({0x0112: 1, 0x010F: 1})[:-12],
            marks=pytest.mark.xfail(strict=True, reason="Pillow warns, which is an error here, when it opens the file"),
        ),
        ("JPEG", exif({0x011A: struct.pack("<ii", -1, 1), 0x0112: 2})),
    ],
    ids=["no TIFF", "no TIFF in WEBP", "without a table", "without a table in WEBP", "cut", "a negative resolution"],
)
def test_damaged_metadata_does_not_keep_a_picture_from_being_read(file_format, metadata):
    turned = Image.fromarray(PICTURE)
    if b"\x12\x01\x03\0\x01\0\0\0\x02" in metadata:
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert answer(encoded(turned, file_format, exif=metadata)) == str(DIGIT)


@pytest.mark.parametrize(
    "picture",
    [
        PICTURE.copy(order="F"),
        PICTURE[::-1, ::-1][::-1, ::-1],
        np.kron(PICTURE, np.ones((2, 3), np.uint8))[::2, ::3],
        np.broadcast_to(PICTURE[..., np.newaxis], (*PICTURE.shape, 3)),
        np.repeat(PICTURE[..., np.newaxis], 6, axis=2)[..., ::2],
        np.moveaxis(np.stack([PICTURE] * 3), 0, -1),
        PICTURE.view(np.recarray),
        np.ma.array(PICTURE),
        np.frombuffer(PICTURE.tobytes(), np.uint8).reshape(PICTURE.shape),
    ],
    ids=lambda picture: f"{type(picture).__name__} {picture.shape} {picture.strides}",
)
def test_an_array_however_it_lies_in_memory_is_read(picture):
    before = picture.copy()
    picture.flags.writeable = False
    assert answer(picture) == str(DIGIT)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_read_or_refused():
    answer(np.asmatrix(PICTURE))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((), np.uint8),
        np.zeros(0, np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((5, 5, 4, 1), np.uint8),
        np.zeros((5, 5, 0), np.uint8),
        np.full((5, 5), None),
        np.zeros((5, 5), ">u2"),
        np.zeros((5, 5), "<u4"),
        np.zeros((5, 5), "M8[s]"),
        np.zeros((5, 5), "S1"),
        np.zeros((5, 5), [("grey", "u1")]),
        np.full((5, 5), np.nan),
        np.zeros((5, 5), np.complex64),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_an_array_that_is_no_picture_is_refused(array):
    assert refused(array).startswith("array of ")


@given(shape=array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), levels=st.binary(max_size=625))
def test_an_array_of_any_shape_is_read_or_refused(shape, levels):
    answer(np.resize(np.frombuffer(levels or b"\0", np.uint8), shape))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 600), (34, 34), (33, 700)])
@pytest.mark.parametrize("mode", MODES)
def test_the_smallest_and_thinnest_pictures_of_every_mode_are_read(mode, size):
    image = Image.new(mode, size)
    assert answer(image) == ""
    image.paste(Image.new(mode, (1, 1), 1 if image.getbands() == (mode,) else (200,) * len(image.getbands())), (0, 0))
    assert isinstance(answer(image), str)


@pytest.mark.parametrize(
    "levels",
    [
        [np.nan, np.nan],
        [np.nan, 200.0],
        [np.inf, -np.inf],
        [np.inf, 0.5],
        [3.4e38, -3.4e38],
        [1e-45, 0.0],
        [-5.0, -9.0],
    ],
)
def test_floats_of_any_kind_are_read(levels):
    pixels = np.where(PICTURE < 128, *np.array(levels, np.float32)).astype(np.float32)
    assert isinstance(answer(Image.fromarray(pixels)), str)


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1), (40, 60_000), (60_000, 40), (1, 64_000_000)])
def test_long_thin_pictures_are_read(shape):
    picture = np.full(shape, 255, np.uint8)
    assert answer(picture) == ""
    picture[shape[0] // 3 : -(-2 * shape[0] // 3), shape[1] // 3 : -(-2 * shape[1] // 3)] = 0
    assert isinstance(answer(picture), str)


def test_the_largest_picture_is_read():
    page = np.full((8000, 8000), 255, np.uint8)
    page[:7840, :7840] = np.kron(PICTURE, np.ones((140, 140), np.uint8))
    assert answer(page) == str(DIGIT)


@pytest.mark.parametrize("make", [Named, Placed, np.str_, lambda path: Unnamed(bytes(path))])
def test_what_stands_for_a_path_is_one(make, tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(PICTURE).save(path)
    assert answer(make(path)) == str(DIGIT)


def test_what_stands_for_bytes_are_bytes():
    content = encoded(Image.fromarray(PICTURE), "PNG")
    assert [answer(make(content)) for make in (Bytes, np.bytes_)] == [str(DIGIT)] * 2


@pytest.mark.parametrize("given_as", [memoryview(b"png"), range(3), object(), Image.Image, Image, len, ...], ids=kind)
def test_what_is_no_picture_is_refused_by_its_type(given_as):
    assert type(given_as).__name__ in refused(given_as)


@pytest.mark.parametrize("error", [RuntimeError("broken"), AttributeError(), RecursionError("deep"), MemoryError()])
def test_a_picture_that_breaks_when_it_is_looked_at_is_refused(error):
    with pytest.raises(PictureError):
        RECOGNIZER.read(Broken(error))


@pytest.mark.parametrize("error", [AttributeError(), MemoryError()])
def test_a_picture_that_breaks_without_a_word_is_refused_in_a_whole_line(error):
    assert not refused(Broken(error)).endswith(": ")


@pytest.mark.parametrize("picture", [Broken(RuntimeError("one line\nand another")), "a name\nof two lines.png", "\r"])
def test_a_refusal_is_one_line_whatever_it_quotes(picture):
    refused(picture)


@pytest.mark.parametrize("path", [Unnamed(RuntimeError("gone")), Unnamed(OSError("gone")), Unnamed(7)])
def test_a_path_that_cannot_say_what_it_is_is_refused(path):
    results = [result for _, result in RECOGNIZER.read_many([PICTURE, path, PICTURE])]
    assert [isinstance(result, Reading) for result in results] == [True, False, True]


@pytest.mark.parametrize("one", [Path("digit.png"), None, 7, Image.fromarray(PICTURE)], ids=kind)
def test_what_has_no_items_is_not_many_pictures(one):
    with pytest.raises(InputError, match=r"\A[^\n]+\Z"):
        RECOGNIZER.read_many(one)


def test_among_many_each_that_is_hostile_is_answered_alone():
    pictures = [
        *SEEDS.values(),
        *huge(60_000).values(),
        *(content[:99] for content in SEEDS.values()),
        None,
        7,
        PICTURE,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        answered = list(RECOGNIZER.read_many(pictures, threads=2))
    assert len(answered) == len(pictures)
    assert answered[-1][1].text == str(DIGIT)
    assert all(isinstance(result, Reading | PictureError) for _, result in answered)


def test_a_file_that_is_written_while_it_is_read_is_read_or_refused(tmp_path):
    path, ended = tmp_path / "changing.png", threading.Event()
    image = Image.fromarray(PICTURE)
    contents = [encoded(image, "PNG"), encoded(image, "BMP"), SEEDS["GIF P"], encoded(image, "JPEG")[:400]]
    path.write_bytes(contents[0])
    writer = threading.Thread(target=writing, args=(path, contents, ended))
    writer.start()
    try:
        answers = [answer(path) for _ in range(300)]
    finally:
        ended.set()
        writer.join()
    assert {said if isinstance(said, str) else "" for said in answers} <= {"", str(DIGIT), answer(contents[2])}


@pytest.mark.parametrize(
    "frames",
    [
        np.ma.array(np.zeros((2, 28, 28), np.uint8)),
        np.zeros((2, 28, 28), np.uint8).view(np.recarray),
        np.zeros((4, 28, 28), np.uint8)[::-2, ::-1, ::-1],
        np.broadcast_to(np.uint8(0), (600, 28, 28)),
        np.zeros((28, 28, 2), np.uint8).T,
    ],
    ids=lambda frames: f"{type(frames).__name__} {frames.strides}",
)
def test_frames_however_they_lie_in_memory_are_classified(frames):
    plain = RECOGNIZER.classify(np.zeros((1, 28, 28), np.uint8))
    np.testing.assert_allclose(RECOGNIZER.classify(frames).confidence, plain.confidence[0], atol=1e-6)


@pytest.mark.parametrize("frames", [np.uint8(0), np.array(0, np.uint8), np.zeros((2, 28, 28), object), [[0]], "", None])
def test_what_are_no_frames_is_refused(frames):
    with pytest.raises(FramesError, match=r"\Aframes must be a uint8 array"):
        RECOGNIZER.classify(frames)


any_number = st.floats() | st.integers()
any_points = st.lists(st.tuples(any_number, any_number) | st.tuples(*[any_number] * 4), max_size=6)
nested = st.recursive(any_number | st.none() | st.text(max_size=2), lambda inner: st.lists(inner, max_size=4))


@settings(deadline=None)
@given(strokes=st.lists(any_points, max_size=4) | nested)
def test_strokes_of_any_numbers_are_read_or_refused(strokes):
    answer(strokes, read=RECOGNIZER.read_strokes)


def test_strokes_that_hold_themselves_are_refused():
    endless = []
    endless.append(endless)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for strokes in (endless, [endless], deep):
        assert isinstance(answer(strokes, read=RECOGNIZER.read_strokes), PictureError)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="no floats are longer here")
@pytest.mark.xfail(strict=True, reason="numpy warns of the overflow")
def test_a_longer_float_that_overflows_is_refused():
    stroke = np.array([["1e4000", "0"], ["1", "2"]]).astype(np.longdouble)
    assert isinstance(answer([stroke], read=RECOGNIZER.read_strokes), PictureError)


def patterns(side):
    """Grey levels that framing might find hard, by what they show."""
    y, x = np.mgrid[:side, :side]
    rng = np.random.default_rng(0)
    edges = (x < 3) | (y < 3) | (x >= side - 3) | (y >= side - 3)
    comb = (x % 2 == 0) & (y > 4) & (y < side - 4)
    meander = (y % 2 == 0) | ((x == 0) & (y % 4 == 1)) | ((x == side - 1) & (y % 4 == 3))
    spiral = np.maximum(np.abs(x - side // 2), np.abs(y - side // 2)) % 2 == 0
    masks = {
        "checkerboard": (x + y) % 2 == 0,
        "dots": (x % 2 == 0) & (y % 2 == 0),
        "specks": rng.random((side, side)) < 0.02,
        "stripes across": y % 2 == 0,
        "stripes down": x % 2 == 0,
        "slanted stripes": (x // 16 + y) % 2 == 0,
        "diagonals": (x + y) % 3 == 0,
        "grid": (x % 3 == 0) | (y % 3 == 0),
        "comb": comb | (y == side - 4),
        "meander": meander,
        "rings": spiral,
        "noise that hangs together": rng.random((side, side)) < 0.41,
        "border": edges,
        "marks at the border": edges & (x % 3 > 0) & (y % 3 > 0),
    }
    shown = {name: np.where(mask, 0, 255).astype(np.uint8) for name, mask in masks.items()}
    noise, ramp = rng.integers(0, 256, (side, side)), x * 255 // side
    return shown | {"noise": noise.astype(np.uint8), "ramp": ramp.astype(np.uint8)}


@pytest.mark.parametrize("name", patterns(8))
def test_patterns_that_are_no_digits_are_framed_or_blank(name):
    for side in (35, 128, 512):
        pattern = patterns(side)[name]
        for picture in (pattern, 255 - pattern):
            framing = frame_picture(picture)
            assert (framing.frame is None) == (framing.box is None)
            assert framing.frame is not None or framing.reason in {"blank", "low contrast", "several digits"}


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(34, 200),
    width=st.integers(34, 200),
    share=st.floats(0, 1),
    cell=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_noise_of_any_grain_is_framed_or_blank(height, width, share, cell, seed):
    cells = np.random.default_rng(seed).random((-(-height // cell), -(-width // cell))) < share
    mask = cells.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
    framing = frame_picture(np.where(mask, 10, 240).astype(np.uint8))
    if framing.box is not None:
        x0, y0, x1, y1 = framing.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height

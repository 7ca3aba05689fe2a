import gc
import os
import pickle
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits import Recognizer
from edgedigits.errors import PictureError
from edgedigits.pages import MAX_PAGES, Page, pages_of
from edgedigits.pictures import open_picture
from edgedigits.training.synthetic import draw_digit

RECOGNIZER = Recognizer("nano")
DIGITS = "3141592653"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes, forks and open files looked up are POSIX")
SUBFILE, STRIP_OFFSETS, COMPRESSION = 254, 273, 259


def page(digit):
    paper = np.full((240, 180), 255, np.uint8)
    paper[60:172, 30:142] = 255 - draw_digit(int(digit), np.random.default_rng(1), 112)
    return Image.fromarray(paper)


PAGES = [page(digit) for digit in DIGITS]


def saved(path, pages=PAGES, mode="L", **options):
    first, *others = (each.convert(mode) for each in pages)
    first.save(path, save_all=True, append_images=others, **options)
    return path


def texts(path, **options):
    return [
        result.text if not isinstance(result, PictureError) else str(result)
        for _, result in RECOGNIZER.read_many(pages_of(path), **options)
    ]


def refused(path):
    """What is said of a file that has one page, which cannot be read."""
    (one,) = pages_of(path)
    assert (one.number, one.pages) == (1, 1)
    with pytest.raises(PictureError) as caught:
        open_picture(one)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def pdf(*objects):
    """A PDF of objects, the first of which is its catalogue."""
    content, offsets = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, entries)
    return table, content


def pdf_of(page=b"/MediaBox [0 0 200 200]", *more, trailer=b"", kids=b"3 0 R", count=1):
    table, content = pdf(
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Kids [%b] /Count %d>>" % (kids, count),
        b"<</Type /Page /Parent 2 0 R %b>>" % page,
        *more,
    )
    end = b"trailer <</Size %d /Root 1 0 R %b>>\nstartxref\n%d\n%%%%EOF\n" % (len(more) + 4, trailer, len(content))
    return content + table + end


def stream(about, content=b""):
    return b"<<%b /Length %d>> stream\n%b\nendstream" % (about, len(content), content)


ENCRYPTED = pdf_of(
    trailer=b"/ID [<%b> <%b>] /Encrypt <</Filter /Standard /V 1 /R 2 /P -4 /O <%b> /U <%b>>>"
    % (b"00" * 16, b"00" * 16, b"11" * 32, b"22" * 32)
)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("raw.tif", {}),
        ("lzw.tiff", {"compression": "tiff_lzw"}),
        ("jpeg.tif", {"compression": "jpeg"}),
        ("fax.tif", {"mode": "1", "compression": "group4"}),
        ("colour.tif", {"mode": "RGB", "compression": "tiff_adobe_deflate"}),
        ("big.tif", {"big_tiff": True}),
        ("scan.pdf", {"resolution": 200}),
        ("fine.pdf", {"resolution": 600}),
        ("colour.PDF", {"mode": "RGB", "format": "PDF", "resolution": 150}),
        ("fax.pdf", {"mode": "1", "resolution": 200}),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_page_is_read_in_order(tmp_path, name, options, threads):
    path = saved(tmp_path / name, **options)
    assert [(each.file, each.number, each.pages) for each in pages_of(path)] == [
        (path, number, len(DIGITS)) for number in range(1, len(DIGITS) + 1)
    ]
    assert "".join(texts(path, threads=threads)) == DIGITS


def test_a_long_pdf_is_read_to_its_end(tmp_path):
    assert "".join(texts(saved(tmp_path / "long.pdf", PAGES * 12, resolution=200), threads=2)) == DIGITS * 12


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "gif", "webp"])
def test_a_picture_is_its_own_page(tmp_path, suffix):
    path = tmp_path / f"3.{suffix}"
    PAGES[0].save(path)
    (one,) = pages_of(path)
    assert (str(one), one) == (str(path), Page(path))
    assert np.array_equal(open_picture(one), open_picture(path))


def test_of_a_film_the_first_picture_is_read(tmp_path):
    assert texts(saved(tmp_path / "film.gif")) == ["3"]


def test_a_pdf_of_one_page_is_read(tmp_path):
    path = saved(tmp_path / "one.pdf", PAGES[:1])
    assert [str(one) for one in pages_of(path)] == [str(path)]
    assert texts(path) == ["3"]


@pytest.mark.parametrize("resolution", [72, 100, 150, 200, 240, 300])
def test_a_scan_in_a_pdf_keeps_its_pixels(tmp_path, resolution):
    (one,) = pages_of(saved(tmp_path / "scan.pdf", PAGES[:1], resolution=resolution, quality=95))
    grey = open_picture(one)
    assert grey.shape == (240, 180)
    assert np.abs(grey.astype(int) - np.asarray(PAGES[0])).mean() < 2


def test_a_page_without_pictures_has_300_dots_to_an_inch(tmp_path):
    path = tmp_path / "drawn.pdf"
    path.write_bytes(pdf_of(b"/MediaBox [0 0 72 144] /Contents 4 0 R", stream(b"", b"20 20 10 60 re f")))
    (one,) = pages_of(path)
    grey = open_picture(one)
    assert grey.shape == (600, 300)
    assert (grey.min(), grey.max()) == (0, 255)


def test_what_is_turned_in_a_pdf_is_read_upright(tmp_path):
    content = saved(tmp_path / "scan.pdf", [PAGES[1].rotate(90, expand=True)]).read_bytes()
    tmp_path.joinpath("turned.pdf").write_bytes(content.replace(b"/Type /Page\n", b"/Type /Page /Rotate 90\n"))
    assert texts(tmp_path / "turned.pdf") == [DIGITS[1]]


def test_smaller_copies_of_a_page_are_no_pages(tmp_path):
    content = bytearray(saved(tmp_path / "scan.tif", PAGES[:3], tiffinfo={SUBFILE: 0}).read_bytes())
    (_, at), *_ = entries(content, SUBFILE)[1:]
    content[at + 8 : at + 12] = struct.pack("<I", 1)
    tmp_path.joinpath("scan.tif").write_bytes(content)
    assert [str(each)[-6:] for each in pages_of(tmp_path / "scan.tif")] == ["page 1", "page 2"]
    assert texts(tmp_path / "scan.tif") == [DIGITS[0], DIGITS[2]]


def entries(content, tag):
    """Of each page of a TIFF, where its directory is and where in there a tag is."""
    found, (directory,) = [], struct.unpack_from("<I", content, 4)
    while directory:
        (count,) = struct.unpack_from("<H", content, directory)
        places = range(directory + 2, directory + 2 + 12 * count, 12)
        found.append((directory, next((at for at in places if struct.unpack_from("<H", content, at) == (tag,)), None)))
        (directory,) = struct.unpack_from("<I", content, directory + 2 + 12 * count)
    return found


@pytest.mark.parametrize("broken", ["pixels", "directory"])
def test_a_broken_page_leaves_the_others_read(tmp_path, broken):
    path = tmp_path / "scan.tif"
    content = bytearray(saved(path, PAGES[:4], compression="tiff_lzw").read_bytes())
    tag = {"pixels": STRIP_OFFSETS, "directory": COMPRESSION}[broken]
    at = entries(content, tag)[1][1]
    content[at + 8 : at + 12] = struct.pack("<I", {"pixels": len(content) + 99, "directory": 12345}[broken])
    path.write_bytes(content)
    first, second, *others = texts(path)
    assert [first, *others] == [DIGITS[0], DIGITS[2], DIGITS[3]]
    assert second.startswith(f"{path} page 2 is damaged: ")


def test_where_the_next_page_cannot_be_found_that_is_said_of_it(tmp_path):
    path = tmp_path / "scan.tif"
    content = bytearray(saved(path, PAGES[:4]).read_bytes())
    (directory, _) = entries(content, STRIP_OFFSETS)[1]
    (count,) = struct.unpack_from("<H", content, directory)
    struct.pack_into("<I", content, directory + 2 + 12 * count, len(content) + 1000)
    path.write_bytes(content)
    *read, last = texts(path)
    assert read == list(DIGITS[:2])
    assert f"{path} page 3 is damaged: " in last


def test_a_tiff_whose_pages_go_round_in_a_circle_has_each_once(tmp_path):
    path = tmp_path / "scan.tif"
    content = bytearray(saved(path, PAGES[:3]).read_bytes())
    directories = [directory for directory, _ in entries(content, SUBFILE)]
    (count,) = struct.unpack_from("<H", content, directories[2])
    struct.pack_into("<I", content, directories[2] + 2 + 12 * count, directories[0])
    path.write_bytes(content)
    assert texts(path) == list(DIGITS[:3])


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_tiff_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path, part):
    content = saved(tmp_path / "whole.tif", compression="tiff_lzw").read_bytes()
    tmp_path.joinpath("cut.tif").write_bytes(content[: round(part * len(content))])
    *read, last = texts(tmp_path / "cut.tif")
    assert "".join(read) == DIGITS[: len(read)]
    assert "cut.tif" in last


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ENCRYPTED, "is encrypted: save it without a password first"),
        (b"", "is empty"),
        (b"notes", "is damaged, or no PDF"),
        (b"%PDF-1.7\n", "is damaged, or no PDF"),
        (pdf_of()[:150], "is damaged, or no PDF"),
        (pdf_of(kids=b"", count=0), "is damaged, or no PDF"),
        (pdf_of(b"/MediaBox [0 0 1000000 1000000]"), "is 13,889 by 13,889 inches large: crop it first"),
        (pdf_of(count=MAX_PAGES + 1), "has more than 10,000 pages: split it first"),
        (
            pdf_of(
                b"/MediaBox [0 0 200 200] /Contents 4 0 R /Resources <</XObject <</I 5 0 R>>>>",
                stream(b"", b"200 0 0 200 0 0 cm /I Do"),
                stream(
                    b"/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 8"
                    b" /ColorSpace /DeviceGray"
                ),
            ),
            "more than 64 megapixels: shrink it first",
        ),
    ],
    ids=["encrypted", "empty", "text", "start", "cut", "no pages", "too large", "too many pages", "large picture"],
)
def test_a_pdf_that_cannot_be_read_is_one_line(tmp_path, content, message):
    path = tmp_path / "bad.pdf"
    path.write_bytes(content)
    assert message in refused(path)
    assert str(path) in refused(path)


def test_pages_that_a_pdf_has_not_are_each_one_line(tmp_path):
    path = tmp_path / "lies.pdf"
    path.write_bytes(pdf_of(count=50))
    told = texts(path)
    assert len(told) <= 50
    assert all(f"{path} page {number} is damaged: " in line for number, line in enumerate(told[1:], 2))


def test_a_pdf_that_is_cut_off_is_read_or_refused_in_one_line(tmp_path):
    content = saved(tmp_path / "whole.pdf", PAGES[:3]).read_bytes()
    path = tmp_path / "cut.pdf"
    for cut in range(0, len(content), len(content) // 20):
        path.write_bytes(content[:cut])
        assert all(text in ("", *DIGITS) or "cut.pdf" in text for text in texts(path))


def test_noise_in_a_pdf_is_read_or_refused_in_one_line(tmp_path):
    content = bytearray(saved(tmp_path / "whole.pdf", PAGES[:2]).read_bytes())
    path, rng = tmp_path / "noise.pdf", np.random.default_rng(0)
    for _ in range(40):
        noisy = np.frombuffer(content, np.uint8).copy()
        noisy[rng.integers(0, noisy.size, 20)] = rng.integers(0, 256, 20)
        path.write_bytes(noisy.tobytes())
        assert all(len(text.splitlines()) <= 1 for text in texts(path))


@pytest.mark.parametrize("purpose", [0, 1], ids=["pages", "smaller copies"])
def test_a_tiff_of_too_many_pages_is_one_line(tmp_path, purpose):
    tags = ((SUBFILE, purpose), (256, 1), (257, 1), (262, 1), (STRIP_OFFSETS, 1))
    one = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    size = len(one) + 4
    directories = b"".join(one + struct.pack("<I", 8 + (number + 1) * size) for number in range(MAX_PAGES + 1))
    path = tmp_path / "many.tif"
    path.write_bytes(b"II*\0\x08\0\0\0" + directories)
    assert refused(path) == f"{path} has more than 10,000 pages: split it first"


@POSIX
def test_a_pipe_is_not_waited_for(tmp_path):
    for name in ("pipe.pdf", "pipe.tif"):
        os.mkfifo(tmp_path / name)
        assert "is no file, but a pipe or a device" in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["missing.pdf", "missing.tif", "folder.pdf", "long" * 100 + ".pdf"])
def test_what_is_no_file_is_one_line(tmp_path, name):
    tmp_path.joinpath("folder.pdf").mkdir()
    assert name in refused(tmp_path / name)


def test_without_the_extra_a_pdf_is_one_line_that_names_it(program, without, tmp_path):
    saved(tmp_path / "scan.pdf")
    saved(tmp_path / "scan.tif")
    code = """
from edgedigits.pages import pages_of
from edgedigits.pictures import open_picture
print(len(list(pages_of('scan.tif'))))
open_picture(next(pages_of('scan.pdf')))
"""
    done = program(sys.executable, "-c", code, **without("pypdfium2", "pypdfium2_raw"))
    assert done.out == "10\n"
    assert done.err.splitlines()[-1].endswith(
        "reading scan.pdf needs pypdfium2, which is not installed: pip install 'edgedigits[pdf]'"
    )


@pytest.mark.parametrize("name", ["scan.pdf", "scan.tif"])
def test_a_page_can_be_kept_pickled_and_asked_for_by_number(tmp_path, name):
    path = saved(tmp_path / name)
    sixth = list(pages_of(path))[5]
    again = [Page(path, 6, 10), pickle.loads(pickle.dumps(sixth))]
    assert again == [sixth, sixth]
    assert [RECOGNIZER.read(each).text for each in (sixth, *again, sixth)] == [DIGITS[5]] * 4
    with pytest.raises(PictureError, match="has 10 pages, and no page 11"):
        RECOGNIZER.read(Page(path, 11, 10))


@POSIX
@pytest.mark.parametrize("name", ["scan.pdf", "scan.tif"])
def test_a_file_is_closed_when_none_of_its_pages_is_kept(tmp_path, name):
    path = saved(tmp_path / name)
    pages = pages_of(path)
    kept = [next(pages), next(pages)]
    assert is_open(path)
    pages.close()
    del pages
    assert is_open(path)
    assert RECOGNIZER.read(kept.pop()).text == DIGITS[1]
    kept.clear()
    gc.collect()
    assert not is_open(path)


def is_open(path):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("open files are looked up in /proc")
    return any(os.path.realpath(each) == str(path.resolve()) for each in folder.iterdir())


@pytest.mark.parametrize("name", ["scan.pdf", "scan.tif"])
def test_a_program_that_ends_with_pages_in_hand_says_nothing(program, tmp_path, name):
    saved(tmp_path / name)
    code = f"from edgedigits.pages import pages_of; pages = list(pages_of({name!r}))"
    assert program(sys.executable, "-W", "error", "-c", code) == (0, "", "")


def test_several_files_are_read_at_once_by_several_threads(tmp_path):
    paths = [saved(tmp_path / f"{number}.{kind}") for number in range(3) for kind in ("pdf", "tif")]
    answers = {}

    def read(path):
        answers[path] = "".join(texts(path, threads=2))

    threads = [threading.Thread(target=read, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == dict.fromkeys(paths, DIGITS)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("name", ["scan.pdf", "scan.tif"])
def test_pages_survive_a_fork(program, tmp_path, name):
    saved(tmp_path / name)
    code = f"""
import os
from edgedigits import Recognizer
from edgedigits.pages import pages_of
recognizer = Recognizer("nano")
pages = list(pages_of({name!r}))
recognizer.read(pages[0])
child = os.fork()
print("".join(recognizer.read(page).text for page in pages), flush=True)
if child:
    os.waitpid(child, 0)
"""
    assert program(sys.executable, "-c", code).out.split() == [DIGITS, DIGITS]

import csv
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits.cli.read import lines_of
from edgedigits.cli.results import COLUMNS, doubts, results
from edgedigits.cli.review import write_review
from edgedigits.errors import InputError
from edgedigits.pages import Page
from edgedigits.results import Alternative, Digit, Line, Reading
from edgedigits.training.synthetic import draw_digit

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text are those of Linux")
SMALL = ("--model", "small")
"""Reads one digit to a page: enough for all that is not about lines."""
SCAN = "31415"


def page(digit):
    paper = np.full((240, 180), 255, np.uint8)
    paper[60:172, 30:142] = 255 - draw_digit(int(digit), np.random.default_rng(1), 112)
    return Image.fromarray(paper)


@pytest.fixture
def scans(tmp_path):
    """In the folder in which commands run: pictures, scans of several pages, and files that are none of it."""
    folder = tmp_path / "scans"
    folder.mkdir()
    first, *others = map(page, SCAN)
    first.save(folder / "b.tif", save_all=True, append_images=others)
    first.save(folder / "c.pdf", save_all=True, append_images=others, resolution=200)
    page(7).save(folder / "a.png")
    page(8).save(folder / "one.PDF", "PDF")
    folder.joinpath("bad.pdf").write_bytes(b"%PDF-1.4\n")
    folder.joinpath("notes.txt").write_text("notes")
    return folder


def record(text, *, file="a.png", page=None, accepted=True):
    """What is printed of a page with these lines on it."""
    about = {"file": file, **({} if page is None else {"page": page})}
    return {**about, **reading(*text.split(), accepted=accepted).to_dict()}


def reading(*texts, accepted=True, doubtful=2, box=(10, 10, 110, 30), alternatives=()):
    """Lines of digits, all accepted, or not for one digit of each."""
    lines = tuple(
        Line(
            text,
            f"={text}=",
            0.75,
            accepted,
            None if accepted else "unsure",
            tuple(
                Digit(
                    int(digit),
                    0.9,
                    accepted or place != doubtful,
                    None if accepted or place != doubtful else "unsure",
                    (box[0] + 20 * place, box[1] + 50 * row, box[0] + 20 * place + 15, box[3] + 50 * row),
                    (int(digit) + 1) % 10,
                )
                for place, digit in enumerate(text)
            ),
            (),
            alternatives,
            (box[0], box[1] + 50 * row, box[2], box[3] + 50 * row),
        )
        for row, text in enumerate(texts)
    )
    digits = tuple(digit for line in lines for digit in line.digits)
    return Reading("\n".join(texts), 0.7, accepted, None if accepted else "unsure", digits, lines)


def rows(content):
    return list(csv.DictReader(io.StringIO(content, newline=""), strict=True))


def test_a_line_on_every_page(edgedigits, scans):
    done = edgedigits("read", "scans", *SMALL)
    assert done.code == 2
    names = ["a.png", *(f"{name} page {n}" for name in ("b.tif", "c.pdf") for n in range(1, 6)), "one.PDF"]
    told = [line.rsplit(": ", 1) for line in done.out.splitlines()]
    assert [name for name, _ in told] == [str(Path("scans", name)) for name in names]
    assert "".join(text[0] for _, text in told) == "7" + SCAN + SCAN + "8"
    assert done.err == f"edgedigits: {Path('scans', 'bad.pdf')} is damaged, or no PDF\n"


def test_each_line_of_digits_is_on_a_line_of_its_own():
    assert list(lines_of(Page(Path("cheque.png")), reading("189603"))) == ["cheque.png: 189603 (75.0%)"]
    assert list(lines_of(Page(Path("scan.pdf"), 3, 9), reading("189603", accepted=False))) == [
        "scan.pdf page 3: 189603? (75.0%, unsure: digit 3 (9) might be 0)"
    ]
    assert list(lines_of(Page(Path("a.png")), reading("12", "34"))) == [
        "a.png line 1: 12 (75.0%)",
        "a.png line 2: 34 (75.0%)",
    ]
    instead = reading("12", accepted=False, doubtful=9, alternatives=(Alternative("13", 0.2),))
    assert list(lines_of(Page(Path("a.png")), instead)) == ["a.png: 12? (75.0%, unsure: might be 13)"]
    missing = reading("123", accepted=False, doubtful=1, alternatives=(Alternative("13", 0.3), Alternative("143", 0.1)))
    assert list(lines_of(Page(Path("a.png")), missing)) == ["a.png: 123? (75.0%, unsure: might be 13)"]
    another = reading("123", accepted=False, doubtful=1, alternatives=(Alternative("133", 0.3), Alternative("13", 0.1)))
    assert list(lines_of(Page(Path("a.png")), another)) == ["a.png: 123? (75.0%, unsure: digit 2 (2) might be 3)"]
    assert list(lines_of(Page(Path("two\nlines.png")), Reading("", 0.0, False, "blank", ()))) == [
        "two lines.png: - (blank)"
    ]


def test_what_the_ink_says_is_told_of_a_line_that_was_expected_otherwise():
    alternatives = (Alternative("48250", 0.99), Alternative("48450", 0.1))
    told = {**record("48850")["lines"][0], "accepted": False, "reason": "unexpected"}
    assert doubts({**told, "alternatives": [other._asdict() for other in alternatives]}) == "the ink says 48250"
    nothing_expected_was_found = {**told, "confidence": 0.0, "alternatives": []}
    assert doubts(nothing_expected_was_found) == ""


def test_digits_in_doubt_are_counted_with_what_else_is_written():
    told = reading("123", accepted=False, doubtful=1).to_dict()["lines"][0]
    assert doubts({**told, "text": "1?23"}) == "digit 3 (2) might be 3"


def test_json_names_the_page_where_there_are_several(edgedigits, scans):
    told = [json.loads(line) for line in edgedigits("read", "scans", *SMALL, "--json").out.splitlines()]
    assert [(line["file"], line.get("page")) for line in told] == [
        (str(Path("scans", name)), number)
        for name, numbers in (("a.png", [None]), ("b.tif", range(1, 6)), ("bad.pdf", [None]), ("c.pdf", range(1, 6)))
        for number in numbers
    ] + [(str(Path("scans", "one.PDF")), None)]
    (bad,) = (line for line in told if "error" in line)
    assert set(bad) == {"file", "error"}


@pytest.mark.parametrize("command", ["read", "predict"])
def test_a_name_that_is_empty_is_not_the_folder_in_which_one_stands(edgedigits, tmp_path, command):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    assert "a name is empty: give that of a picture or of a folder" in edgedigits(command, "").refusal


def test_a_folder_without_pictures_is_one_line(edgedigits, scans):
    shutil.copytree(scans, scans / "empty", ignore=lambda _, names: [name for name in names if name != "notes.txt"])
    line = edgedigits("read", Path("scans", "empty"), *SMALL).refusal
    assert "empty holds no pictures: their names end in " in line
    assert ".pdf" in line


@pytest.mark.parametrize("name", ["amounts.jsonl", "amounts.csv"])
def test_a_run_cut_off_at_any_byte_goes_on_to_the_same_results(edgedigits, scans, name):
    asked = ["read", "scans", *SMALL, "--output", name]
    assert edgedigits(*asked).code == 2
    written = scans.parent / name
    whole = written.read_bytes()
    for cut in range(0, len(whole), len(whole) // 40):
        written.write_bytes(whole[:cut])
        assert edgedigits(*asked, "--json") == (2, "", "")
        assert answers(written) == answers(whole)
    before = written.read_bytes()
    assert edgedigits(*asked, "--json") == (2, "", "")
    assert written.read_bytes() == before


def answers(written):
    """What does not depend on the batch that a page was read in."""
    content = written if isinstance(written, bytes) else written.read_bytes()
    told = rows(content.decode()) if content.startswith(b"file,") else map(json.loads, content.splitlines())
    return [[str(each.get(key)) for key in ("file", "page", "text", "accepted", "reason", "error")] for each in told]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".CSV"])
def test_a_page_some_of_whose_lines_are_missing_is_read_again(tmp_path, suffix):
    path = tmp_path / f"amounts{suffix}"
    told = [record("12 34 56"), record("78 90", file="two\nlines.pdf", page=2), record("1", file="=c.png")]
    with results(path, "read") as file:
        for each in told:
            file.append(each)
    whole, keys = path.read_bytes(), [(each["file"], each.get("page")) for each in told]
    for cut in {*range(0, len(whole), max(1, len(whole) // 300)), *range(len(whole) - 9, len(whole) + 1)}:
        path.write_bytes(whole[:cut])
        with results(path, "read") as file:
            assert file.earlier == set(keys[: len(file.earlier)])
            for each in told[len(file.earlier) :]:
                file.append(each)
        assert path.read_bytes() == whole


def test_a_row_of_csv_for_every_line(tmp_path):
    path = tmp_path / "amounts.csv"
    with results(path, "read") as file:
        file.append(record("12 340", accepted=False, page=7))
        file.append({"file": 'a "b", c.png', **Reading("", 0.0, False, "blank", ()).to_dict()})
        file.append({"file": "d.png", "error": "d.png is damaged: so"})
    first, second, blank, bad = rows(path.read_bytes().decode())
    assert tuple(first) == COLUMNS
    assert list(second.values()) == [
        *("a.png", "7", "2", "2", "340", "'=340=", "0.75", "false", "unsure"),
        *("digit 3 (0) might be 1", "", ""),
    ]
    assert (first["line"], first["lines"], first["text"], first["doubts"]) == ("1", "2", "12", "")
    assert (blank["file"], blank["line"], blank["reason"], blank["error"]) == ('a "b", c.png', "", "blank", "")
    assert (bad["file"], bad["text"], bad["accepted"], bad["error"]) == ("d.png", "", "", "d.png is damaged: so")


@pytest.mark.parametrize("name", ["=1+2.png", "+1.png", "-1.png", "@a.png", "\ta.png"])
def test_no_name_of_a_file_is_a_formula(edgedigits, tmp_path, name):
    if sys.platform == "win32" and "\t" in name:
        pytest.skip("Windows has no such names")
    page(3).save(tmp_path / "3.png")
    tmp_path.joinpath("3.png").rename(tmp_path / name)
    tmp_path.joinpath(f"{name}.pdf").write_bytes(b"%PDF-")
    for _ in range(2):
        assert edgedigits("read", ".", *SMALL, "--output", "amounts.csv", "--json") == (2, "", "")
        told = rows(tmp_path.joinpath("amounts.csv").read_bytes().decode())
        assert [str(Path(row["file"])) for row in told] == [name, f"{name}.pdf"]
        assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in told for cell in row.values())


@LINUX
@pytest.mark.parametrize("name", ["amounts.jsonl", "amounts.csv"])
def test_any_file_name_is_known_again(edgedigits, tmp_path, name):
    odd = [b"\xff.png", b"two\nlines.png", b'"quoted", and so on.png', b"c\rr.png"]
    page(3).save(tmp_path / "3.png")
    for each in odd:
        shutil.copy(tmp_path / "3.png", os.fsencode(tmp_path) + b"/" + each)
    for _ in range(2):
        assert edgedigits("read", ".", *SMALL, "--output", name, "--json", "--review", "doubtful") == (0, "", "")
        content = tmp_path.joinpath(name).read_bytes()
        told = content.decode("utf-8", "surrogateescape")
        found = [each["file"] for each in (rows(told) if ".csv" in name else map(json.loads, told.splitlines()))]
        assert sorted(map(os.fsencode, found)) == sorted([*odd, b"3.png"])
    assert len(edgedigits("read", ".", *SMALL).out.splitlines()) == 5


@pytest.mark.parametrize(
    "content",
    [
        b"notes",
        b"file,page\r\n",
        b"\x89PNG\r\n\0",
        (",".join(COLUMNS) + "\r\na,b\r\n").encode(),
        (",".join(COLUMNS) + "\r\na,,,many,,,,,,,,\r\n").encode(),
        (",".join(COLUMNS) + '\r\n"a"b,,,\r\na,,,\r\n').encode(),
    ],
    ids=range(6),
)
def test_a_csv_of_something_else_is_refused_and_left_as_it_was(tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with (
        pytest.raises(InputError, match=r"line \d of .*other.csv is not from `edgedigits read`"),
        results(path, "read"),
    ):
        pass
    assert path.read_bytes() == content


def test_a_doubtful_line_is_cut_out_with_a_box_around_its_doubtful_digit(tmp_path):
    grey = np.full((100, 200), 255, np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    doubtful = reading("1234", "5678", accepted=False)
    told = {"file": "a.png", **doubtful.to_dict()}
    write_review(tmp_path / "doubtful", Page(tmp_path / "a.png"), doubtful, told)
    names = [line["review"] for line in told["lines"]]
    assert sorted(path.name for path in (tmp_path / "doubtful").iterdir()) == sorted(names)
    assert [name[-10:] for name in names] == ["-line1.png", "-line2.png"]
    for name in names:
        with Image.open(tmp_path / "doubtful" / name) as picture:
            assert picture.height == 120
            red = np.argwhere((np.asarray(picture) != 255).any(axis=-1))
        scale = 120 / 34
        (top, left), (bottom, right) = red.min(axis=0), red.max(axis=0)
        # The third digit's box, 50 to 65, in a picture whose margin starts at 3 columns.
        assert [left, right] == pytest.approx([47 * scale, 62 * scale], abs=6)
        assert [top, bottom] == pytest.approx([7 * scale, 27 * scale], abs=6)


def test_what_is_accepted_has_no_picture(tmp_path):
    write_review(tmp_path / "doubtful", Page(tmp_path / "none.png"), reading("12"), record("12"))
    assert not (tmp_path / "doubtful").exists()


@pytest.mark.parametrize("size", [(1, 1), (3, 20_000), (20_000, 3)])
def test_pictures_for_review_are_of_bounded_size(tmp_path, size):
    Image.new("L", size, 255).save(tmp_path / "a.png")
    nothing = Reading("", 0.0, False, "blank", ())
    told = {"file": "a.png", **nothing.to_dict()}
    write_review(tmp_path, Page(tmp_path / "a.png"), nothing, told)
    with Image.open(tmp_path / told["review"]) as picture:
        assert max(picture.size) <= 2400


@pytest.mark.parametrize("name", ["amounts.jsonl", "amounts.csv"])
def test_results_name_the_pictures_for_review(edgedigits, tmp_path, name):
    blank = Image.new("L", (60, 40), 255)
    blank.save(tmp_path / "scan.pdf", save_all=True, append_images=[blank])
    tmp_path.joinpath("scan").mkdir()
    blank.save(tmp_path / "scan" / "pdf", "PNG")
    assert edgedigits("read", "scan.pdf", "scan/pdf", *SMALL, "--output", name, "--review", "doubtful").code == 0
    content = tmp_path.joinpath(name).read_bytes().decode()
    told = rows(content) if ".csv" in name else list(map(json.loads, content.splitlines()))
    named = [each["review"] for each in told]
    assert named[:2] == ["scan.pdf-page1-whole.png", "scan.pdf-page2-whole.png"]
    assert sorted(path.name for path in (tmp_path / "doubtful").iterdir()) == sorted(named)
    assert len(set(named)) == 3


def test_pictures_for_review_are_not_read_themselves(edgedigits, tmp_path):
    tmp_path.joinpath("scans").mkdir()
    Image.new("L", (60, 40), 255).save(tmp_path / "scans" / "blank.png")
    review = ("--review", "scans/doubtful")
    for added in (1, 0):
        told = edgedigits("read", "scans", *SMALL, "--output", "amounts.csv", *review).err.splitlines()[-1]
        assert told.startswith(f"amounts.csv: {added} added to {1 - added}; ")
    assert len(list(tmp_path.joinpath("scans", "doubtful").iterdir())) == 1


def test_a_file_that_is_named_twice_is_written_once(edgedigits, scans):
    told = edgedigits("read", "scans/a.png", "scans", "scans/a.png", *SMALL, "--output", "amounts.jsonl").err
    assert told.splitlines()[-1].startswith("amounts.jsonl: 13 added to 0; ")


def test_folders_deep_in_each_other_are_read(edgedigits, tmp_path, monkeypatch):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    depth = sys.getrecursionlimit() + 10
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    os.chdir(tmp_path)
    told = edgedigits("read", ".", *SMALL).out
    # What removes the folder of a test would call itself as often.
    os.chdir("/".join(["d"] * (depth - 1)))
    for _ in range(depth):
        Path("d").rmdir()
        os.chdir("..")
    assert told == "blank.png: - (blank)\n"


@LINUX
def test_a_name_that_standard_output_cannot_spell_stops_nothing(installed, tmp_path):
    Image.new("L", (60, 40), 255).save(tmp_path / "\u4e2d.png")
    done = installed("read", "\u4e2d.png", *SMALL, PYTHONIOENCODING="cp1252")
    assert (done.code, done.out) == (0, "\\u4e2d.png: - (blank)\n")


def test_a_program_without_standard_error_reads_on(edgedigits, tmp_path, monkeypatch):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    monkeypatch.setattr(sys, "stderr", None)
    assert edgedigits("read", "blank.png", *SMALL).code == 0
    assert edgedigits("predict", "blank.png").code == 0


def test_a_place_for_review_that_cannot_be_written_to_is_one_line(edgedigits, tmp_path):
    Image.new("L", (60, 40), 255).save(tmp_path / "blank.png")
    line = edgedigits("read", "blank.png", *SMALL, "--review", "blank.png/doubtful").refusal
    assert "cannot write blank.png/doubtful" in line


def test_at_the_end_of_a_bulk_run_its_throughput_is_told(edgedigits, scans):
    *_, told = edgedigits("read", "scans", *SMALL, "--output", "amounts.csv").err.splitlines()
    counts = re.fullmatch(
        r"amounts\.csv: 13 added to 0; 5 files, 13 pages, 1 of them could not be read, 12 lines, \d+ accepted; "
        r"([\d,.]+) pages a second, ([\d,.]+) for each core",
        told,
    )
    assert counts
    assert all(float(number.replace(",", "")) > 0 for number in counts.groups())
    *_, again = edgedigits("read", "scans", *SMALL, "--output", "amounts.csv").err.splitlines()
    assert again.startswith("amounts.csv: 0 added to 13; 0 files, 0 pages")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--length", "six"], "'six' is no length: give one such as 6, or the least and the most such as 4-7"),
        (["--length", "7-4"], "the least of a pair before the most"),
        (["--minimum", "9", "--maximum", "3"], "the expected minimum is above the maximum"),
        (["--check", "crc"], "'crc' is not one of 'luhn'"),
    ],
)
def test_an_expectation_that_makes_no_sense_is_one_line(edgedigits, scans, options, message):
    assert message in edgedigits("read", "scans", *SMALL, *options).refusal


def test_without_the_extra_a_pdf_is_one_line_that_names_it(installed, without, scans):
    done = installed("read", Path("scans", "c.pdf"), "scans", *SMALL, **without("pypdfium2", "pypdfium2_raw"))
    assert done.code == 2
    assert done.err.count("c.pdf needs pypdfium2, which is not installed: pip install 'edgedigits[pdf]'\n") == 2
    assert done.out


def test_amounts_are_read_by_the_model_for_them(edgedigits, tmp_path):
    ink = np.hstack([draw_digit(digit, np.random.default_rng(digit), 64) for digit in (1, 8, 9, 6, 0, 3)])
    lines = [Image.fromarray(np.pad(255 - ink, 40, constant_values=255))] * 2
    lines[0].save(tmp_path / "scan.pdf", save_all=True, append_images=lines[1:], resolution=200)
    told = [json.loads(line) for line in edgedigits("read", "scan.pdf", "--length", 6, "--json").out.splitlines()]
    assert [each["page"] for each in told] == [1, 2]
    for each in told:
        (line,) = each["lines"]
        assert line["text"] == "189603"

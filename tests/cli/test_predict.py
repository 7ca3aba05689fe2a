import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgedigits import Recognizer
from edgedigits.models import shipped_file
from edgedigits.training.nondigits import draw_nondigits
from edgedigits.training.synthetic import draw_digit

# As DESIGN.md has them: programs rely on them.
ANSWER = {"file", "text", "confidence", "accepted", "reason", "digits"}
DIGIT = {"digit", "confidence", "accepted", "reason", "box", "runner_up"}
ERROR = {"file", "error"}
IN_SCANS = [str(Path("scans", name)) for name in ("10.PNG", "a/deep/er.jpeg", "b/2.png", "b.png/1.Tif", "z.bmp")]
"""What is to be read in the folder of that name, in order."""


@pytest.fixture
def samples(tmp_path):
    """`0.png` to `9.png`, an empty page and a file that is no picture, in the folder in which commands run."""
    for digit in range(10):
        picture = 255 - draw_digit(digit, np.random.default_rng(1), 112)
        Image.fromarray(picture).save(tmp_path / f"{digit}.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    tmp_path.joinpath("notes.png").write_text("notes")
    return tmp_path


def test_a_line_on_every_picture(edgedigits, samples):
    done = edgedigits("predict", *(f"{digit}.png" for digit in range(10)), "blank.png")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line[:8] for line in lines[:10]] == [f"{digit}.png: {digit}" for digit in range(10)]
    assert lines[10] == "blank.png: - (blank)"


def test_json_is_the_reading(edgedigits, samples):
    done = edgedigits("predict", "3.png", "blank.png", "--json")
    assert (done.code, done.err) == (0, "")
    recognizer = Recognizer()
    for line in map(json.loads, done.out.splitlines()):
        expected = recognizer.read(samples / line["file"]).to_dict()
        for digit, said in zip(line["digits"], expected.pop("digits"), strict=True):
            assert digit == {**said, "confidence": pytest.approx(said["confidence"], abs=1e-6)}
        assert {key: line[key] for key in expected} == {
            **expected,
            "confidence": pytest.approx(expected["confidence"], abs=1e-6),
        }


def test_json_has_exactly_the_keys_that_were_promised(edgedigits, samples):
    done = edgedigits("predict", "3.png", "notes.png", "--json")
    answer, error = map(json.loads, done.out.splitlines())
    assert set(error) == ERROR
    assert set(answer) == ANSWER
    assert set(answer["digits"][0]) == DIGIT


@pytest.mark.parametrize("bad", ["notes.png", "missing.png", f"{'long' * 100}.png"])
def test_one_bad_picture_leaves_the_others_answered(edgedigits, samples, bad):
    done = edgedigits("predict", "3.png", bad, "4.png")
    assert done.code == 2
    assert [line[:8] for line in done.out.splitlines()] == ["3.png: 3", "4.png: 4"]
    (line,) = done.err.splitlines()
    assert line.startswith("edgedigits: ")
    assert bad in line


def test_one_bad_picture_has_its_line_of_json(edgedigits, samples):
    done = edgedigits("predict", "3.png", "notes.png", "4.png", "--json")
    assert (done.code, done.err) == (2, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["file"] for line in lines] == ["3.png", "notes.png", "4.png"]
    assert ["error" in line for line in lines] == [False, True, False]


def test_a_reading_that_is_not_trusted_says_what_else_it_might_be(edgedigits, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)).save(tmp_path / "noise.png")
    done = edgedigits("predict", "noise.png", "--model", "paper")
    assert done.code == 0
    assert "? (" in done.out
    assert "unsure: might be " in done.out


def test_an_onnx_file_can_be_the_model(edgedigits, samples):
    samples.joinpath("mine.onnx").write_bytes(shipped_file("paper").read_bytes())
    done = edgedigits("predict", "3.png", "--model", "mine.onnx")
    assert (done.code, done.out[:8]) == (0, "3.png: 3")


def test_a_folder_is_no_model(edgedigits, samples):
    samples.joinpath("mine").mkdir()
    refusal = edgedigits("predict", "3.png", "--model", "mine").refusal
    assert "mine is a folder: give the file that `edgedigits export` wrote" in refusal


@pytest.mark.parametrize("content", [b"", b"text", "cut"])
def test_a_model_that_is_damaged_is_one_line(installed, samples, content):
    whole = shipped_file("paper").read_bytes()
    samples.joinpath("mine.onnx").write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    done = installed("predict", "3.png", "--model", "mine.onnx")
    assert done.refusal.startswith("edgedigits: mine.onnx is ")


def test_a_picture_that_is_too_large_is_one_line(installed, tmp_path):
    Image.new("1", (10_000, 10_000), 1).save(tmp_path / "bomb.png")
    line = installed("predict", "bomb.png").refusal
    assert "bomb.png" in line
    assert "megapixels" in line


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text are those of Linux")
@pytest.mark.parametrize("name", [b"\xff.png", b"two\nlines.png"])
def test_any_file_name_has_its_line_of_json(installed, samples, name):
    shutil.copy(samples / "3.png", os.fsencode(samples) + b"/" + name)
    done = installed("predict", os.fsdecode(name), "4.png", "--json", PYTHONIOENCODING="utf-8:strict")
    assert (done.code, done.err) == (0, "")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == ["3", "4"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text are those of Linux")
@pytest.mark.parametrize(("source", "code"), [("3.png", 0), ("notes.png", 2)])
def test_a_file_name_that_is_no_text_has_its_line_for_people(installed, samples, source, code):
    shutil.copy(samples / source, os.fsencode(samples) + b"/\xff.png")
    done = installed("predict", os.fsdecode(b"\xff.png"), PYTHONIOENCODING="utf-8:strict")
    assert done.code == code
    assert len((done.out + done.err).splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_full_disk_behind_standard_output_is_one_line(program, script, samples, option):
    arguments = " ".join(["predict", "3.png", *option])
    done = program("sh", "-c", f"'{script}' {arguments} > /dev/full")
    assert done.refusal


@pytest.mark.parametrize("max_error", [0.03, 0.2])
def test_an_error_rate_decides_what_is_accepted(edgedigits, samples, trusted, max_error):
    model = trusted["onnx"].path
    names = [f"{digit}.png" for digit in range(10)]
    done = edgedigits("predict", *names, "--model", model, "--max-error", max_error, "--json")
    assert (done.code, done.err) == (0, "")
    recognizer = Recognizer(model, max_error=max_error)
    expected = [recognizer.read(samples / name) for name in names]
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["text"], one["accepted"], one["reason"]) for one in told] == [
        (reading.text, reading.accepted, reading.reason) for reading in expected
    ]
    assert any(one["accepted"] for one in told)


def test_more_is_accepted_where_more_errors_are_allowed(edgedigits, samples):
    asked = ["predict", *(f"{digit}.png" for digit in range(10)), "--model", "nano"]
    strict, lax = (edgedigits(*asked, "--max-error", rate).out.count("? (") for rate in (0.001, 0.01))
    assert strict > lax


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("0.0001", "an error rate of 0.01% cannot be promised with 95% confidence"),
        ("0", "an error rate of 0 makes no sense: give one between 0 and 1"),
        ("1", "an error rate of 1 makes no sense"),
        ("-0.1", "an error rate of -0.1 makes no sense"),
        ("nan", "an error rate of nan makes no sense"),
        ("few", "'few' is not a valid float"),
    ],
)
def test_an_error_rate_that_cannot_be_kept_is_refused(edgedigits, samples, trusted, rate, message):
    refusal = edgedigits("predict", "3.png", "--model", trusted["onnx"].path, f"--max-error={rate}").refusal
    assert message in refusal


def test_a_model_that_was_validated_on_nothing_keeps_no_error_rate(edgedigits, samples):
    refusal = edgedigits("predict", "3.png", "--model", "paper", "--max-error", 0.01).refusal
    assert "paper was validated on nothing, so no error rate can be promised" in refusal


def test_what_is_no_digit_is_said_to_be_none(edgedigits, tmp_path, trusted, test_digits):
    recognizer = Recognizer(trusted["onnx"].path)
    frames, _ = draw_nondigits(test_digits, 50, seed=9)
    frame = next(frame for frame in frames if recognizer.read(frame).reason == "no digit")
    Image.fromarray(frame).save(tmp_path / "scrawl.png")
    done = edgedigits("predict", "scrawl.png", "--model", trusted["onnx"].path)
    assert (done.code, done.err) == (0, "")
    assert done.out == "scrawl.png: - (no digit)\n"
    told = json.loads(edgedigits("predict", "scrawl.png", "--model", trusted["onnx"].path, "--json").out)
    assert (told["accepted"], told["reason"], told["digits"][0]["reason"]) == (False, "no digit", "no digit")


@pytest.fixture
def scans(tmp_path):
    """A folder `scans` with pictures in subfolders, and beside them what is not to be read."""
    folder = tmp_path / "scans"
    for digit, name in enumerate(["b/2.png", "10.PNG", "a/deep/er.jpeg", "z.bmp", "b.png/1.Tif"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - draw_digit(digit, np.random.default_rng(1), 112)).save(path)
    for name in (".hidden.png", ".trash/3.png", "notes.txt", "png"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "z.bmp", folder / name)
    (folder / "nothing.png").mkdir()
    return folder


def test_the_pictures_in_a_folder_are_read_in_the_order_of_their_names(edgedigits, samples, scans):
    done = edgedigits("predict", "3.png", "scans", "4.png", "--json")
    assert (done.code, done.err) == (0, "")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["file"] for line in lines] == ["3.png", *IN_SCANS, "4.png"]
    assert "".join(line["text"] for line in lines) == "3" + "12043" + "4"


def test_the_folder_one_is_in_has_files_named_as_if_given_alone(edgedigits, samples):
    done = edgedigits("predict", ".", "--json")
    assert [json.loads(line)["file"] for line in done.out.splitlines()] == sorted(
        path.name for path in samples.iterdir()
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_links_in_a_folder_are_read_and_not_walked(edgedigits, scans):
    scans.joinpath("round").symlink_to(scans)
    scans.joinpath("linked.png").symlink_to(scans / "z.bmp")
    scans.joinpath("dangling.png").symlink_to(scans / "gone.png")
    scans.joinpath("itself.png").symlink_to(scans / "itself.png")
    done = edgedigits("predict", "scans", "--json")
    told = {line["file"]: line for line in map(json.loads, done.out.splitlines())}
    links = {str(Path("scans", name)) for name in ("linked.png", "dangling.png", "itself.png")}
    assert (done.code, set(told)) == (2, {*IN_SCANS, *links})
    assert {file for file, line in told.items() if "error" in line} == links - {str(Path("scans", "linked.png"))}


@pytest.mark.parametrize("holds", ["nothing", "notes"])
def test_a_folder_without_pictures_is_one_line_and_the_others_are_read(edgedigits, samples, holds):
    empty = samples / "empty"
    (empty / "deeper").mkdir(parents=True)
    if holds == "notes":
        (empty / "deeper" / "notes.txt").write_text("notes")
    done = edgedigits("predict", "3.png", "empty", "4.png")
    assert (done.code, [line[:8] for line in done.out.splitlines()]) == (2, ["3.png: 3", "4.png: 4"])
    (line,) = done.err.splitlines()
    assert line.startswith("edgedigits: empty holds no pictures: their names end in ")
    told = [json.loads(line) for line in edgedigits("predict", "empty", "--json").out.splitlines()]
    assert [(set(line), line["file"]) for line in told] == [(ERROR, "empty")]


def test_results_in_a_file_are_what_json_prints(edgedigits, samples):
    names = ["3.png", "notes.png", "blank.png"]
    printed = edgedigits("predict", *names, "--json").out
    done = edgedigits("predict", *names, "--output", "deep/er/readings.jsonl")
    assert (done.code, done.out) == (2, "")
    assert samples.joinpath("deep", "er", "readings.jsonl").read_text() == printed
    bad, summary = done.err.splitlines()
    assert (bad[:12], "notes.png" in bad) == ("edgedigits: ", True)
    assert "3 files added to 0; 1 of them could not be read" in summary


def test_a_file_of_results_for_machines_leaves_both_streams_empty(edgedigits, samples):
    done = edgedigits("predict", "3.png", "notes.png", "--output", "readings.jsonl", "--json")
    assert done == (2, "", "")
    assert len(samples.joinpath("readings.jsonl").read_text().splitlines()) == 2


def test_files_that_have_their_line_are_passed_over(edgedigits, samples):
    readings = samples / "readings.jsonl"
    assert edgedigits("predict", "3.png", "4.png", "--output", "readings.jsonl").code == 0
    before = readings.read_text()
    # What stands in their place now would be answered otherwise.
    for name in ("3.png", "4.png"):
        shutil.copy(samples / "5.png", samples / name)
    done = edgedigits("predict", "2.png", "3.png", "4.png", "6.png", "--output", "readings.jsonl")
    assert (done.code, done.err) == (0, "readings.jsonl: 2 files added to 2; 0 of them could not be read\n")
    assert readings.read_text().startswith(before)
    assert [json.loads(line)["file"] for line in readings.read_text().splitlines()] == [
        "3.png",
        "4.png",
        "2.png",
        "6.png",
    ]


def test_a_run_cut_off_at_any_byte_goes_on_to_the_same_lines(edgedigits, samples):
    readings, asked = samples / "readings.jsonl", ["predict", "3.png", "notes.png", "4.png"]
    edgedigits(*asked, "--output", readings)
    whole = readings.read_bytes()
    line_ends = [end for end in range(len(whole)) if whole[end : end + 1] == b"\n"]
    for cut in {0, 1, 5, 15, len(whole) - 1, *(end + step for end in line_ends for step in (-1, 0, 1, 2, 20))}:
        readings.write_bytes(whole[:cut])
        assert edgedigits(*asked, "--output", readings).code == 2
        assert parsed(readings.read_bytes()) == parsed(whole)


def parsed(content):
    """Lines of JSON, what a batch rounds otherwise left out."""
    lines = [json.loads(line) for line in content.splitlines()]
    return [{key: line.get(key) for key in ("file", "text", "accepted", "reason", "error")} for line in lines]


def test_what_could_not_be_read_is_read_again_when_its_line_is_deleted(edgedigits, samples):
    readings, asked = samples / "readings.jsonl", ["predict", "notes.png", "3.png", "--output", "readings.jsonl"]
    assert edgedigits(*asked).code == 2
    shutil.copy(samples / "4.png", samples / "notes.png")
    assert edgedigits(*asked).code == 2
    lines = readings.read_text().splitlines(keepends=True)
    readings.write_text("".join(line for line in lines if '"error"' not in line))
    assert edgedigits(*asked).code == 0
    assert {line["file"]: line["text"] for line in map(json.loads, readings.read_text().splitlines())} == {
        "3.png": "3",
        "notes.png": "4",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text are those of Linux")
def test_any_file_name_is_known_again(installed, samples):
    shutil.copy(samples / "3.png", os.fsencode(samples) + b"/\xff.png")
    shutil.copy(samples / "3.png", samples / "two\nlines.png")
    for _ in range(2):
        assert installed("predict", ".", "--output", "readings.jsonl", "--json") == (2, "", "")
        lines = samples.joinpath("readings.jsonl").read_text().splitlines()
        assert len(lines) == len({json.loads(line)["file"] for line in lines}) == 14


@pytest.mark.parametrize(
    "content",
    [b"notes", b"notes\n", b"[1]\n", b'{"name": "3.png"}\n', b'{"file": []}\n', b"7\n", b"\x89PNG\r\n\0", b"[" * 99999],
    ids=range(8),
)
def test_a_file_of_something_else_is_refused_and_left_as_it_was(edgedigits, samples, content):
    edgedigits("predict", "3.png", "--output", "readings.jsonl")
    before = samples.joinpath("readings.jsonl").read_bytes()
    for start, number in ((b"", 1), (before, 2)):
        samples.joinpath("other").write_bytes(start + content)
        refusal = edgedigits("predict", "3.png", "--output", "other").refusal
        assert f"line {number} of other is not from `edgedigits predict`: give another --output" in refusal
        assert samples.joinpath("other").read_bytes() == start + content


@pytest.mark.parametrize("output", [".", "3.png/readings.jsonl"])
def test_a_place_that_cannot_be_written_to_is_one_line(edgedigits, samples, output):
    assert f"cannot write {output}: " in edgedigits("predict", "3.png", "--output", output).refusal


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_behind_a_file_of_results_is_one_line(installed, samples):
    assert "cannot write /dev/full: " in installed("predict", "3.png", "--output", "/dev/full").refusal


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are POSIX")
def test_who_reads_no_more_of_the_lines_ends_the_command_quietly(script, samples):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([script, "predict", "."], cwd=samples, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("stopped_by", ["SIGINT", "SIGKILL"])
def test_a_run_that_was_stopped_goes_on_where_it_was(installed, script, tmp_path, stopped_by):
    scans, readings = tmp_path / "scans", tmp_path / "readings.jsonl"
    scans.mkdir()
    picture = 255 - draw_digit(3, np.random.default_rng(1), 112)
    Image.fromarray(np.kron(picture, np.ones((8, 8), np.uint8))).save(scans / "000.png")
    for i in range(1, 200):
        os.link(scans / "000.png", scans / f"{i:03}.png")
    command = [script, "predict", "scans", "--output", "readings.jsonl"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        while not (readings.exists() and readings.stat().st_size):
            assert running.poll() is None
        running.send_signal(getattr(signal, stopped_by))
        _, said = running.communicate()
    expected = (130, "edgedigits: stopped") if stopped_by == "SIGINT" else (-signal.SIGKILL, "")
    assert (running.returncode, said.strip()) == expected
    before = readings.read_bytes()
    assert 0 < before.count(b"\n") < 200
    assert installed(*command[1:], "--json") == (0, "", "")
    assert readings.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    files = [json.loads(line)["file"] for line in readings.read_text().splitlines()]
    assert files == [str(Path("scans", f"{i:03}.png")) for i in range(200)]


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX")
@pytest.mark.parametrize(("count", "is_shown"), [(3, False), (40, True)])
def test_a_terminal_shows_how_many_of_many_are_done(script, samples, count, is_shown):
    folder = samples / "folder"
    folder.mkdir()
    for i in range(count):
        os.link(samples / "3.png", folder / f"{i}.png")
    said = on_a_terminal([script, "predict", "folder", "notes.png", "--output", "readings.jsonl"], samples)
    assert (f"/{count + 1}" in said) == is_shown
    assert "edgedigits: notes.png is not a picture" in said
    assert f"readings.jsonl: {count + 1} files added to 0; 1 of them could not be read" in said


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX")
def test_a_bar_leaves_what_is_answered_to_standard_output(script, samples):
    names = ["3.png"] * 40
    with samples.joinpath("answers").open("wb") as answers:
        said = on_a_terminal([script, "predict", *names], samples, stdout=answers)
    assert "/40" in said
    assert "3.png: 3" not in said
    lines = samples.joinpath("answers").read_text().splitlines()
    assert [line[:8] for line in lines] == ["3.png: 3"] * 40


def on_a_terminal(command, folder, stdout=None):
    """What a command shows on the terminal that is its standard error."""
    ours, its = os.openpty()
    variables = {**os.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=its, env=variables):
        os.close(its)
        said = b""
        # A terminal that nobody writes to any more ends in an error on Linux.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                said += part
    os.close(ours)
    return said.decode()


def test_a_model_of_lines_is_for_another_command(edgedigits):
    assert "edgedigits read --model amount" in edgedigits("predict", "x.png", "--model", "amount").refusal

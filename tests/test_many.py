import gc
import itertools
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgedigits import Recognizer
from edgedigits.errors import InputError, PictureError
from edgedigits.expectation import Expected
from edgedigits.framing import frame_picture
from edgedigits.many import read_many
from edgedigits.training.synthetic import draw_digit

RECOGNIZER = Recognizer()
DIGITS = [255 - draw_digit(digit, np.random.default_rng(digit), 56) for digit in range(10)]
BLANK = np.full((40, 30), 255, np.uint8)
WRONG = np.zeros((4, 4), np.float32)
"""What is no picture."""
MOST_AHEAD = 64
"""More pictures than two threads may have taken ahead of their answers."""
EVERY_FORMAT_AT_ONCE = """
import sys
from edgedigits import Recognizer
print("".join(reading.text for _, reading in Recognizer().read_many(sys.argv[1:], threads=8)))
"""


class Source:
    """Pictures without end, and how many of them were taken."""

    def __init__(self):
        self.taken = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.taken += 1
        return DIGITS[self.taken % 10]


def own_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("edgedigits")]


def alone(picture):
    try:
        return RECOGNIZER.read(picture)
    except PictureError as error:
        return error


def assert_alike(result, expected):
    """A frame's confidence may differ in its last bits with the batch that it is in."""
    assert type(result) is type(expected)
    if isinstance(expected, PictureError):
        assert str(result) == str(expected)
    else:
        assert (result.text, result.accepted, result.reason) == (expected.text, expected.accepted, expected.reason)
        assert result.confidence == pytest.approx(expected.confidence, abs=1e-6)
        assert [digit.box for digit in result.digits] == [digit.box for digit in expected.digits]


@pytest.fixture
def files(tmp_path):
    """Names of ten digits, `0.png` to `9.png`."""
    for digit, picture in enumerate(DIGITS):
        Image.fromarray(picture).save(tmp_path / f"{digit}.png")
    return [tmp_path / f"{digit}.png" for digit in range(10)]


@settings(max_examples=30, deadline=None)
@given(
    pictures=st.lists(st.sampled_from([*DIGITS, BLANK, WRONG, b"", b"no picture"]), max_size=80),
    threads=st.none() | st.integers(1, 5),
)
def test_each_picture_is_answered_as_if_it_were_read_alone_in_the_order_given(pictures, threads):
    answered = list(RECOGNIZER.read_many(pictures, threads=threads))
    assert len(answered) == len(pictures)
    for given_picture, (picture, result) in zip(pictures, answered, strict=True):
        assert picture is given_picture
        assert_alike(result, alone(given_picture))


def test_pictures_that_take_long_hold_their_place(files):
    large = np.kron(DIGITS[7], np.ones((40, 40), np.uint8))
    texts = [result.text for _, result in RECOGNIZER.read_many([large, *files, large, *files], threads=4)]
    assert "".join(texts) == "701234567897" + "0123456789"


def test_a_bad_file_is_reported_and_passed_over(files, tmp_path):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(files[3].read_bytes()[:60])
    given_files = [files[0], tmp_path / "missing.png", files[1], tmp_path, damaged, str(files[2])]
    answered = list(RECOGNIZER.read_many(given_files))
    assert [file for file, _ in answered] == given_files
    for file, result in answered:
        assert_alike(result, alone(file))
    assert [isinstance(result, PictureError) for _, result in answered] == [False, True, False, True, True, False]


def test_a_file_that_vanishes_before_its_turn_is_reported(files):
    answers = RECOGNIZER.read_many([*files, *(path for path in files for _ in range(20))], threads=1)
    next(answers)
    for path in files:
        path.unlink()
    results = [result for _, result in answers]
    assert len(results) == 209
    assert "cannot open" in str(results[-1])


def test_endless_pictures_are_answered_with_few_taken_ahead():
    source = Source()
    answers = RECOGNIZER.read_many(source, threads=2)
    for answered in range(1, 501):
        next(answers)
        assert source.taken - answered <= MOST_AHEAD
    answers.close()


def test_nothing_starts_before_the_first_answer_is_asked_for():
    source, before = Source(), own_threads()
    answers = RECOGNIZER.read_many(source)
    assert (source.taken, own_threads()) == (0, before)
    answers.close()
    assert (source.taken, own_threads()) == (0, before)


def test_no_more_threads_run_than_asked_for_and_none_is_left():
    running = set()
    for _ in RECOGNIZER.read_many(DIGITS * 20, threads=3):
        running.update(own_threads())
    assert 1 <= len(running) <= 3
    assert own_threads() == []


def test_who_stops_early_leaves_no_thread_and_takes_no_more():
    source = Source()
    answers = RECOGNIZER.read_many(source, threads=2)
    for _ in answers:
        break
    answers.close()
    taken = source.taken
    assert own_threads() == []
    assert taken <= MOST_AHEAD
    assert list(answers) == []
    assert source.taken == taken


def test_who_forgets_the_answers_leaves_no_thread():
    for _ in RECOGNIZER.read_many(Source(), threads=2):
        break
    gc.collect()
    assert own_threads() == []


@pytest.mark.parametrize("before", [0, 1, 50])
def test_an_error_among_the_pictures_comes_after_the_answers_to_those_before_it(before):
    def pictures():
        yield from itertools.islice(itertools.cycle(DIGITS), before)
        raise LookupError("the list ends here")

    texts, answers = [], RECOGNIZER.read_many(pictures())
    with pytest.raises(LookupError, match="the list ends here"):
        texts.extend(result.text for _, result in answers)
    assert "".join(texts) == ("0123456789" * 5)[:before]
    assert own_threads() == []


def test_an_error_of_a_check_comes_after_the_answers_to_the_pictures_before_it():
    cheque, answers = Path(__file__).parent.parent / "examples" / "amounts" / "cheque.png", []

    def check(_):
        if answers:
            raise LookupError("the database is away")
        return True

    reading = Recognizer("amount").read_many([cheque] * 3, expected=Expected(check=check))
    with pytest.raises(LookupError, match="the database is away"):
        answers.extend(result.text for _, result in reading)
    assert answers == ["48250"]
    assert own_threads() == []


def test_ctrl_c_while_the_next_picture_is_awaited_stops_at_once():
    def pictures():
        yield DIGITS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(RECOGNIZER.read_many(pictures()))
    assert own_threads() == []


def test_pictures_that_come_slowly_are_answered_as_they_come():
    answered_when_asked, answered = [], 0

    def pictures():
        for digit in range(4):
            answered_when_asked.append(answered)
            time.sleep(0.5)
            yield DIGITS[digit]

    for _ in RECOGNIZER.read_many(pictures()):
        answered += 1
    assert answered_when_asked == [0, 1, 2, 3]


def test_errors_that_are_kept_hold_no_pictures():
    large, count = 1 << 20, 20
    tracemalloc.start()
    try:
        errors = [error for _, error in RECOGNIZER.read_many(bytes([i]) * large for i in range(1, count + 1))]
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [type(error) for error in errors] == [PictureError] * count
    assert held < count * large / 4


def test_an_answer_waits_for_no_straggler_behind_it():
    second_began, first_answered = threading.Event(), threading.Event()

    def frame(picture):
        if picture is BLANK:
            second_began.set()
            assert first_answered.wait(60)
        else:
            assert second_began.wait(60)
        return frame_picture(picture)

    answers = read_many([DIGITS[3], BLANK], frame, list, threads=2)
    assert next(answers)[0] is DIGITS[3]
    first_answered.set()
    assert next(answers)[0] is BLANK


def test_no_pictures_have_no_answers():
    assert list(RECOGNIZER.read_many([])) == []


def test_several_can_run_side_by_side():
    pairs = zip(RECOGNIZER.read_many(DIGITS * 5), RECOGNIZER.read_many(DIGITS[::-1] * 5), strict=True)
    texts = [(one.text, other.text) for (_, one), (_, other) in pairs]
    assert "".join(one for one, _ in texts) == "0123456789" * 5
    assert "".join(other for _, other in texts) == "9876543210" * 5


def test_decoders_of_every_format_can_be_loaded_at_once(program, tmp_path):
    names = [f"{suffix}.{suffix}" for suffix in ("png", "jpg", "bmp", "gif", "pgm", "tif", "webp", "jp2")]
    for digit, name in enumerate(names):
        Image.fromarray(DIGITS[digit]).save(tmp_path / name)
    done = program(sys.executable, "-c", EVERY_FORMAT_AT_ONCE, *names)
    assert done.out == "01234567\n", done.err


@pytest.mark.parametrize("one", ["seven.png", b"\x89PNG"])
def test_one_picture_is_not_many(one):
    with pytest.raises(InputError, match=r"\Aone picture is not many: [^\n]+\Z"):
        RECOGNIZER.read_many(one)


@pytest.mark.parametrize("threads", [0, -1])
def test_without_threads_nothing_can_be_read(threads):
    with pytest.raises(InputError, match=rf"\A{threads} threads read nothing: [^\n]+\Z"):
        RECOGNIZER.read_many(DIGITS, threads=threads)

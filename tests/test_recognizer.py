import io
import itertools
import json
import logging
import pickle
import re
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from edgedigits import Recognizer
from edgedigits.errors import ArtifactError, ClosedError, FramesError, InputError, UnknownNameError, UnpromisedError
from edgedigits.framing import frame_picture
from edgedigits.models import shipped_file
from edgedigits.pictures import open_picture
from edgedigits.strokes import frame_strokes
from edgedigits.training.data import load_digits
from edgedigits.training.nondigits import KINDS, draw_nondigits
from edgedigits.training.synthetic import draw_digit, synthetic_digits

MAX_ERRORS = (0.025, 0.03, 0.05, 0.1, 0.3)
RECOGNIZER = Recognizer()
SURE = 0.8
batches = st.integers(0, 5).flatmap(lambda n: arrays(np.uint8, (n, 28, 28)))
drawn = st.builds(
    lambda digit, seed: 255 - draw_digit(digit, np.random.default_rng(seed), 56),
    st.integers(0, 9),
    st.integers(0, 1000),
)
THREADS = """
import os
import onnxruntime  # starts one of its own when it is imported
import numpy as np
from edgedigits import Recognizer
before = len(os.listdir("/proc/self/task"))
Recognizer().classify(np.zeros((100, 28, 28), np.uint8))
print(len(os.listdir("/proc/self/task")) - before)
"""
FORK = """
import multiprocessing
import numpy as np
from edgedigits import Recognizer
from edgedigits.training.synthetic import synthetic_digits

def classify(part):
    return recognizer.classify(part).probabilities

recognizer = Recognizer()
frames, _ = synthetic_digits(60, seed=1)
own = classify(frames)
with multiprocessing.get_context("fork").Pool(2) as children:
    theirs = np.concatenate(children.map(classify, np.array_split(frames, 4)))
print(np.array_equal(own, theirs))
"""
FORK_IN_THE_MIDST = """
import os
import signal
import threading
import numpy as np
from edgedigits import Recognizer
from edgedigits.training.synthetic import synthetic_digits

def keep_busy():
    while not stop.is_set():
        recognizer.classify(many)

def answer():
    signal.alarm(60)  # a child that waits for a thread it has not would wait for ever
    code = 2
    try:
        code = int(not np.array_equal(recognizer.classify(frames).probabilities, own))
        recognizer.close()
    finally:
        os._exit(code)

recognizer = Recognizer()
frames, _ = synthetic_digits(20, seed=1)
many, own = np.concatenate([frames] * 12), recognizer.classify(frames).probabilities
stop, codes = threading.Event(), set()
threads = [threading.Thread(target=keep_busy) for _ in range(4)]
for thread in threads:
    thread.start()
try:
    for _ in range(60):
        codes.add(os.waitpid(os.fork() or answer(), 0)[1])
finally:
    stop.set()
print(codes, np.array_equal(recognizer.classify(frames).probabilities, own))
"""
STROKES = [[(46, 8), (24, 2), (4, 22), (14, 42), (38, 36), (50, 16), (52, 56), (54, 100)]]
"""A nine."""


@pytest.fixture(scope="module")
def frames():
    return synthetic_digits(200, seed=5)[0]


@pytest.fixture(scope="module")
def taught(trusted):
    """A recognizer whose model was taught what is no digit, and was validated."""
    return Recognizer(trusted["onnx"].path)


@pytest.fixture
def biased(trusted_checkpoint, test_digits, tmp_path):
    """Make a recognizer of the same model with the logit of no digit raised, or lowered."""
    from edgedigits.export.exporting import export_checkpoint
    from edgedigits.export.formats import find_format

    def make(by):
        bias = trusted_checkpoint.weights["head.bias"].clone()
        bias[10] += by
        mine = replace(trusted_checkpoint, weights={**trusted_checkpoint.weights, "head.bias": bias})
        path = tmp_path / "biased.onnx"
        export_checkpoint(mine, "biased", path, row=find_format("onnx"), precision="fp32", digits=test_digits)
        return Recognizer(path)

    return make


@settings(deadline=None)
@given(frames=batches)
def test_predictions_are_what_their_documentation_says(frames):
    predictions = RECOGNIZER.classify(frames)
    n = len(frames)
    assert [(a.shape, a.dtype) for a in (predictions.digits, predictions.confidence, predictions.accepted)] == [
        ((n,), np.int64),
        ((n,), np.float32),
        ((n,), np.bool_),
    ]
    assert (predictions.probabilities.shape, predictions.probabilities.dtype) == ((n, 10), np.float32)
    assert (predictions.probabilities.sum(axis=1) <= 1 + 1e-5).all()
    np.testing.assert_array_equal(predictions.confidence, predictions.probabilities[range(n), predictions.digits])
    likelier_none = 1 - predictions.probabilities.sum(axis=1) > predictions.confidence
    expected = (predictions.confidence >= RECOGNIZER.threshold) & ~likelier_none
    np.testing.assert_array_equal(predictions.accepted, expected)
    assert len(json.loads(json.dumps(predictions.to_dict()))["digits"]) == n


@settings(deadline=None)
@given(frames=batches)
def test_a_frame_is_answered_alike_alone_and_among_others(frames):
    together = RECOGNIZER.classify(frames).probabilities
    alone = [RECOGNIZER.classify(frame[np.newaxis]).probabilities[0] for frame in frames]
    np.testing.assert_allclose(together, np.reshape(alone, (-1, 10)), atol=1e-6)


def test_arrays_laid_out_in_any_way_are_classified_alike(frames):
    expected = RECOGNIZER.classify(frames).probabilities
    fixed = frames.copy()
    fixed.flags.writeable = False
    spread = np.zeros((len(frames), 56, 84), np.uint8)
    spread[:, ::2, ::3] = frames
    for laid_out in (fixed, np.asfortranarray(frames), spread[:, ::2, ::3], frames[::-1].copy()[::-1]):
        np.testing.assert_array_equal(RECOGNIZER.classify(laid_out).probabilities, expected)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (np.zeros((2, 28, 28), np.float32), "float32 [2, 28, 28]"),
        (np.zeros((2, 28, 28), np.int8), "int8 [2, 28, 28]"),
        (np.zeros((2, 28, 28), bool), "bool [2, 28, 28]"),
        (np.zeros((28, 28), np.uint8), "uint8 [28, 28]"),
        (np.zeros((1, 1, 28, 28), np.uint8), "uint8 [1, 1, 28, 28]"),
        (np.zeros((2, 784), np.uint8), "uint8 [2, 784]"),
        (np.uint8(3), "uint8"),
        (np.zeros((), np.uint8), "uint8 []"),
        ([[0] * 28] * 28, "list"),
        (None, "NoneType"),
    ],
)
def test_what_are_no_frames_is_told(wrong, found):
    with pytest.raises(FramesError) as caught:
        RECOGNIZER.classify(wrong)
    assert str(caught.value) == f"frames must be a uint8 array [n, 28, 28], not {found}"


def test_the_digits_that_were_drawn_are_read():
    readings = [RECOGNIZER.read(255 - draw_digit(d, np.random.default_rng(1), 112)) for d in range(10)]
    assert "".join(reading.text for reading in readings) == "0123456789"
    assert all(reading.accepted for reading in readings)


@settings(deadline=None)
@given(picture=drawn)
@example(picture=255 - draw_digit(0, np.random.default_rng(320), 56))  # reads as no digit
def test_a_reading_agrees_with_itself(picture):
    reading = RECOGNIZER.read(picture)
    (digit,) = reading.digits
    assert reading.text == ("" if reading.reason == "no digit" else str(digit.value))
    assert (reading.confidence, reading.accepted, reading.reason) == (digit.confidence, digit.accepted, digit.reason)
    assert reading.accepted == (reading.confidence >= RECOGNIZER.card.accept_threshold)
    assert reading.reason in ({None} if reading.accepted else {"unsure", "no digit"})
    assert digit.runner_up != digit.value
    assert json.loads(json.dumps(reading.to_dict()))["text"] == reading.text


@settings(deadline=None)
@given(picture=drawn)
def test_the_same_picture_reads_alike_however_it_is_given(tmp_path_factory, picture):
    image, file = Image.fromarray(picture), io.BytesIO()
    image.save(file, "PNG")
    path = tmp_path_factory.getbasetemp() / "digit.png"
    path.write_bytes(file.getvalue())
    ways = (picture, image, file.getvalue(), path, str(path), np.stack([picture] * 3, axis=2))
    assert len({RECOGNIZER.read(way) for way in ways}) == 1


@settings(deadline=None)
@given(picture=drawn)
def test_light_on_dark_reads_as_dark_on_light(picture):
    assert RECOGNIZER.read(255 - picture) == RECOGNIZER.read(picture)


@settings(deadline=None)
@given(picture=drawn, margins=st.tuples(*[st.integers(0, 99)] * 4))
def test_more_paper_around_it_keeps_the_digit(picture, margins):
    left, top, right, bottom = margins
    plain = RECOGNIZER.read(picture)
    assume(plain.accepted)
    padded = RECOGNIZER.read(np.pad(picture, ((top, bottom), (left, right)), constant_values=255))
    assert padded.text == plain.text
    assert padded.digits[0].box == tuple(np.add(plain.digits[0].box, (left, top, left, top)))


@settings(deadline=None)
@given(picture=drawn, times=st.integers(10, 20))
def test_a_picture_that_is_shrunk_first_keeps_the_digit(picture, times):
    plain = RECOGNIZER.read(picture)
    assume(plain.accepted and plain.confidence > SURE)
    assert RECOGNIZER.read(picture.repeat(times, axis=0).repeat(times, axis=1)).text == plain.text


@settings(deadline=None)
@given(picture=drawn, times=st.integers(2, 8))
def test_a_picture_enlarged_keeps_the_digit(picture, times):
    plain = RECOGNIZER.read(picture)
    # Where two digits are about as likely, rounding decides.
    assume(plain.accepted and plain.confidence > SURE)
    enlarged = RECOGNIZER.read(picture.repeat(times, axis=0).repeat(times, axis=1))
    assert enlarged.text == plain.text
    assert enlarged.digits[0].box == tuple(times * edge for edge in plain.digits[0].box)


@pytest.mark.parametrize("grey", [0, 1, 127, 128, 254, 255])
def test_an_empty_picture_reads_as_blank(grey):
    reading = RECOGNIZER.read(np.full((40, 30), grey, np.uint8))
    assert (reading.text, reading.confidence, reading.accepted, reading.reason) == ("", 0.0, False, "blank")
    assert reading.digits == ()


def test_dust_on_an_empty_page_is_not_trusted():
    page = np.full((512, 512), 255, np.uint8)
    page[3, 3] = page[508, 508] = 0
    assert not RECOGNIZER.read(page).accepted


def test_threads_can_share_a_recognizer(frames):
    expected = RECOGNIZER.classify(frames).probabilities
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: RECOGNIZER.classify(frames).probabilities, range(32)))
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


@pytest.mark.skipif(sys.platform == "win32", reason="fork is POSIX")
def test_children_forked_while_threads_of_the_parent_read_answer_as_it_does(program):
    done = program(sys.executable, "-W", "ignore", "-c", FORK_IN_THE_MIDST)
    assert done.out == "{0} True\n", done.err


def test_what_is_asked_of_a_closed_recognizer_is_told():
    recognizer = Recognizer()
    recognizer.close()
    asks = (
        lambda: recognizer.classify(np.zeros((1, 28, 28), np.uint8)),
        lambda: recognizer.classify(np.zeros((0, 28, 28), np.uint8)),
        lambda: recognizer.read(255 - draw_digit(3, np.random.default_rng(1), 56)),
        lambda: recognizer.read(np.zeros((40, 30), np.uint8)),
        lambda: recognizer.read_strokes(STROKES),
        lambda: recognizer.read_strokes([]),
        lambda: list(recognizer.read_many([np.zeros((40, 30), np.uint8)])),
        recognizer.warmup,
    )
    for ask in asks:
        with pytest.raises(ClosedError, match=r"\ARecognizer\('small'\) was closed: make another\Z"):
            ask()
    recognizer.close()


def test_a_context_ends_with_the_recognizer_closed(frames):
    with Recognizer() as recognizer:
        assert len(recognizer.classify(frames)) == len(frames)
    with pytest.raises(ClosedError):
        recognizer.classify(frames)
    assert (recognizer.card, recognizer.threshold) == (RECOGNIZER.card, RECOGNIZER.threshold)


def test_a_context_that_fails_passes_the_error_on(frames):
    with pytest.raises(LookupError, match="in the midst"), Recognizer() as recognizer:
        raise LookupError("in the midst")
    with pytest.raises(ClosedError):
        recognizer.classify(frames)


def test_closing_one_closes_no_other(frames):
    expected = RECOGNIZER.classify(frames).probabilities
    recognizer = Recognizer()
    copy = pickle.loads(pickle.dumps(recognizer))
    recognizer.close()
    for other in (copy, Recognizer()):
        np.testing.assert_array_equal(other.classify(frames).probabilities, expected)


def test_a_recognizer_closed_while_threads_read_answers_or_is_closed(frames):
    expected, recognizer = RECOGNIZER.classify(frames).probabilities, Recognizer()
    asked = threading.Event()

    def read_on():
        answers = []
        while True:
            try:
                answers.append(recognizer.classify(frames).probabilities)
            except ClosedError:
                return answers
            asked.set()

    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(read_on) for _ in range(4)]
        assert asked.wait(60)
        recognizer.close()
    answers = [answer for each in reading for answer in each.result()]
    assert answers
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


def test_warming_up_changes_no_answer(frames):
    warm, cold = Recognizer(), Recognizer()
    picture = 255 - draw_digit(3, np.random.default_rng(1), 112)
    assert warm.warmup() is None
    np.testing.assert_array_equal(warm.classify(frames).probabilities, cold.classify(frames).probabilities)
    assert warm.read(picture) == cold.read(picture)
    assert warm.read_strokes(STROKES) == cold.read_strokes(STROKES)
    assert pickle.dumps(warm) == pickle.dumps(cold)


def test_strokes_are_read_as_their_frame_is_classified():
    reading = RECOGNIZER.read_strokes(STROKES)
    framing = frame_strokes(STROKES)
    predictions = RECOGNIZER.classify(framing.frame[np.newaxis])
    assert (reading.text, reading.accepted, reading.reason) == ("9", True, None)
    assert (reading.confidence, reading.digits[0].box) == (predictions.confidence[0], framing.box)
    nothing = RECOGNIZER.read_strokes([])
    assert (nothing.text, nothing.accepted, nothing.reason, nothing.digits) == ("", False, "blank", ())


@pytest.mark.parametrize("depth", [9, 20, 31])
def test_a_digit_too_faint_to_read_is_told_from_none(depth):
    faint = 255 - (draw_digit(3, np.random.default_rng(1), 112) >= 128).astype(np.uint8) * depth
    reading = RECOGNIZER.read(faint.astype(np.uint8))
    assert (reading.text, reading.accepted, reading.reason, reading.digits) == ("", False, "low contrast", ())


@pytest.mark.parametrize("side", range(4))
def test_a_digit_cut_through_is_refused_whatever_it_looks_like(side):
    rows = np.flatnonzero((zero := 255 - draw_digit(0, np.random.default_rng(1), 112)).min(axis=1) < 128)
    reading = RECOGNIZER.read(np.ascontiguousarray(np.rot90(zero[int(rows.mean()) :], side)))
    assert (reading.accepted, reading.reason, len(reading.digits)) == (False, "cut off", 1)


def test_digits_that_the_border_ends_are_accepted_or_doubted(taught):
    reasons = set()
    for seed in range(60):
        picture = 255 - draw_digit(seed % 10, np.random.default_rng(seed), 112)
        reading = taught.read(picture[np.flatnonzero(picture.min(axis=1) < 128)[0] :])
        assert reading.accepted == (reading.reason is None)
        reasons.add(reading.reason)
    assert reasons == {None, "cut off"}


def test_two_digits_are_none():
    pair = np.hstack([255 - draw_digit(digit, np.random.default_rng(1), 112) for digit in (4, 2)])
    reading = RECOGNIZER.read(pair)
    assert (reading.text, reading.confidence, reading.reason, reading.digits) == ("", 0.0, "several digits", ())


def test_a_pickled_recognizer_needs_no_file_and_answers_alike(tmp_path, frames):
    path = tmp_path / "mine.onnx"
    path.write_bytes(shipped_file("paper").read_bytes())
    recognizer = Recognizer(path)
    pickled = pickle.dumps(recognizer)
    path.unlink()
    copy = pickle.loads(pickled)
    assert (repr(copy), copy.card) == (repr(recognizer), recognizer.card)
    np.testing.assert_array_equal(copy.classify(frames).probabilities, recognizer.classify(frames).probabilities)


@pytest.mark.skipif(sys.platform == "win32", reason="fork is POSIX")
def test_children_of_a_fork_answer_as_their_parent(program):
    done = program(sys.executable, "-c", FORK)
    assert done.out == "True\n", done.err


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_recognizer_starts_no_thread(program):
    done = program(sys.executable, "-c", THREADS)
    assert done.out == "0\n", done.err


def test_the_host_is_left_as_it_was(frames):
    def state():
        root = logging.getLogger()
        drawn_next = np.random.get_state()[1].tolist()  # noqa: NPY002  the global state is what must stay
        return warnings.filters[:], np.geterr(), root.handlers[:], root.level, Image.MAX_IMAGE_PIXELS, drawn_next

    before = state()
    recognizer = Recognizer()
    recognizer.classify(frames)
    recognizer.read(255 - frames[0])
    assert state() == before


def test_a_model_is_a_shipped_name_or_a_path(tmp_path, frames):
    path = tmp_path / "mine.onnx"
    path.write_bytes(shipped_file("paper").read_bytes())
    expected = Recognizer("paper").classify(frames).probabilities
    for model in (path, str(path)):
        np.testing.assert_array_equal(Recognizer(model).classify(frames).probabilities, expected)


def test_an_unknown_model_is_told_from_the_known():
    with pytest.raises(UnknownNameError, match="unknown model 'papr': did you mean 'paper'"):
        Recognizer("papr")


def test_a_model_file_that_is_not_there_is_named():
    with pytest.raises(ArtifactError, match=r"cannot open missing\.onnx: "):
        Recognizer("missing.onnx")


def test_the_shipped_model_is_as_accurate_on_mnist_as_its_card_says(mnist_root):
    test = load_digits("mnist", "test", mnist_root)
    predictions, said = RECOGNIZER.classify(test.frames), RECOGNIZER.card.accuracy
    right = predictions.digits == test.labels
    assert (said.dataset, said.n) == ("mnist", len(test))
    # Another processor may round a frame at the edge the other way.
    assert abs(int(right.sum()) - said.correct) <= 1
    assert predictions.accepted.mean() == pytest.approx(said.coverage, abs=2e-4)
    assert abs(int((~right & predictions.accepted).sum()) - said.accepted_errors) <= 1


@pytest.mark.parametrize("polarity", ["light on dark", "dark on light"])
def test_frames_of_mnist_read_as_pictures_are_classified_alike(mnist_root, polarity):
    digits = load_digits("mnist", "train", mnist_root)
    frames = digits.frames[:2000]
    classified = RECOGNIZER.classify(frames).digits
    pictures = 255 - frames if polarity == "dark on light" else frames
    read = np.array([RECOGNIZER.read(picture).digits[0].value for picture in pictures])
    # A picture's thick strokes are thinned, a frame's are not.
    assert np.mean(classified == read) >= 0.997
    assert np.mean(read == digits.labels[:2000]) >= np.mean(classified == digits.labels[:2000]) - 0.001


def test_more_frames_than_go_through_at_once_are_answered_in_order():
    few, _ = synthetic_digits(100, seed=5)
    once, many = RECOGNIZER.classify(few), RECOGNIZER.classify(np.concatenate([few] * 6))
    np.testing.assert_array_equal(many.digits, np.tile(once.digits, 6))
    np.testing.assert_allclose(many.probabilities, np.tile(once.probabilities, (6, 1)), atol=1e-6)


@settings(deadline=None)
@given(frames=batches)
def test_where_no_digit_is_an_answer_the_ten_probabilities_leave_room_for_it(taught, frames):
    predictions = taught.classify(frames)
    assert predictions.probabilities.shape == (len(frames), 10)
    assert (predictions.probabilities >= 0).all()
    assert (predictions.probabilities.sum(axis=1) <= 1 + 1e-6).all()
    np.testing.assert_array_equal(predictions.confidence, predictions.probabilities.max(axis=1, initial=0))


@pytest.mark.parametrize("max_error", MAX_ERRORS)
def test_an_error_rate_sets_the_threshold_that_the_card_promises_it_by(trusted, taught, test_digits, max_error):
    threshold = taught.card.risk.threshold_for(max_error)
    predictions = Recognizer(trusted["onnx"].path, max_error=max_error).classify(test_digits.frames)
    np.testing.assert_array_equal(predictions.probabilities, taught.classify(test_digits.frames).probabilities)
    assert (predictions.confidence[predictions.accepted] >= threshold).all()
    # What is likelier no digit than any is left aside: whether that may be accepted is not a threshold's business.
    clear = predictions.confidence >= 0.5
    np.testing.assert_array_equal(predictions.accepted[clear], predictions.confidence[clear] >= threshold)


def test_who_puts_up_with_more_errors_has_all_that_was_accepted_and_more(trusted, test_digits):
    accepted = [
        Recognizer(trusted["onnx"].path, max_error=max_error).classify(test_digits.frames).accepted
        for max_error in MAX_ERRORS
    ]
    for stricter, laxer in itertools.pairwise(accepted):
        assert not (stricter & ~laxer).any()
    assert accepted[0].sum() < accepted[-1].sum()


def test_without_an_error_rate_the_threshold_is_the_cards(taught, test_digits):
    predictions = taught.classify(test_digits.frames)
    likelier_none = 1 - predictions.probabilities.sum(axis=1) > predictions.confidence
    expected = (predictions.confidence >= taught.card.accept_threshold) & ~likelier_none
    np.testing.assert_array_equal(predictions.accepted, expected)


def test_what_is_likelier_no_digit_is_accepted_at_no_error_rate(trusted, test_digits):
    lax = Recognizer(trusted["onnx"].path, max_error=0.99)
    frames, _ = draw_nondigits(test_digits, 200, seed=9)
    predictions = lax.classify(frames)
    assert not predictions.accepted[1 - predictions.probabilities.sum(axis=1) > predictions.confidence].any()
    assert predictions.accepted.mean() < 0.5


def test_an_error_rate_too_low_to_be_promised_is_refused_with_the_least_that_can(trusted):
    with pytest.raises(UnpromisedError, match=r"\Aan error rate of 0\.01% cannot be promised [^\n]+\Z") as refused:
        Recognizer(trusted["onnx"].path, max_error=0.0001)
    least = float(re.search(r"the least is ([\d.]+)%", str(refused.value))[1]) / 100
    assert Recognizer(trusted["onnx"].path, max_error=least)


@pytest.mark.parametrize("max_error", [0, 1, -0.5, 5, float("nan"), float("inf")])
def test_what_is_no_error_rate_is_refused(trusted, max_error):
    with pytest.raises(InputError, match=r"\Aan error rate of \S+ makes no sense: [^\n]+\Z"):
        Recognizer(trusted["onnx"].path, max_error=max_error)


def test_a_model_that_was_validated_on_nothing_promises_nothing():
    with pytest.raises(UnpromisedError, match=r"\Apaper was validated on nothing, [^\n]+\Z"):
        Recognizer("paper", max_error=0.01)


def test_a_pickled_recognizer_keeps_to_its_error_rate(trusted, taught, test_digits):
    recognizer = Recognizer(trusted["onnx"].path, max_error=0.05)
    copy = pickle.loads(pickle.dumps(recognizer))
    accepted = recognizer.classify(test_digits.frames).accepted
    np.testing.assert_array_equal(copy.classify(test_digits.frames).accepted, accepted)
    assert accepted.sum() < taught.classify(test_digits.frames).accepted.sum()


@pytest.mark.parametrize("max_error", [*MAX_ERRORS, 0.6, 0.9, 0.99])
def test_a_reading_is_accepted_where_its_frame_is(trusted, test_digits, max_error):
    recognizer = Recognizer(trusted["onnx"].path, max_error=max_error)
    nondigits, _ = draw_nondigits(test_digits, 100, seed=9)
    pictures = [255 - frame for frame in (*test_digits.frames, *nondigits)]
    frames = np.stack([frame_picture(picture).frame for picture in pictures])
    predictions, readings = recognizer.classify(frames), [recognizer.read(picture) for picture in pictures]
    np.testing.assert_array_equal([reading.accepted for reading in readings], predictions.accepted)
    np.testing.assert_array_equal([reading.digits[0].value for reading in readings], predictions.digits)
    assert [reading.confidence for reading in readings] == pytest.approx(predictions.confidence.tolist(), abs=1e-6)


def test_thresholds_below_one_half_are_tried_too(trusted):
    assert Recognizer(trusted["onnx"].path, max_error=0.99).threshold < 0.5


def test_what_is_no_digit_is_told_apart_from_what_is_hard_to_read(taught, test_digits):
    frames, kinds = draw_nondigits(test_digits, 200, seed=9)
    readings = [taught.read(frame) for frame in frames]
    probabilities = taught.classify(frames).probabilities
    assert np.mean([reading.reason == "no digit" for reading in readings]) > 0.5
    assert np.mean([taught.read(frame).reason == "no digit" for frame in test_digits.frames]) < 0.1
    for kind in ("scribble", "texture"):
        told = [reading.reason for reading, place in zip(readings, kinds, strict=True) if KINDS[place] == kind]
        assert told.count("no digit") > told.count(None)
    assert (probabilities.sum(axis=1) < 0.5).mean() > 0.5


@settings(deadline=None)
@given(picture=drawn | arrays(np.uint8, (30, 30)))
def test_the_reason_is_what_the_probabilities_say(taught, picture):
    reading = taught.read(picture)
    assume(reading.digits)
    (digit,) = reading.digits
    assert (reading.reason, reading.accepted) == (digit.reason, digit.accepted)
    assert (reading.reason is None) == reading.accepted
    frame = frame_picture(open_picture(picture)).frame
    (probabilities,) = taught.classify(frame[np.newaxis]).probabilities
    assert reading.confidence == probabilities.max()
    is_none = 1 - float(probabilities.sum()) > reading.confidence
    if reading.reason != "cut off":
        assert reading.accepted == (not is_none and reading.confidence >= taught.threshold)
        assert (reading.reason == "no digit") == is_none
    assert (reading.text == "") == is_none


def test_a_model_that_sees_no_digits_anywhere_accepts_none_and_still_says_which_it_is_most_like(biased):
    recognizer = biased(30)
    for value in range(10):
        reading = recognizer.read(draw_digit(value, np.random.default_rng(1), 112))
        assert (reading.accepted, reading.reason) == (False, "no digit")
        assert (reading.text, len(reading.digits)) == ("", 1)
        assert reading.confidence < 0.01


def test_a_model_that_takes_everything_for_a_digit_never_says_no_digit(biased, test_digits):
    recognizer = biased(-60)
    frames, _ = draw_nondigits(test_digits, 50, seed=9)
    assert {recognizer.read(frame).reason for frame in frames} <= {None, "unsure", "cut off"}
    np.testing.assert_allclose(recognizer.classify(frames).probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_threshold_in_use_and_the_error_rate_asked_for_can_be_seen(trusted):
    path = trusted["onnx"].path
    usual, strict = Recognizer(path), Recognizer(path, max_error=0.05)
    assert usual.threshold == usual.card.accept_threshold
    assert strict.threshold == strict.card.risk.threshold_for(0.05) > usual.threshold
    assert repr(strict) == f"Recognizer({str(path)!r}, max_error=0.05)"


def test_what_adds_up_to_one_does_so_for_a_model_that_knows_digits_alone(test_digits):
    probabilities = Recognizer("paper").classify(test_digits.frames).probabilities
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)

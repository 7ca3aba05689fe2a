"""Artifacts that take a picture and frame it themselves, held against the runner."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgedigits.errors import ArtifactError
from edgedigits.export import onnx
from edgedigits.export.deployable import Deployable
from edgedigits.export.exporting import export_checkpoint, verify_artifact
from edgedigits.export.formats import find_format
from edgedigits.export.image import framed, image_probes
from edgedigits.export.quantisation import quantise
from edgedigits.recognizer import Recognizer
from edgedigits.training.synthetic import draw_digit


@pytest.fixture(scope="module")
def made(trusted_checkpoint, test_digits, tmp_path_factory):
    """An artifact for frames, and one for an image, of one checkpoint."""
    folder = tmp_path_factory.mktemp("image")

    def export(takes):
        path = folder / f"{takes}.onnx"
        row = find_format("onnx")
        return export_checkpoint(
            trusted_checkpoint, "mine", path, row=row, precision="fp32", digits=test_digits, takes=takes
        )

    return {takes: export(takes) for takes in ("frames", "image")}


@pytest.fixture(scope="module")
def session(made):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(made["image"].path, options)


@pytest.fixture(scope="module")
def recognizer(made):
    return Recognizer(made["frames"].path)


def _assert_read_alike(session, recognizer, picture):
    (answer,) = session.run(None, {"image": picture})[0]
    reading = recognizer.read(picture)
    if reading.reason == "blank":
        assert not answer.any()
        return
    (digit,) = reading.digits
    assert answer.argmax() == digit.value
    assert answer.max() == pytest.approx(digit.confidence, abs=1e-5)


def _drawn(value, shape, seed):
    """A light digit across a dark picture of any shape."""
    ink = draw_digit(value, np.random.default_rng(seed), 56)
    rows, columns = (np.arange(side) * 56 // side for side in shape)
    return np.ascontiguousarray(ink[np.ix_(rows, columns)])


drawings = st.builds(
    _drawn, st.integers(0, 9), st.tuples(st.integers(10, 200), st.integers(10, 200)), st.integers(0, 99)
)


@settings(max_examples=40, deadline=None)
@given(picture=drawings, is_dark=st.booleans())
def test_a_picture_is_read_as_the_runner_reads_it(session, recognizer, picture, is_dark):
    _assert_read_alike(session, recognizer, 255 - picture if is_dark else picture)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (28, 28), (513, 400), (700, 1100)])
@pytest.mark.parametrize("is_dark", [True, False])
def test_small_and_large_pictures_are_read_as_the_runner_reads_them(session, recognizer, shape, is_dark):
    picture = _drawn(3, shape, 1)
    _assert_read_alike(session, recognizer, 255 - picture if is_dark else picture)


def test_a_picture_from_a_file_is_read_as_the_runner_reads_it(session, recognizer, pictures):
    for path in sorted(pictures.glob("*/0.png")):
        with Image.open(path) as image:
            picture = np.asarray(image.convert("L"))
        (answer,) = session.run(None, {"image": picture})[0]
        (digit,) = recognizer.read(path).digits
        assert (answer.argmax(), answer.max()) == (digit.value, pytest.approx(digit.confidence, abs=1e-5))


@pytest.mark.parametrize("grey", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (600, 20)])
def test_a_blank_picture_gives_zeros(session, recognizer, grey, shape):
    picture = np.full(shape, grey, np.uint8)
    assert recognizer.read(picture).reason == "blank"
    answer = session.run(None, {"image": picture})[0]
    assert (answer.shape, answer.dtype) == ((1, 10), np.float32)
    assert not answer.any()


def test_input_and_output_are_those_of_the_design(session):
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", ["height", "width"])
    assert (probabilities.name, probabilities.type, probabilities.shape) == ("probabilities", "tensor(float)", [1, 10])


def test_the_runner_refuses_it_and_says_what_to_do(made):
    with pytest.raises(ArtifactError, match="frames it itself, for other programs: export one for frames") as refused:
        Recognizer(made["image"].path)
    assert "\n" not in str(refused.value)


def test_it_was_held_against_the_checkpoint_on_pictures_too(made, trusted_checkpoint, test_digits):
    parity = made["image"].parity
    assert parity.passed
    assert {name for name, _ in image_probes()} <= set(parity.probes)
    assert not {name for name, _ in image_probes()} & set(made["frames"].parity.probes)
    verified = verify_artifact(made["image"].path, trusted_checkpoint, test_digits)
    assert verified.passed, verified.card_errors
    assert (verified.parity, verified.card) == (parity, made["image"].card)
    assert verified.card.takes == "image"
    assert "--input image" in verified.card.provenance["command"]


def test_int8_takes_an_image_too(made, trusted_checkpoint, train_digits, tmp_path, recognizer):
    deployable = Deployable(trusted_checkpoint.network(), trusted_checkpoint.calibration.temperature)
    quantised = quantise(deployable.folded(), train_digits.frames[:100])
    answers = {}
    for takes in ("frames", "image"):
        path = tmp_path / f"{takes}.onnx"
        onnx.write(quantised, replace(made["image"].card, precision="int8", takes=takes), path)
        answers[takes] = onnx.load(path)
    shown = np.stack([255 - _drawn(value, (50, 40), 7) for value in range(10)])
    expected = framed(answers["frames"].run)(shown)
    np.testing.assert_allclose(answers["image"].run(shown), expected, atol=1e-6)
    assert (expected.argmax(axis=1) == [recognizer.read(picture).digits[0].value for picture in shown]).mean() >= 0.8


def test_probes_are_of_many_sizes_and_each_has_a_name_of_its_own():
    names, pictures = zip(*image_probes(), strict=True)
    assert len(set(names)) == len(names)
    assert {(probe.dtype, probe.ndim) for probe in pictures} == {(np.dtype(np.uint8), 3)}
    shapes = {probe.shape[1:] for probe in pictures}
    assert (1, 1) in shapes
    assert max(shapes)[0] > 512


def test_pictures_of_which_some_are_blank_are_answered_one_by_one(recognizer):
    shown = np.stack([np.full((40, 30), 9, np.uint8), _drawn(1, (40, 30), 1), np.full((40, 30), 250, np.uint8)])
    answers = framed(lambda frames: recognizer.classify(frames).probabilities)(shown)
    assert not answers[[0, 2]].any()
    assert answers[1].max() == pytest.approx(recognizer.read(shown[1]).confidence, abs=1e-6)

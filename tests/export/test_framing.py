"""Framing inside a model, held against the framing in Python."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from onnx.reference import ReferenceEvaluator

from edgedigits.export.framing import frame_in_graph
from edgedigits.export.graph import FLOAT, Graph
from edgedigits.framing import frame_clean
from edgedigits.pictures import open_picture
from edgedigits.training.synthetic import draw_digit

pictures = array_shapes(min_dims=2, max_dims=2, max_side=40).flatmap(lambda shape: arrays(np.uint8, shape))
sides = st.integers(1, 90)


@pytest.fixture(scope="module")
def model():
    """From a picture to its frame's pixels and, the last number, whether it has one: `float32 [1, 785]`."""
    graph = Graph()
    frame, is_framed = frame_in_graph(graph, "picture")
    pixels = graph.add("Flatten", graph.add("Cast", frame, to=FLOAT))
    answer = graph.add("Concat", pixels, is_framed, axis=1)
    source = {"name": "picture", "dtype": "uint8", "shape": ["height", "width"]}
    return graph.model(answer, source, {"name": "answer", "dtype": "float32", "shape": [1, 785]}, {})


@pytest.fixture(scope="module")
def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def assert_framed_alike(runner, picture):
    (answer,) = runner.run(None, {"picture": picture})[0]
    framing = frame_clean(picture)
    assert answer[784] == (framing.frame is not None)
    expected = np.zeros((28, 28)) if framing.frame is None else framing.frame
    np.testing.assert_array_equal(answer[:784].reshape(28, 28), expected)


def noise(shape, seed):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def grainy_digit(value, shape, seed):
    """A dark digit across a light picture of any shape, no two of its pixels' neighbourhoods alike."""
    rng = np.random.default_rng(seed)
    ink = draw_digit(value, rng, 56)
    rows, columns = (np.arange(side) * 56 // side for side in shape)
    return 255 - np.minimum(ink[np.ix_(rows, columns)], 230) - rng.integers(0, 25, shape, np.uint8)


@settings(deadline=None)
@given(picture=pictures)
@example(picture=np.array([[0]], np.uint8))
@example(picture=np.array([[0, 255]], np.uint8))
def test_any_small_picture_has_the_frame_that_python_gives_it(session, picture):
    assert_framed_alike(session, picture)


@settings(deadline=None)
@given(shape=st.tuples(sides, sides), seed=st.integers(0, 1000))
def test_noise_has_the_frame_that_python_gives_it(session, shape, seed):
    picture = noise(shape, seed)
    assert_framed_alike(session, picture)


@settings(deadline=None)
@given(value=st.integers(0, 9), seed=st.integers(0, 1000), shape=st.tuples(sides, sides), is_dark=st.booleans())
def test_digits_of_any_size_dark_or_light_have_the_frame_that_python_gives_them(session, value, seed, shape, is_dark):
    picture = grainy_digit(value, shape, seed)
    assert_framed_alike(session, picture if is_dark else 255 - picture)


@settings(deadline=None, max_examples=40)
@given(level=st.integers(0, 255), ink=st.integers(0, 255), shape=st.tuples(sides, sides), place=st.tuples(sides, sides))
def test_a_single_pixel_is_framed_or_blank_as_in_python(session, level, ink, shape, place):
    picture = np.full(shape, level, np.uint8)
    picture[place[0] % shape[0], place[1] % shape[1]] = ink
    assert_framed_alike(session, picture)


@pytest.mark.parametrize(
    "shape",
    [(1, 513), (30, 2000), (513, 512), (512, 512), (600, 900), (1025, 1024), (1600, 1201), (2049, 2047), (3, 9000)],
)
def test_a_large_picture_is_shrunk_as_pillow_does_it(session, shape):
    assert_framed_alike(session, grainy_digit(0, shape, seed=1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (28, 28), (700, 20)])
@pytest.mark.parametrize("grey", [0, 1, 128, 255])
def test_a_picture_of_one_grey_has_an_empty_frame_and_none_to_read(session, shape, grey):
    (answer,) = session.run(None, {"picture": np.full(shape, grey, np.uint8)})[0]
    assert not answer.any()


def test_ink_too_thin_to_be_seen_has_an_empty_frame_and_none_to_read(session):
    picture = np.full((512, 512), 255, np.uint8)
    picture[3, 3] = picture[508, 508] = 0
    assert frame_clean(picture).reason == "blank"
    assert_framed_alike(session, picture)


def test_pictures_that_people_made_have_the_frames_that_python_gives_them(session, mnist_root):
    folder = mnist_root / "homemade"
    if not folder.is_dir():
        pytest.skip("EDGEDIGITS_DATA names no folder that holds pictures that people made")
    paths = sorted(path for path in folder.iterdir() if path.suffix in {".png", ".jpg", ".jpeg"})[::4]
    assert paths
    for path in paths:
        picture = open_picture(path)
        assert_framed_alike(session, picture)


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (37, 52), (41, 530)])
def test_the_standards_own_evaluator_gives_the_same_frames(model, shape):
    assert_framed_alike(ReferenceEvaluator(model), grainy_digit(2, shape, seed=3))


def test_any_runtime_can_run_it(model):
    (opset,) = model.opset_import
    assert (opset.domain, opset.version) == ("", 12)
    assert not any(node.domain for node in model.graph.node)
    assert not {node.op_type for node in model.graph.node} & {"If", "Loop", "Scan"}
    assert len(model.SerializeToString()) < 20_000

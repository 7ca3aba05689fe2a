"""The pictures of the paper, as real PNG files."""

import io

import numpy as np
import pytest
from PIL import Image

from edgedigits.training import plots
from edgedigits.training.evaluation import evaluate


def _opened(content):
    picture = Image.open(io.BytesIO(content))
    picture.load()
    assert picture.format == "PNG"
    return picture


@pytest.fixture(scope="module")
def evaluation(test_digits):
    """Answers that are wrong on every tenth digit."""
    answers = test_digits.labels.copy()
    answers[::10] = (answers[::10] + 1) % 10
    return evaluate(np.eye(10, dtype=np.float32)[answers] * 0.91 + 0.009, test_digits, 0.5)


def test_a_grid_grows_by_rows_of_digits(test_digits):
    one, two = (_opened(plots.digit_grid(test_digits.frames[:n], ["7"] * n)) for n in (8, 9))
    assert one.width == two.width
    assert two.height == pytest.approx(2 * one.height, abs=2)


def test_pictures_of_answers(evaluation):
    right = evaluate(np.eye(10, dtype=np.float32)[evaluation.digits.labels], evaluation.digits, 0.5)
    assert plots.mistakes(right) is None
    sample, wrong = _opened(plots.sample_predictions(evaluation)), _opened(plots.mistakes(evaluation))
    assert sample.height == pytest.approx(2 * wrong.height, abs=2)


def test_a_sample_marks_wrong_answers(evaluation, test_digits):
    right = evaluate(np.eye(10, dtype=np.float32)[test_digits.labels], test_digits, 0.5)

    def reddish(content):
        pixels = np.asarray(_opened(content).convert("RGB")).astype(int)
        return int((pixels[..., 0] > pixels[..., 1] + 100).sum())

    assert reddish(plots.sample_predictions(right)) == 0
    assert reddish(plots.sample_predictions(evaluation)) > 0


def test_the_curve_of_a_single_epoch_and_of_many(checkpoint):
    for history in (checkpoint.history[:1], checkpoint.history):
        assert _opened(plots.test_curve(history)).size == (1170, 442)


def test_the_confusion_matrix(evaluation):
    assert min(_opened(plots.confusion_matrix(evaluation)).size) > 600

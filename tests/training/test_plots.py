"""The pictures of the paper, as real PNG files."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgedigits.risk import GRID, RiskCurve, risk_curve
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


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_curve_of_a_single_epoch_and_of_many(checkpoint, split):
    many = [replace(checkpoint.history[0], epoch=1 + i, loss=2 / (1 + i), correct=i) for i in range(60)]
    for history in (checkpoint.history[:1], checkpoint.history, many):
        assert _opened(plots.learning_curve(history, split)).size == (1170, 442)


def test_the_curve_says_what_it_was_measured_on(checkpoint):
    curves = [plots.learning_curve(checkpoint.history, split) for split in ("test", "validation", "test")]
    assert curves[0] == curves[2] != curves[1]


def test_mistakes_may_be_those_accepted_alone(evaluation):
    assert plots.mistakes(evaluation, accepted_from=0.9) == plots.mistakes(evaluation)
    assert plots.mistakes(evaluation, accepted_from=0.95) is None
    assert plots.mistakes(evaluation, count=3) != plots.mistakes(evaluation)


def test_the_confusion_matrix(evaluation):
    assert min(_opened(plots.confusion_matrix(evaluation)).size) > 600


def _pixels_like(content, color):
    """How many pixels of a picture have a colour, a little smoothing of edges apart."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    pixels = np.asarray(_opened(content).convert("RGB")).astype(int)
    return int((abs(pixels - wanted) < 10).all(axis=2).sum())


def test_risk_over_coverage_of_answers_with_and_without_errors():
    confidence = np.linspace(0.3, 1, 2000, dtype=np.float32)
    for right in (confidence > 0.4, np.ones(2000, bool), np.zeros(2000, bool)):
        content = plots.risk_coverage(risk_curve("made", confidence, right), 0.95)
        assert _opened(content).size == (975, 585)
        assert _pixels_like(content, plots.ACCENT) > 300


def test_the_dot_of_the_threshold_in_use_is_where_it_accepts_something():
    curve = RiskCurve("made", 100, (0.99, 0.9, 0.0), (0, 90, 100), (0, 1, 5))
    dots = [_pixels_like(plots.risk_coverage(curve, threshold), plots.INK) for threshold in (1.0, 0.9, 0.0)]
    assert dots[0] + 50 < min(dots[1:])


def test_the_threshold_in_use_is_the_nearest_of_the_curve():
    curve = risk_curve("made", np.linspace(0.3, 1, 500, dtype=np.float32), np.arange(500) > 50)
    nearest = min(GRID, key=lambda threshold: abs(threshold - 0.95))
    assert plots.risk_coverage(curve, 0.95) == plots.risk_coverage(curve, nearest)
    assert plots.risk_coverage(curve, 0.95) != plots.risk_coverage(curve, 0.0)

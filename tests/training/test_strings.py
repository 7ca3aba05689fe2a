"""Lines and what a model's answers on them are worth."""

import numpy as np
import pytest

from edgedigits.alphabet import ALPHABET, BLANK
from edgedigits.training.strings import Read, Strings, digits_of, evaluate_strings, read_strings, string_risk

TEXTS = ("189.603,-", "12", "", "4?7", "00", "#55=")


def _strings(texts=TEXTS, batch=4):
    """Lines whose pixels hold their number, which they still do in the middle when they are leaning."""
    pictures = np.stack([np.full((32, 48), i, np.uint8) for i in range(len(texts))])
    return Strings("lines of synthetic", tuple(np.split(pictures, range(batch, len(texts), batch))), tuple(texts))


def _saying(texts, confidence=1.0):
    """A model that says `texts` by the number of a line, each symbol with as much probability."""

    def run(lines):
        rows = np.zeros((len(lines), 24, len(ALPHABET)), np.float32)
        rows[:, :, BLANK] = 1
        for row, number in zip(rows, lines[:, 16, 24].tolist(), strict=True):
            for place, symbol in enumerate(texts[number]):
                row[2 * place] = 0
                row[2 * place, [ALPHABET.index(symbol), BLANK]] = confidence, 1 - confidence
        return rows

    return run


def test_labels_are_digits_and_what_is_foreign():
    strings = _strings()
    assert len(strings) == 6
    assert strings.labels == ["189603", "12", "", "4?7", "00", "55"]
    assert [digits_of(text) for text in ("1.2", "-=#", "?")] == ["12", "", "?"]


def test_a_digest_tells_pictures_and_texts_apart():
    strings, changed = _strings(), _strings()
    assert strings.sha256 == changed.sha256
    changed.pictures[1][0, 0, 0] += 1
    others = [changed, _strings((*TEXTS[:-1], "#55-")), _strings(TEXTS[:-1])]
    assert len({strings.sha256, *(other.sha256 for other in others)}) == 4


def test_a_model_that_is_always_right():
    strings = _strings()
    read = read_strings(_saying(TEXTS), strings)
    assert read.texts == strings.labels
    assert read.right.all()
    assert (read.confidence.dtype, read.score.dtype, read.right.dtype) == (np.float32, np.float32, np.bool_)
    assert read.confidence == pytest.approx(1)
    # What is empty or foreign cannot be accepted, however sure it is.
    assert read.score == pytest.approx([1, 1, -1, -1, 1, 1])


def test_separators_need_not_be_right_and_digits_do():
    said = ("189603", "1", "", "4?7", "0.0", "?55")
    read = read_strings(_saying(said), _strings())
    assert read.right.tolist() == [True, False, True, True, True, False]
    assert read.score[5] == -1


def test_an_accuracy_counts_lines_of_digits_alone():
    read = read_strings(_saying(("189603", "13", "7", "4?7", "00", "?55"), confidence=0.9), _strings())
    accuracy = evaluate_strings(read, _strings(), accept_threshold=0.75)
    confidence = [0.9**6, 0.9**2, 0.9**2, 0.9**3]
    assert (accuracy.dataset, accuracy.n, accuracy.correct) == ("lines of synthetic", 4, 2)
    # Accepted are 13, which is wrong, and 00; 189603 is not sure enough and ?55 cannot be.
    assert (accuracy.coverage, accuracy.accepted_errors) == (0.5, 1)
    likelihood = [confidence[0], 1 - confidence[1], confidence[2], 1 - confidence[3]]
    assert accuracy.loss == pytest.approx(-np.log(likelihood).mean(), rel=1e-3)
    assert accuracy.ci95[0] < accuracy.accuracy < accuracy.ci95[1]


def test_a_loss_is_finite_however_sure_a_model_is_and_wrong():
    read = read_strings(_saying(("2",)), _strings(("1",)))
    assert np.isfinite(evaluate_strings(read, _strings(("1",)), accept_threshold=0).loss)


def test_a_risk_curve_leaves_lines_aside_that_are_empty_or_foreign():
    strings = _strings()
    texts, right = strings.labels, np.array([True, False, True, False, True, True])
    confidence = np.array([0.999, 0.5, 1, 1, 0.9, 0.2], np.float32)
    curve = string_risk(Read(texts, confidence, confidence, right), strings)
    assert (curve.dataset, curve.n) == ("lines of synthetic, composed of digits held out", 4)
    assert (curve.accepted[-1], curve.errors[-1]) == (4, 1)
    at = curve.thresholds.index(min(curve.thresholds, key=lambda threshold: abs(threshold - 0.85)))
    assert (curve.accepted[at], curve.errors[at]) == (2, 0)


def test_answers_come_in_the_order_of_the_lines_whatever_their_batches():
    for batch in (1, 4, 6):
        assert read_strings(_saying(TEXTS), _strings(batch=batch)).texts == _strings().labels


def test_the_first_batches_have_the_first_texts():
    pictures = tuple(np.full((n, 32, 8), n, np.uint8) for n in (2, 3, 4))
    strings = Strings("made", pictures, tuple("123456789"))
    assert strings.first(3).texts == tuple("12345")
    assert [len(batch) for batch in strings.first(3).pictures] == [2, 3]
    assert strings.first(100).texts == strings.texts

"""What a network for lines minimises, against sums written out, and its temperature."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from edgedigits.alphabet import ALPHABET, BLANK, STRIDE
from edgedigits.training import line_learning
from edgedigits.training.line_learning import ALIGNED, TEMPERATURES, calibrate_lines, line_loss, line_run
from edgedigits.training.networks import DigitNetwork
from edgedigits.training.strings import Strings

CPU = torch.device("cpu")
STEPS, CLASSES = 24, len(ALPHABET)
TEXTS = ("189.603", "77", "", "4?")


def _target(texts, steps=STEPS):
    """Symbols and centres of texts whose symbols are spread evenly."""
    most = max(1, *map(len, texts))
    symbols, centres = torch.full((len(texts), most), -1), torch.zeros(len(texts), most)
    for row, text in enumerate(texts):
        for place, symbol in enumerate(text):
            symbols[row, place] = ALPHABET.index(symbol)
            centres[row, place] = (place + 0.5) * STRIDE * steps / len(text)
    return symbols, centres


def _random(texts=TEXTS, steps=STEPS, seed=0):
    return torch.randn(len(texts), steps, CLASSES, generator=torch.Generator().manual_seed(seed))


def _saying(texts, steps=STEPS, sure=8.0):
    """Logits of a network that tells symbols where their centres are."""
    symbols, centres = _target(texts, steps)
    logits = torch.zeros(len(texts), steps, CLASSES)
    logits[:, :, BLANK] = sure
    for row, place in (symbols >= 0).nonzero().tolist():
        step = int(centres[row, place] / STRIDE)
        logits[row, step, BLANK] = 0
        logits[row, step, symbols[row, place]] = sure
    return logits


def _ctc(logits, text):
    """Torch's own, of one line."""
    target = torch.tensor([[ALPHABET.index(symbol) for symbol in text]], dtype=torch.int64).reshape(1, -1)
    return F.ctc_loss(
        logits.log_softmax(1).unsqueeze(1), target, [len(logits)], [len(text)], blank=BLANK, reduction="sum"
    )


def _aligned(logits, text):
    """Cross-entropy at every step but those beside a symbol, written out."""
    centres = _target([text], len(logits))[1][0, : len(text)]
    at = {int(centre / STRIDE): ALPHABET.index(symbol) for centre, symbol in zip(centres, text, strict=True)}
    beside = {step + side for step in at for side in (-1, 1)} - set(at)
    likelihood = logits.log_softmax(1)
    return -sum(likelihood[step, at.get(step, BLANK)] for step in range(len(logits)) if step not in beside)


def test_it_is_ctc_and_in_part_the_cross_entropy_at_centres():
    logits = _random()
    expected = sum(_ctc(row, text) + ALIGNED * _aligned(row, text) for row, text in zip(logits, TEXTS, strict=True))
    torch.testing.assert_close(line_loss(logits, *_target(TEXTS)), expected)


def test_without_places_it_is_torchs_ctc(monkeypatch):
    monkeypatch.setattr(line_learning, "ALIGNED", 0.0)
    logits = _random(seed=1)
    expected = sum(_ctc(row, text) for row, text in zip(logits, TEXTS, strict=True))
    torch.testing.assert_close(line_loss(logits, *_target(TEXTS)), expected)


def test_a_batch_is_the_sum_of_its_lines():
    logits, (symbols, centres) = _random(seed=2), _target(TEXTS)
    alone = sum(line_loss(logits[i : i + 1], symbols[i : i + 1], centres[i : i + 1]) for i in range(len(TEXTS)))
    torch.testing.assert_close(line_loss(logits, symbols, centres), alone)


def test_who_tells_what_is_there_has_next_to_no_loss_and_the_surer_the_less():
    target = _target(TEXTS)
    unsure, sure, surer = (line_loss(_saying(TEXTS, sure=level), *target) for level in (0.0, 8.0, 16.0))
    assert unsure > 50
    assert unsure > 10 * sure > 100 * surer
    others = ("189.604", "77", "", "4?")
    assert line_loss(_saying(others), *target) > sure + 5


def test_its_slope_leads_there():
    logits, target = _random(seed=3).requires_grad_(), _target(TEXTS)
    optimizer = torch.optim.SGD([logits], lr=1.0)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = line_loss(logits, *target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("texts", [("1234567", ""), ("11",), ("",), ("", "", "")])
@pytest.mark.parametrize("steps", [1, 2])
def test_texts_that_do_not_fit_and_empty_ones_leave_it_finite(texts, steps):
    logits = _random(texts, steps).requires_grad_()
    loss = line_loss(logits, *_target(texts, steps))
    loss.backward()
    assert math.isfinite(loss.item())
    assert logits.grad.isfinite().all()


def test_centres_beyond_the_picture_count_at_its_ends():
    logits, (symbols, _) = _random(("12",)), _target(("12",))
    beyond, ends = (torch.tensor([places]) for places in ([-1.0, 500.0], [0.0, STRIDE * STEPS - 1.0]))
    assert line_loss(logits, symbols, beyond) == line_loss(logits, symbols, ends)


class _Told(DigitNetwork):
    """Reads each column's first pixel, which holds a symbol's place in the alphabet, sharpened by `scale`."""

    classes = CLASSES
    mean, std = 0.0, 1.0

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def logits(self, pixels):
        told = (pixels[:, 0, 0, ::STRIDE] * 255).round().long()
        return self.scale * F.one_hot(told, CLASSES).float()

    def layers(self):
        return []


@pytest.fixture(scope="module")
def strings():
    """Lines, of whose digits one in twelve is told wrong."""
    rng = np.random.default_rng(1)
    texts = ["".join(map(str, rng.integers(0, 10, 5))) for _ in range(60)]
    pictures = np.full((60, 32, 5 * 8), BLANK, np.uint8)
    for row, text in enumerate(texts):
        for place, digit in enumerate(text):
            wrong = rng.random() < 1 / 12
            pictures[row, :, 8 * place + 4] = (int(digit) + wrong) % 10
    return Strings("lines of synthetic", (pictures[:40], pictures[40:]), tuple(texts))


def _unlikelihood(network, strings, temperature):
    run = line_run(network, CPU, temperature)
    rows = [torch.from_numpy(row).log() for batch in strings.pictures for row in run(batch)]
    return sum(_ctc(row, text).item() for row, text in zip(rows, strings.texts, strict=True))


@pytest.mark.parametrize("scale", [5.0, 16.0])
def test_the_temperature_is_the_likeliest(strings, scale):
    network = _Told(scale)
    calibration, risk = calibrate_lines(network, strings, CPU)
    assert (calibration.method, calibration.n) == ("temperature", len(strings))
    assert TEMPERATURES[0] < calibration.temperature < TEMPERATURES[1]
    best = _unlikelihood(network, strings, calibration.temperature)
    assert all(best <= _unlikelihood(network, strings, tried) + 1e-3 for tried in np.geomspace(*TEMPERATURES, 9))
    assert (risk.n, risk.dataset) == (len(strings), "lines of synthetic, composed of digits held out")


def test_a_network_that_is_scaled_wrongly_is_scaled_back(strings):
    right, _ = calibrate_lines(_Told(5.0), strings, CPU)
    wrong, _ = calibrate_lines(_Told(15.0), strings, CPU)
    assert wrong.temperature == pytest.approx(3 * right.temperature, rel=0.02)
    assert wrong.ece_after == pytest.approx(right.ece_after, abs=0.01)
    assert wrong.ece_after < wrong.ece_before


def test_a_network_runs_as_probabilities_at_a_temperature(line_checkpoint, lines_material):
    network, lines = line_checkpoint.network().train(), lines_material[1].pictures[0]
    probabilities = line_run(network, CPU, temperature=2.0)(lines)
    assert not network.training
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(lines), lines.shape[2] // STRIDE, CLASSES)
    expected = (network(torch.from_numpy(lines)).detach() / 2).softmax(dim=2)
    np.testing.assert_allclose(probabilities, expected.numpy(), atol=1e-6)

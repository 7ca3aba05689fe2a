"""What the tests of the formats share: networks whose weights are random in every place, and cards for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgedigits.card import Accuracy, Calibration, Card

MEASURED = Accuracy("synthetic", 100, 90, 0.4, (0.8, 0.95), 0.9, 2)


@pytest.fixture(scope="session")
def card_for() -> Callable[..., Card]:
    """A card for a format and a precision."""

    def made(name, precision="fp32", takes="frames"):
        return Card("random", name, precision, Calibration(), 0.95, None, None, MEASURED, "00", {}, takes=takes)

    return made


@pytest.fixture(scope="session")
def random_network():
    """A network by name and seed, its batch normalisation as far from doing nothing as its weights."""
    import torch

    from edgedigits.training.networks import build_network

    def made(name, seed=1):
        torch.manual_seed(seed)
        network = build_network(name)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.3, 3)
                torch.nn.init.normal_(module.weight, 1, 0.3)
                torch.nn.init.normal_(module.bias, 0, 0.3)
        return network.eval()

    return made


@pytest.fixture(scope="session")
def odd_frames(test_digits):
    """Digits, noise, blank, full and one pixel: `uint8 [n, 28, 28]`."""
    noise = np.random.default_rng(1).integers(0, 256, (10, 28, 28), np.uint8)
    plain = np.stack([np.full((28, 28), grey, np.uint8) for grey in (0, 1, 128, 255)])
    pixel = np.zeros((1, 28, 28), np.uint8)
    pixel[0, 0, 27] = 255
    return np.concatenate([test_digits.frames, noise, plain, pixel])

"""What a network for lines minimises, and how it is calibrated."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edgedigits.alphabet import ALPHABET, BLANK, STRIDE
from edgedigits.card import Calibration
from edgedigits.looks import Run
from edgedigits.risk import RiskCurve
from edgedigits.training.calibration import expected_calibration_error
from edgedigits.training.networks import DigitNetwork
from edgedigits.training.strings import Read, Strings, read_strings, string_risk

__all__ = ["calibrate_lines", "line_loss", "line_run"]

ALIGNED = 0.25
"""Weight of the places of symbols, which are known of lines that are composed."""
TEMPERATURES = (0.5, 4.0)
ROUNDS = 24
GOLDEN = (math.sqrt(5) - 1) / 2


def line_loss(logits: Tensor, symbols: Tensor, centres: Tensor) -> Tensor:
    """The sum over a batch of what `logits`, `float32 [n, steps, classes]`, make of its `symbols`, as in `Lines`.

    It is CTC's loss, and in part the cross-entropy with the symbol at the step of its middle, and with blank elsewhere
    but beside: CTC alone leaves open where a symbol is told, and takes longer to find out that there are any.
    """
    n, steps, _ = logits.shape
    is_symbol = symbols >= 0
    ctc = F.ctc_loss(
        logits.log_softmax(2).transpose(0, 1),
        symbols.clamp(min=0),
        torch.full((n,), steps),
        is_symbol.sum(1).cpu(),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )
    target = torch.full((n, steps), BLANK, device=logits.device)
    weight = torch.ones((n, steps), device=logits.device)
    row, place = is_symbol.nonzero(as_tuple=True)
    step = (centres[row, place] / STRIDE).long().clamp(0, steps - 1)
    for beside in (-1, 1):
        weight[row, (step + beside).clamp(0, steps - 1)] = 0
    target[row, step], weight[row, step] = symbols[row, place], 1.0
    aligned = (F.cross_entropy(logits.transpose(1, 2), target, reduction="none") * weight).sum()
    return ctc + ALIGNED * aligned


def line_run(network: DigitNetwork, device: torch.device, temperature: float = 1.0) -> Run:
    """A network as what is exported of it: lines to probabilities."""

    @torch.inference_mode()
    def run(lines: NDArray[np.uint8]) -> NDArray[np.float32]:
        network.eval()
        logits = network(torch.from_numpy(lines).to(device)).float().cpu()
        probabilities: NDArray[np.float32] = (logits / temperature).softmax(2).numpy()
        return probabilities

    return run


def calibrate_lines(network: DigitNetwork, strings: Strings, device: torch.device) -> tuple[Calibration, RiskCurve]:
    """The temperature, within `TEMPERATURES`, that makes held-out lines likeliest, by golden section, and the risk
    curve at it: of the same lines, which one number can hardly be fitted to too well.
    """
    network.eval()
    with torch.inference_mode():
        logits = [network(torch.from_numpy(batch).to(device)).float().cpu() for batch in strings.pictures]
    targets = _targets(strings)
    low, high = (math.log(edge) for edge in TEMPERATURES)
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _unlikelihood(logits, targets, math.exp(left)) < _unlikelihood(logits, targets, math.exp(right)):
            high = right
        else:
            low = left
    temperature = math.exp((low + high) / 2)
    before = read_strings(line_run(network, device), strings)
    after = read_strings(line_run(network, device, temperature), strings)
    calibration = Calibration("temperature", temperature, len(strings), _error(before), _error(after))
    return calibration, string_risk(after, strings)


def _error(read: Read) -> float:
    return expected_calibration_error(np.clip(read.confidence, 0, 1), read.right)


def _targets(strings: Strings) -> list[tuple[Tensor, Tensor]]:
    texts, targets = iter(strings.texts), []
    for batch in strings.pictures:
        said = [[ALPHABET.index(symbol) for symbol in next(texts)] for _ in batch]
        lengths = torch.tensor([len(symbols) for symbols in said])
        flat = torch.tensor([symbol for symbols in said for symbol in symbols], dtype=torch.int64)
        targets.append((flat, lengths))
    return targets


def _unlikelihood(logits: list[Tensor], targets: list[tuple[Tensor, Tensor]], temperature: float) -> float:
    """CTC's loss at a temperature, summed over lines."""
    total = 0.0
    for batch, (flat, lengths) in zip(logits, targets, strict=True):
        scaled = (batch / temperature).log_softmax(2).transpose(0, 1)
        steps = torch.full((batch.shape[0],), batch.shape[1])
        total += float(F.ctc_loss(scaled, flat, steps, lengths, blank=BLANK, reduction="sum", zero_infinity=True))
    return total

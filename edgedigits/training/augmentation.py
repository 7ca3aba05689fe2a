"""Augmentation: other hands, pens and scanners from the digits at hand, for a whole batch at once on its device.

Each frame is turned, slanted, scaled, moved and bent (elastic distortion: Simard, Steinkraus & Platt, "Best practices
for convolutional neural networks applied to visual document analysis", 2003); its strokes are made thicker or thinner;
it is blurred, and its ink made fainter or stronger.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["augment", "draw_noise"]

TURN = math.radians(12)
SLANT = 0.2
SIZE = 0.12
"""Largest change of the logarithm of the size, and of that of width against height."""
SHIFT = 1.5
"""Largest, in pixels."""
BEND = 1.2
"""Largest standard deviation, in pixels, of the shifts at the knots that bend a frame."""
KNOTS = 5
"""Along each side."""
THINNER, THICKER = 0.5, 0.7
"""How far a pixel may go towards the least and the most ink around it."""
BLURRED = 0.3
"""Share of frames that are blurred, each to a degree of its own."""
INK = 0.3
"""Largest change of the ink's level, as a part of it."""
PLACE, INKS = 6, 4
"""Random numbers that say where a frame's pixels go, and what becomes of its ink; the others are the knots'."""


def draw_noise(count: int, generator: torch.Generator) -> Tensor:
    """What is random in augmenting `count` frames: `float32 [count, numbers]`, each from 0 to 1, on the generator's
    device.
    """
    return torch.rand(count, PLACE + INKS + 2 * KNOTS**2, generator=generator, device=generator.device)


def augment(frames: Tensor, noise: Tensor) -> Tensor:
    """Frames `uint8 [n, 28, 28]`, each changed as its row of `draw_noise` says: `float32 [n, 28, 28]`, 0 to 255."""
    if not len(frames):
        return frames.to(torch.float32)  # torch makes no grid for nothing
    place, (bend, stroke, blur, ink), knots = (
        noise[:, :PLACE],
        noise[:, PLACE : PLACE + INKS].T,
        noise[:, PLACE + INKS :],
    )
    side = frames.shape[-1]
    places = _affine(place, side) + _bends(bend, knots, side)
    pixels = frames.to(torch.float32).unsqueeze(1)
    pixels = F.grid_sample(pixels, places, mode="bilinear", padding_mode="zeros", align_corners=False)
    pixels = _restroked(pixels, _column(THICKER * stroke - THINNER * (1 - stroke)))
    blurring = _column((blur - (1 - BLURRED)).clamp_min(0) / BLURRED)
    pixels = pixels + blurring * (F.avg_pool2d(pixels, 3, 1, 1) - pixels)
    return (pixels * _column(1 + INK * (2 * ink - 1))).clamp_max(255).squeeze(1)


def _affine(noise: Tensor, side: int) -> Tensor:
    """From where in a frame each pixel comes, `float32 [n, side, side, 2]`, -1 to 1, by noise `[n, PLACE]`."""
    turn, slant, size, shape, x, y = noise.T
    angle, slant = TURN * (2 * turn - 1), SLANT * (2 * slant - 1)
    size, shape = SIZE * (2 * size - 1), SIZE * (2 * shape - 1)
    wide, high = torch.exp(-size - shape), torch.exp(-size + shape)
    cos, sin = angle.cos(), angle.sin()
    shift = 2 * SHIFT / side
    rows = (
        torch.stack([cos * wide, (cos * slant - sin) * high, shift * (2 * x - 1)], 1),
        torch.stack([sin * wide, (sin * slant + cos) * high, shift * (2 * y - 1)], 1),
    )
    return F.affine_grid(torch.stack(rows, 1), [len(turn), 1, side, side], align_corners=False)


def _bends(bend: Tensor, knots: Tensor, side: int) -> Tensor:
    """Smooth shifts to be added to such places: those of the knots, by cubic interpolation."""
    # A number from 0 to 1 has a standard deviation of 1/sqrt(12), and a frame is 2 wide here.
    shifts = (knots - 0.5) * (math.sqrt(12) * BEND * 2 / side) * bend.unsqueeze(1)
    shifts = shifts.view(-1, 2, KNOTS, KNOTS)
    return F.interpolate(shifts, size=(side, side), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def _restroked(pixels: Tensor, change: Tensor) -> Tensor:
    """Strokes made thicker where `change` is above 0, thinner where below: dilation and erosion, in part."""
    thicker, thinner = F.max_pool2d(pixels, 3, 1, 1), -F.max_pool2d(-pixels, 3, 1, 1)
    return pixels + torch.where(change > 0, change * (thicker - pixels), change * (pixels - thinner))


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)

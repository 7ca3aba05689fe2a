"""What lies between a pen and a line's picture: pens, ink, security print, rules, light, lenses, for a batch at once.

All is done in pictures of ink, 0 to 1, as the runner makes them: even light, and what is not ink near 0. `strength`, 0
to 1, is by what part lines are to differ from what is plain to read.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from edgedigits.training.jpeg import BLOCK, compressed

__all__ = ["on_paper", "written"]

ENDS = 0.5
"""Share of pictures that end within the line, or not far beyond its ink, as they do that were cut out around it; that
makes none harder to read."""
JPEG = 0.8
"""Share of pictures that were compressed by JPEG, at full strength."""


def written(ink: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Ink `float32 [n, height, width]`, 0 to 1, by other pens: finer or bolder, uneven, dry, blurred."""
    n = len(ink)
    draw = _Draw(n, generator)
    x = ink.unsqueeze(1)
    for _ in range(2):
        x = _restroked(x, strength * draw.uniform(-0.7, 0.55))
    x = x * (1 - strength * draw.share(0.5) * draw.uniform(0.1, 0.55) * _clouds(x.shape, 3.0, generator))
    x = x * (1 - strength * draw.share(0.1) * draw.uniform(0.2, 0.9) * (_clouds(x.shape, 1.0, generator) > 0.62))
    # The runner brings full ink to 1, however faint the pen is.
    level = (x * x).sum(dim=(2, 3), keepdim=True) / x.sum(dim=(2, 3), keepdim=True).clamp(min=1e-3)
    return (x / level.clamp(min=0.05) * (1 + strength * draw.uniform(-0.3, 0.3))).clamp(max=1).squeeze(1)


def on_paper(ink: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Ink `float32 [n, height, width]`, 0 to 1, on paper with prints, rules and grain: `uint8`, 0 to 255."""
    draw = _Draw(len(ink), generator)
    x = ink.unsqueeze(1)
    sheet = _sheet(x, generator)
    # Prints are below the ink: they darken paper, and ink not more than it is.
    ground = torch.zeros_like(x)
    for share in (0.5, 0.25):
        fading = 1 - draw.share(0.5) * _clouds(x.shape, draw.between(4.0, 16.0), generator)
        ground = ground + strength * draw.share(share) * draw.uniform(0.03, 0.8) * fading * _print(x.shape, generator)
    ground = ground + strength * draw.share(0.3) * draw.uniform(0.05, 0.45) * _shade(x.shape, generator)
    # The runner takes the median of a picture for paper: what is lighter is paper, too.
    ground = (ground - draw.uniform(0.3, 1.1) * ground.mean(dim=(2, 3), keepdim=True)).clamp(min=0)
    for share, most in ((0.3, 1.0), (0.12, 1.0)):
        whole = 1 - draw.share(0.4) * (_clouds(x.shape, 1.5, generator) > 0.5)
        ground = torch.maximum(ground, draw.share(share) * draw.uniform(0.15, most) * whole * _rule(x.shape, generator))
    ground = torch.maximum(ground, draw.share(0.08 * strength) * draw.uniform(0.2, 1.0) * _edge(x.shape, generator))
    x = torch.maximum(x * (1 - 0.3 * ground), ground) + 0.3 * torch.minimum(x, ground)
    # Where the runner wiped a rule, it may have wiped ink, too.
    x = x * (1 - draw.share(0.25 * strength) * _rule(x.shape, generator) * (_clouds(x.shape, 1.5, generator) > 0.35))
    for blur in (strength * draw.share(0.6) * draw.uniform(0, 1), draw.share(0.12 * strength)):
        x = x + blur * (_blurred(x) - x)
    grain = torch.randn(x.shape, generator=generator, device=x.device)
    x = x + strength * draw.share(0.8) * draw.uniform(0, 0.09) * grain
    x = x + strength * draw.share(0.3) * draw.uniform(0, 0.3) * (_clouds(x.shape, 1.5, generator) - 0.5)
    x = x + strength * draw.share(0.15) * draw.uniform(0.1, 0.5) * (_clouds(x.shape, 0.7, generator) - 0.5)
    is_jpeg = draw.share(JPEG * strength) > 0
    top, left = torch.randint(BLOCK, (2,), generator=generator, device=generator.device).tolist()
    # The lower a picture's contrast, the less of its ink the same steps leave.
    x = torch.where(is_jpeg, compressed(x, draw.uniform(-1.2, 1.0).exp() / 120, top, left), x)
    # As the runner's levels are: paper is cut off below, full ink above, and beyond the picture is paper.
    x = (x - draw.uniform(-0.03, 0.1)) * draw.uniform(0.85, 1.3) * sheet
    return (x * 255).round().clamp(0, 255).to(torch.uint8).squeeze(1)


class _Draw:
    """Random numbers, one for each of `n` pictures."""

    def __init__(self, n: int, generator: torch.Generator) -> None:
        self._n, self._generator = n, generator

    def uniform(self, low: float, high: float) -> Tensor:
        drawn = torch.rand((self._n, 1, 1, 1), generator=self._generator, device=self._generator.device)
        return low + (high - low) * drawn

    def between(self, low: float, high: float) -> float:
        """One number for all of them, on a logarithmic scale."""
        drawn = torch.rand((), generator=self._generator, device=self._generator.device)
        return low * math.pow(high / low, float(drawn))

    def share(self, share: float) -> Tensor:
        """1 for that share of the pictures, 0 for the others."""
        return (self.uniform(0, 1) < share).float()


def _restroked(x: Tensor, change: Tensor) -> Tensor:
    """Strokes made bolder where `change` is above 0, finer where below."""
    bolder, finer = _beside(x, torch.maximum), _beside(x, torch.minimum)
    return x + torch.where(change > 0, change * (bolder - x), change * (x - finer))


def _blurred(x: Tensor) -> Tensor:
    return _beside(x, torch.add) / 9


def _beside(x: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Each pixel combined with the eight around it, the border's being repeated beyond it."""
    # The CPU takes far longer over torch's pooling by 3 x 3.
    x = F.pad(x, (1, 1, 1, 1), mode="replicate")
    x = combine(combine(x[..., :-2], x[..., 1:-1]), x[..., 2:])
    return combine(combine(x[..., :-2, :], x[..., 1:-1, :]), x[..., 2:, :])


def _sheet(ink: Tensor, generator: torch.Generator) -> Tensor:
    """1 where the picture is, 0 beyond its borders, near the ink `float32 [n, 1, height, width]`."""
    draw = _Draw(len(ink), generator)
    x, y = _places(ink.shape, generator)
    sheet = torch.ones_like(ink)
    for place, across, farthest in ((x, 2, 12.0), (y, 3, 4.0)):
        is_ink = ink.amax(dim=across, keepdim=True) > 0.2
        first = torch.where(is_ink, place, math.inf).amin(dim=(2, 3), keepdim=True)
        last = torch.where(is_ink, place, -math.inf).amax(dim=(2, 3), keepdim=True)
        sheet = sheet * (place > first - draw.uniform(0, farthest)) * (place < last + draw.uniform(0, farthest))
    has_ink = ink.amax(dim=(2, 3), keepdim=True) > 0.2
    return torch.where((draw.share(ENDS) > 0) & has_ink, sheet, 1.0)


def _clouds(shape: torch.Size, size: float, generator: torch.Generator) -> Tensor:
    """Smooth noise, 0 to 1, with clouds of about `size` pixels."""
    n, _, height, width = shape
    coarse = torch.rand(
        (n, 1, max(2, round(height / size / 2)), max(2, round(width / size / 2))),
        generator=generator,
        device=generator.device,
    )
    return F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=True)


def _places(shape: torch.Size, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    _, _, height, width = shape
    y = torch.arange(height, device=generator.device, dtype=torch.float32).view(1, 1, -1, 1)
    x = torch.arange(width, device=generator.device, dtype=torch.float32).view(1, 1, 1, -1)
    return x, y


def _print(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Security print: waves of parallel lines, some of them broken to dots, 0 to 1."""
    draw = _Draw(shape[0], generator)
    x, y = _places(shape, generator)
    period, angle = draw.uniform(2.2, 9.0), draw.uniform(-math.pi / 2, math.pi / 2)
    # Most prints run along the line.
    angle = angle * (1 - 0.75 * draw.share(0.5))
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    swing, length = draw.uniform(0, 4), draw.uniform(8, 60) * (1 + draw.share(0.5) * draw.uniform(1, 5))
    waves = across + swing * (2 * math.pi * (along / length + draw.uniform(0, 1))).sin()
    lines = (2 * math.pi * (waves / period + draw.uniform(0, 1))).cos()
    dots = lines * (2 * math.pi * along / period).cos()
    pattern = torch.where(draw.share(0.25) > 0, dots, lines)
    sharp = draw.uniform(0.3, 4.0)
    return torch.exp(sharp * (pattern - 1))


def _rule(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """A ruled line across, mostly below the digits, 0 to 1."""
    draw = _Draw(shape[0], generator)
    x, y = _places(shape, generator)
    height = shape[2]
    place = torch.where(draw.share(0.7) > 0, draw.uniform(0.75, 1.0), draw.uniform(0, 1.0)) * height
    distance = (y - place - draw.uniform(-0.04, 0.04) * (x - shape[3] / 2)).abs()
    return (1 - (distance - draw.uniform(0, 1.0)).clamp(min=0)).clamp(min=0)


def _edge(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """The edge of a box, or of the page, that runs down near the left or the right end of the line, 0 to 1."""
    draw = _Draw(shape[0], generator)
    x, y = _places(shape, generator)
    width = shape[3]
    near = draw.uniform(0, 6)
    place = torch.where(draw.share(0.7) > 0, near, width - 1 - near)
    distance = (x - place - draw.uniform(-0.1, 0.1) * (y - shape[2] / 2)).abs()
    return (1 - (distance - draw.uniform(0, 1.0)).clamp(min=0)).clamp(min=0)


def _shade(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """A shadow or a band of darker paper, 0 to 1."""
    draw = _Draw(shape[0], generator)
    x, y = _places(shape, generator)
    angle = draw.uniform(-math.pi, math.pi)
    place = (x / shape[3] - 0.5) * angle.cos() + (y / shape[2] - 0.5) * angle.sin()
    return torch.sigmoid((place - draw.uniform(-0.5, 0.5)) * draw.uniform(2, 60))

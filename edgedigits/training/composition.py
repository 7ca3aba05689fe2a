"""Lines composed of glyphs, a batch at once on the device that trains, with the place of every symbol known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edgedigits.alphabet import ALPHABET, LINE_HEIGHT
from edgedigits.training.glyphs import BOX_HEIGHT, BOX_WIDTH, Glyphs
from edgedigits.training.paper import on_paper, written

__all__ = ["Composer", "Lines", "Plan"]

PATCH = 56
"""Columns that a glyph may cover, slanted as it may be."""
STRANGERS = 0.15
"""Share of lines whose digits are by several writers, though they are known."""
WIDTH_STEP = 16
"""Lines of one batch are of one width, a multiple of this."""
NARROWEST = 24
"""Columns of a line with little or nothing on it."""
HEIGHTS = (19, 27)
"""Of digits, in rows: the highest of a line are 25 high, as the runner cuts it out."""
GAPS = (-0.06, 0.05, 0.05, 0.15, 0.15, 0.3, 0.3, 0.5, 0.9)
"""Paper between digits, in units of their height; below 0 they overlap."""
ROOMY = 0.9
"""Share of lines that have paper before and after them."""
BENT, BENDINGS, BENDS = 0.06, 512, (5, 8)
"""How far ink strays at most (as a standard deviation, in units of a digit's height) where writing is bent, as in
P. Simard, D. Steinkraus & J. Platt, 'Best Practices for Convolutional Neural Networks' (ICDAR 2003); how many ways to
bend there are; and how many times a patch is bent, down and across."""
JOINED, STRAY = 0.1, 0.12
"""Shares of lines whose digits are joined by strokes, and into which parts of others reach, above or below."""
GARLANDS = 0.6
"""Share of zeros that are joined to the next where somebody writes them in one go."""
LARGE, LARGER = 0.12, (1.2, 1.9)
"""Share of hands that begin with a large digit, and how much larger than the others it is."""
DIGITS, DASH = 10, ALPHABET.index("-")


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines and what they say: `pictures` uint8 [n, 32, width]; `symbols` int64 [n, most], places in the alphabet,
    -1 after the last; `centres` float32 [n, most], their middles in columns.
    """

    pictures: Tensor
    symbols: Tensor
    centres: Tensor


class Composer:
    """Draws batches of lines from glyphs; the same seed gives the same lines on the same device.

    `strength`, 0 to 1, is by what part hands, paper and camera differ from what is plain to read. In a share `alike` of
    lines, a digit that comes again is the same glyph, bent otherwise.
    """

    def __init__(
        self, digits: Glyphs, marks: Glyphs, device: torch.device, strength: float = 1.0, alike: float = 0.0
    ) -> None:
        self._strength, self._alike = strength, alike
        self._ink = torch.from_numpy(np.concatenate([digits.ink, marks.ink])).to(device)
        self._size = np.concatenate([digits.size, marks.size]).astype(np.float32)
        self._height = np.concatenate([digits.height, marks.height])
        self._top = np.concatenate([digits.top, marks.top])
        self._device = device
        self._bendings = _bendings(device)
        collections = np.unique(digits.collection)
        shares = np.sqrt(np.bincount(digits.collection))
        self._shares = shares / shares.sum()
        self._digits = [
            [_ByWriter(digits, (digits.collection == collection) & (digits.symbol == symbol)) for symbol in range(10)]
            for collection in collections
        ]
        self._writers = [digits.writer[digits.collection == collection] for collection in collections]
        self._marks = {
            symbol: len(digits) + np.flatnonzero(marks.symbol == symbol) for symbol in np.unique(marks.symbol).tolist()
        }

    def batch(self, plans: list[Plan], generator: torch.Generator) -> Lines:
        """Planned lines, each on paper, through a camera of its own."""
        width = max(plan.width for plan in plans)
        width = -(-width // WIDTH_STEP) * WIDTH_STEP
        ink = torch.zeros((len(plans), LINE_HEIGHT, width + PATCH), device=self._device)
        rows = np.concatenate([np.full(len(plan.glyphs), i) for i, plan in enumerate(plans)])
        if len(rows):
            self._draw(ink, rows, plans)
        ink = written(ink[:, :, :width], generator, self._strength)
        most = max(1, *(len(plan.symbols) for plan in plans))
        symbols = np.full((len(plans), most), -1, np.int64)
        centres = np.zeros((len(plans), most), np.float32)
        for i, plan in enumerate(plans):
            symbols[i, : len(plan.symbols)] = plan.symbols
            centres[i, : len(plan.symbols)] = plan.centres
        return Lines(
            on_paper(ink, generator, self._strength),
            torch.from_numpy(symbols).to(self._device),
            torch.from_numpy(centres).to(self._device),
        )

    def _draw(self, ink: Tensor, rows: NDArray[np.int64], plans: list[Plan]) -> None:
        glyphs = np.concatenate([plan.glyphs for plan in plans])
        maps = np.concatenate([plan.maps for plan in plans])
        left = np.concatenate([plan.left for plan in plans])
        chosen = self._ink[torch.from_numpy(glyphs).to(self._device)].unsqueeze(1).float() * (1 / 255)
        grid = _grid(torch.from_numpy(maps).to(self._device))
        bent = torch.from_numpy(np.repeat([plan.bent for plan in plans], [len(plan.glyphs) for plan in plans]))
        ways = torch.from_numpy(np.concatenate([plan.ways for plan in plans])).to(self._device)
        grid = grid + bent.to(self._device, torch.float32).view(-1, 1, 1, 1) * self._bendings[ways]
        patches = F.grid_sample(chosen, grid, mode="bilinear", padding_mode="zeros", align_corners=False).squeeze(1)
        _, height, width = ink.shape
        start = torch.from_numpy(rows * height * width + left).to(self._device).view(-1, 1, 1)
        down = torch.arange(height, device=self._device).view(1, -1, 1) * width
        places = start + down + torch.arange(PATCH, device=self._device)
        ink.view(-1).scatter_reduce_(0, places.reshape(-1), patches.reshape(-1), "amax")

    def plan(self, text: str, rng: np.random.Generator) -> Plan:
        """How a line that says `text` is to be written, in a hand of its own."""
        symbols = [ALPHABET.index(symbol) for symbol in text]
        glyphs = self._choose(symbols, rng)
        hand = _Hand.draw(rng, self._strength)
        places = _Places(self._size, self._height, self._top)
        x = rng.uniform(1, 18) if rng.random() < ROOMY else rng.uniform(-1, 2)
        scales = np.array([hand.scale(symbol, i / len(symbols), rng) for i, symbol in enumerate(symbols)])
        # The runner makes the highest digit of a line as high as this, whatever the others are.
        scales *= min(1.0, HEIGHTS[1] / max(scales, default=1.0))
        for i, (glyph, symbol, scale) in enumerate(zip(glyphs.tolist(), symbols, scales.tolist(), strict=True)):
            top = hand.top + (hand.height - scale) * rng.uniform(0.3, 1) + hand.rise * x
            is_digit = symbol < DIGITS
            width = places.add(
                glyph,
                x,
                top=top + rng.normal(0, 0.05) * hand.height,
                scale=scale,
                wide=hand.width(symbol, rng) if is_digit else 1.0,
                slant=hand.slant + rng.normal(0, 0.07) if is_digit else rng.normal(0, 0.1),
            )
            is_between = is_digit and (i + 1 == len(symbols) or symbols[i + 1] < DIGITS)
            # However much they overlap, digits stand one after the other.
            x += max(width + hand.gap(symbols[i : i + 2], rng, is_between=is_between) * hand.height, 0.5 * width, 3.0)
        centres = np.array(places.left, np.float32) + np.array(places.width, np.float32) / np.float32(2)
        width = int(max(x + (rng.uniform(0, 18) if rng.random() < ROOMY else 0), NARROWEST))
        self._join(places, hand, symbols, centres, rng)
        if rng.random() < STRAY * self._strength:
            for glyph in self._choose(rng.integers(0, DIGITS, rng.integers(1, 4)).tolist(), rng).tolist():
                scale, shown = hand.height * rng.uniform(0.7, 1.3), rng.uniform(1, 5)
                top = shown - scale if rng.random() < 0.5 else LINE_HEIGHT - shown
                places.add(glyph, rng.uniform(0, width), top=top, scale=scale, wide=1.0, slant=hand.slant)
        return places.plan(symbols, centres, width, hand.bent, rng.integers(0, 2 * BENDINGS, len(places.glyphs)))

    def _join(
        self, places: _Places, hand: _Hand, symbols: list[int], centres: NDArray[np.float32], rng: np.random.Generator
    ) -> None:
        """Strokes from one digit to the next, as the pen leaves them that is not lifted."""
        share = 0.5 if rng.random() < JOINED * self._strength else 0.0
        garlands = GARLANDS if hand.rounds else 0.0
        for i, pair in enumerate(pairwise(symbols)):
            if max(pair) < DIGITS and rng.random() < max(share, garlands if pair == (0, 0) else 0.0):
                dash = int(rng.choice(self._marks[DASH]))
                span = 0.8 * float(centres[i + 1] - centres[i])
                scale = hand.height * rng.uniform(0.5, 1.0)
                wide = span / max(1.0, scale * float(self._height[dash] * self._size[dash, 1] / self._size[dash, 0]))
                top, height = places.rows(i)
                where = rng.uniform(0.7, 1.0) if hand.joins_below else rng.uniform(0.0, 0.3)
                top += where * height - float(self._top[dash]) * scale
                places.add(dash, float(centres[i]) + span / 8, top=top, scale=scale, wide=wide, slant=hand.slant)

    def _choose(self, symbols: list[int], rng: np.random.Generator) -> NDArray[np.int64]:
        """A glyph for each symbol, those of digits of one collection, and as a rule by one writer."""
        collection = rng.choice(len(self._digits), p=self._shares)
        writers = self._writers[collection]
        writer, stranger = writers[rng.integers(len(writers))], rng.random() < STRANGERS * self._strength
        is_alike = self._alike > 0 and rng.random() < self._alike
        known: dict[int, int] = {}
        chosen = []
        for symbol in symbols:
            if symbol >= DIGITS:
                chosen.append(int(rng.choice(self._marks[symbol])))
            elif is_alike and symbol in known:
                chosen.append(known[symbol])
            else:
                known[symbol] = self._digits[collection][symbol].choose(None if stranger else writer, rng)
                chosen.append(known[symbol])
        return np.array(chosen, np.int64)


class _ByWriter:
    """Glyphs of one symbol, those of each writer together."""

    def __init__(self, digits: Glyphs, which: NDArray[np.bool_]) -> None:
        places = np.flatnonzero(which)
        self._glyphs = places[np.argsort(digits.writer[places], kind="stable")]
        self._starts = np.searchsorted(digits.writer[self._glyphs], np.arange(digits.writer.max() + 2))

    def choose(self, writer: int | None, rng: np.random.Generator) -> int:
        """A glyph by a writer; by anybody where that is None, or they left none."""
        theirs = self._glyphs if writer is None else self._glyphs[slice(*self._starts[writer : writer + 2])]
        return int(rng.choice(theirs if len(theirs) else self._glyphs))


@dataclass(frozen=True)
class _Hand:
    """How somebody writes a line; lengths are in pixels, but for gap, unevenness and bends, in units of the height.

    Heights of digits differ by `sizes`, a standard deviation of their logarithm: little as a rule, in some hands a lot.
    The `first` digit is so many times as large as others are. Who `rounds` writes zeros low and wide, and joined where
    they follow each other; strokes that join are on top, but for hands that `joins_below`.
    """

    height: float
    top: float
    wide: float
    slant: float
    usual_gap: float
    uneven: float
    sizes: float
    drift: float
    rise: float
    bent: float
    rounds: bool
    first: float
    joins_below: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, strength: float) -> _Hand:
        height = math.exp(rng.uniform(*np.log(HEIGHTS)))
        return cls(
            height=height,
            top=(LINE_HEIGHT - height) / 2 + strength * rng.normal(0, 1.3),
            wide=math.exp(strength * rng.normal(0, 0.22)),
            slant=0.1 + strength * rng.normal(0, 0.33),
            usual_gap=float(rng.choice(GAPS)) + strength * rng.normal(0, 0.05),
            uneven=strength * rng.uniform(0.02, 0.14),
            sizes=0.05 + strength * 0.25 * rng.random() ** 2,
            drift=strength * rng.normal(0, 0.12),
            rise=strength * rng.normal(0, 0.025),
            bent=strength * rng.uniform(0, BENT),
            rounds=rng.random() < 0.3 * strength,
            first=rng.uniform(*LARGER) if rng.random() < LARGE * strength else 1.0,
            joins_below=rng.random() < 0.3,
        )

    def scale(self, symbol: int, along: float, rng: np.random.Generator) -> float:
        """Height of a digit, the share `along` of the line."""
        scale = self.height * math.exp(rng.normal(0, self.sizes) + self.drift * along)
        if along == 0:
            scale *= self.first
        return scale * rng.uniform(0.5, 0.95) if self.rounds and symbol == 0 else scale

    def width(self, symbol: int, rng: np.random.Generator) -> float:
        """How much wider a digit is than it was written."""
        wide = self.wide * math.exp(rng.normal(0, 0.08))
        return wide * rng.uniform(1.0, 1.9) if self.rounds and symbol == 0 else wide

    def gap(self, symbols: list[int], rng: np.random.Generator, *, is_between: bool) -> float:
        """Paper after a symbol, before the next, if there is one; between digits, it may be less than none."""
        gap = self.usual_gap + rng.normal(0, self.uneven)
        if self.rounds and symbols == [0, 0]:  # in one go, as garlands
            return rng.uniform(-0.1, 0.06)
        return gap if is_between else abs(gap) * rng.uniform(0.3, 1.2) + 0.03


class _Places:
    """Where each glyph goes, by its index: `left`, `top`, `width` and `height` of its ink in pixels, and its slant."""

    def __init__(self, size: NDArray[np.float32], height: NDArray[np.float32], top: NDArray[np.float32]) -> None:
        self._size, self._height, self._top = size, height, top
        self.glyphs: list[int] = []
        self.left: list[float] = []
        self.width: list[float] = []
        self._rows: list[tuple[float, float, float]] = []

    def add(self, glyph: int, left: float, *, top: float, scale: float, wide: float, slant: float) -> float:
        """Put a glyph so that a digit beside it is `scale` high with its top at `top`, and return its width."""
        high = scale * float(self._height[glyph])
        width = min(wide * high * float(self._size[glyph, 1] / self._size[glyph, 0]), PATCH - 12.0)
        self.glyphs.append(glyph)
        self.left.append(left)
        self.width.append(width)
        self._rows.append((top + scale * float(self._top[glyph]), high, slant))
        return width

    def rows(self, place: int) -> tuple[float, float]:
        """Top and height of a glyph, by its place among those that were put."""
        top, height, _ = self._rows[place]
        return top, height

    def plan(
        self, symbols: list[int], centres: NDArray[np.float32], width: int, bent: float, ways: NDArray[np.int64]
    ) -> Plan:
        x, w = np.array(self.left), np.array(self.width)
        y, h, slant = np.array(self._rows).reshape(-1, 3).T
        left = np.clip(np.floor(x + w / 2 - PATCH / 2), 0, width).astype(np.int64)
        # A patch's place (u, v) shows the box's (a u + b v + c, d v + e), all as grid_sample counts: from -1 to 1.
        size = self._size[np.array(self.glyphs, np.int64)]
        across, down = size[:, 1] / w, size[:, 0] / h
        off_x, off_y = left + PATCH / 2 - (x + w / 2), LINE_HEIGHT / 2 - (y + h / 2)
        maps = np.zeros((len(x), 2, 3), np.float32)
        maps[:, 0, 0] = across * PATCH / BOX_WIDTH
        maps[:, 0, 1] = across * slant * LINE_HEIGHT / BOX_WIDTH
        maps[:, 0, 2] = 2 * (size[:, 1] / 2 + across * (off_x + slant * off_y)) / BOX_WIDTH - 1
        maps[:, 1, 1] = down * LINE_HEIGHT / BOX_HEIGHT
        maps[:, 1, 2] = 2 * (size[:, 0] / 2 + down * off_y) / BOX_HEIGHT - 1
        return Plan(symbols, np.array(self.glyphs, np.int64), maps, left, centres, width, bent, ways)


@dataclass(frozen=True, eq=False)
class Plan:
    """A line to be drawn: `maps` float32 [glyphs, 2, 3] from a glyph's patch to its box, `left` the patch's column,
    `width` the line's in pixels, `ways` int64 [glyphs] in which they are bent, as much as `bent` says.
    """

    symbols: list[int]
    glyphs: NDArray[np.int64]
    maps: NDArray[np.float32]
    left: NDArray[np.int64]
    centres: NDArray[np.float32]
    width: int
    bent: float
    ways: NDArray[np.int64]

    @property
    def text(self) -> str:
        """What the line says."""
        return "".join(ALPHABET[symbol] for symbol in self.symbols)


def _grid(maps: Tensor) -> Tensor:
    """What `F.affine_grid` makes of maps `float32 [n, 2, 3]` for patches, `[n, LINE_HEIGHT, PATCH, 2]`, sooner."""
    across, down = (((2 * torch.arange(n, device=maps.device) + 1) / n - 1).unsqueeze(1) for n in (PATCH, LINE_HEIGHT))
    by_x, by_y, shift = (maps[:, None, None, :, i] for i in range(3))
    return by_x * across + (by_y * down.unsqueeze(1) + shift)


def _bendings(device: torch.device) -> Tensor:
    """Smooth random displacements `float32 [2 * BENDINGS, LINE_HEIGHT, PATCH, 2]`, across and down, in units that
    grid_sample counts boxes in, of a standard deviation of a digit's height. The second half are mirror images.
    """
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn((BENDINGS, 2, *BENDS), generator=generator)
    bends = F.interpolate(coarse, size=(LINE_HEIGHT, PATCH), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    bends = bends / bends.std() * torch.tensor([2 * BOX_HEIGHT / BOX_WIDTH, 2.0])
    return torch.cat([bends, -bends]).to(device)

"""Handwritten digits, read on a CPU-only device in microseconds, with a word on whether to trust the answer."""

from edgedigits.card import Card
from edgedigits.errors import EdgeDigitsError
from edgedigits.recognizer import Recognizer
from edgedigits.results import Alternative, Digit, Line, Predictions, Reading, Separator

__all__ = [
    "Alternative",
    "Card",
    "Digit",
    "EdgeDigitsError",
    "Line",
    "Predictions",
    "Reading",
    "Recognizer",
    "Separator",
    "__version__",
]

__version__ = "0.1.0"

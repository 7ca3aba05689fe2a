"""Handwritten digits, read on a CPU-only device in microseconds, with a word on whether to trust the answer."""

from edgedigits.card import Card
from edgedigits.errors import EdgeDigitsError
from edgedigits.recognizer import Recognizer
from edgedigits.results import Digit, Predictions, Reading

__all__ = ["Card", "Digit", "EdgeDigitsError", "Predictions", "Reading", "Recognizer", "__version__"]

__version__ = "0.1.0"

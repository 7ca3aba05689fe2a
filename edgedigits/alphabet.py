"""What a line model tells apart, in the order of its output."""

from __future__ import annotations

__all__ = ["ALPHABET", "BLANK", "LINE_HEIGHT", "OTHER", "SEPARATORS", "STRIDE"]

SEPARATORS = ".,-=#"
"""Marks that part digits or fill the space around them; `#` stands for all that people fill amounts up with, such as
hashes, stars and currency signs."""
ALPHABET = (*"0123456789", *SEPARATORS, "?", "")
"""Digits, separators, `?` for what is written and is neither, and nothing."""
OTHER, BLANK = ALPHABET.index("?"), ALPHABET.index("")
LINE_HEIGHT = 32
"""Rows of a line's picture."""
STRIDE = 2
"""Its columns to one step of the output."""

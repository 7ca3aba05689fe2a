"""What is known of a line before it is read: how long it is, between which numbers, and its check digit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edgedigits.errors import InputError

__all__ = ["CHECKS", "Expected", "luhn", "mod_11_2", "mod_11_10", "mod_97_10"]

MOST_DIGITS = 640
"""Of a longer string Python may refuse to make a number (`sys.set_int_max_str_digits`), and nobody expects one."""


def luhn(text: str) -> bool:
    """Whether the last of some digits is the check digit of those before it, of which there must be one, by Luhn.

    H. P. Luhn, Computer for verifying numbers, US patent 2,950,048, 1960; ISO/IEC 7812-1, annex B.
    """
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(map(int, text[-1::-2])) + sum(doubled[int(digit)] for digit in text[-2::-2])
    return len(text) > 1 and total % 10 == 0


def mod_11_10(text: str) -> bool:
    """Whether the last of some digits is the check digit of those before it, of which there must be one.

    ISO/IEC 7064:2003, the hybrid system MOD 11,10.
    """
    product = 10
    for digit in text[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return len(text) > 1 and (product + int(text[-1])) % 10 == 1


def mod_97_10(text: str) -> bool:
    """Whether the last two of some digits are the check digits of those before them, of which there must be one.

    ISO/IEC 7064:2003, the pure system MOD 97-10.
    """
    return len(text) > 2 and _remainder(text, 10, 97) == 1


def mod_11_2(text: str) -> bool:
    """Whether the last of some digits is the check digit of those before it, of which there must be one.

    ISO/IEC 7064:2003, the pure system MOD 11-2. Numbers whose check character is X cannot be written in digits, so
    that no string of digits is right for them.
    """
    return len(text) > 1 and _remainder(text, 2, 11) == 1


def _remainder(text: str, radix: int, modulus: int) -> int:
    remainder = 0
    for digit in text:
        remainder = (remainder * radix + int(digit)) % modulus
    return remainder


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "luhn": luhn,
        "iso7064-mod11-10": mod_11_10,
        "iso7064-mod97-10": mod_97_10,
        "iso7064-mod11-2": mod_11_2,
    }
)
"""Check functions by the names that the command line has for them."""


@dataclass(frozen=True)
class Expected:
    """What a line is expected to be; what is None may be anything.

    `length` is how many digits it has, or the least and the most, both included; `minimum` and `maximum` are the least
    and the greatest number that it may be, both included. `check` is asked last, of a string of one to 640 digits, and
    says whether it may be: one of `CHECKS`, or any other function. It is asked of dozens of strings to a line, so let
    it be quick. What it raises is not caught: a check that fails has neither allowed nor refused anything. An
    expectation can be pickled if its `check` can, as a function of a module can.

    Raises `InputError` for an expectation that nothing could meet, or that is of the wrong type.
    """

    length: int | tuple[int, int] | None = None
    minimum: int | None = None
    maximum: int | None = None
    check: Callable[[str], bool] | None = None

    def __post_init__(self) -> None:
        if self.length is not None:
            lengths = self.length if isinstance(self.length, tuple) else (self.length, self.length)
            if len(lengths) != 2 or not all(type(bound) is int for bound in lengths):
                raise InputError("an expected length is a whole number, or a pair of them: the least and the most")
            if not 1 <= lengths[0] <= lengths[1] <= MOST_DIGITS:
                raise InputError(f"an expected length is from 1 to {MOST_DIGITS}, the least of a pair before the most")
        for bound in (self.minimum, self.maximum):
            if bound is not None and (type(bound) is not int or bound < 0):
                raise InputError("an expected minimum or maximum is a whole number, not below 0")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise InputError("the expected minimum is above the maximum")
        if self.length is not None and self.minimum is not None and self.minimum >= 10 ** lengths[1]:
            raise InputError(f"the expected minimum has more digits than the {lengths[1]} that are expected at most")
        if self.check is not None and not callable(self.check):
            raise InputError(f"an expected check is a function; those with a name are {', '.join(CHECKS)}")

    def allows(self, text: str) -> bool:
        """Whether a line may say this; false for what is not one to 640 of the digits 0 to 9, and nothing else."""
        if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
            return False
        if self.length is not None:
            least, most = self.length if isinstance(self.length, tuple) else (self.length, self.length)
            if not least <= len(text) <= most:
                return False
        if self.minimum is not None and int(text) < self.minimum:
            return False
        if self.maximum is not None and int(text) > self.maximum:
            return False
        return self.check is None or bool(self.check(text))

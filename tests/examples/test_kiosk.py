import sys
from pathlib import Path

import pytest

from edgedigits import Recognizer

KIOSK = Path(__file__).parents[2] / "examples" / "kiosk_tk.py"
ONE = [(52, 0), (51, 25), (50, 50), (49, 75), (48, 100)]
TWO = [(15, 25), (25, 8), (50, 0), (72, 12), (70, 38), (50, 65), (18, 98), (50, 97), (82, 98)]
FOUR = [(35, 0), (26, 25), (15, 55), (50, 55), (85, 54)], [(62, 15), (60, 50), (58, 100)]
SEVEN = [(15, 2), (50, 2), (80, 3), (70, 35), (58, 70), (48, 100)]
ZERO = [(50, 0), (28, 10), (15, 35), (15, 65), (28, 90), (50, 100), (72, 90), (85, 65), (85, 35), (72, 10), (52, 0)]
SCRIBBLE = [(0, 10), (100, 25), (0, 40), (100, 55), (0, 70), (100, 85), (0, 100)]
FOREVER = "1000000"


@pytest.fixture
def kiosk(person):
    """A form that runs as a user would run it, where every warning is an error."""
    return lambda *arguments: person(sys.executable, "-W", "error", KIOSK, *arguments)


def one_or_seven():
    """The stroke that the default model is least sure of: an upright with a bar to the left, of whatever length."""
    read = Recognizer().read_strokes
    marks = [[(52 - bar, 0), (52 - bar / 2, 0), *ONE] for bar in range(60)]
    mark = min(marks, key=lambda stroke: read([stroke]).confidence)
    reading = read([mark])
    assert (reading.reason, {reading.digits[0].value, reading.digits[0].runner_up}) == ("unsure", {1, 7})
    return mark, reading.digits[0]


def test_an_amount_is_written(kiosk):
    person = kiosk()
    for digit, amount in ((ONE, "0.01"), (SEVEN, "0.17"), (ZERO, "1.70"), (TWO, "17.02"), (ZERO, "170.20")):
        person.writes(digit)
        person.sees(f"Amount {amount} Write a digit.")
    person.types("5")
    person.sees("Amount 1,702.05 ")
    person.taps(2, of=2)
    assert person.leaves() == (0, "1702.05\n", "")


def test_a_pin_is_kept_out_of_sight(kiosk):
    person = kiosk("--mode", "pin", "--length", "3")
    person.writes(ZERO)
    person.sees("PIN ●○○ Write a digit.")
    person.types("4", "Return")
    person.writes(TWO)
    person.sees("PIN ●●● That is all: press Done.")
    person.types("9", "Return")
    assert person.leaves() == (0, "042\n", "")


def test_what_could_be_two_digits_is_asked(kiosk):
    mark, digit = one_or_seven()
    person = kiosk()
    person.writes(mark)
    person.sees(f"Amount 0.00 A {digit.value} or a {digit.runner_up}?")
    person.types("Return")
    person.taps(2, of=3)
    person.sees(f"Amount 0.0{digit.runner_up} Write a digit.")
    person.writes(mark)
    person.sees("?")
    person.taps(1, of=3)
    person.sees(f"Amount 0.{digit.runner_up}{digit.value} Write a digit.")
    person.types("Return")
    assert person.leaves() == (0, f"0.{digit.runner_up}{digit.value}\n", "")


def test_a_question_is_answered_by_writing_again(kiosk):
    mark, _ = one_or_seven()
    person = kiosk()
    person.writes(mark)
    person.sees("Amount 0.00 A ", "?")
    person.taps(3, of=3)
    person.sees("Amount 0.00 Write a digit.")
    person.writes(mark)
    person.sees("Amount 0.00 A ", "?")
    person.writes(TWO)
    person.sees("Amount 0.02 Write a digit.")
    person.types("Escape")
    assert person.leaves() == (1, "", "")


def test_what_is_no_digit_is_refused(kiosk):
    person = kiosk()
    person.writes(SCRIBBLE)
    person.sees("Amount 0.00 That was no digit: write it again.")
    person.types("Return")
    person.writes(ONE)
    person.sees("Amount 0.01 ")
    person.types("Return")
    assert person.leaves() == (0, "0.01\n", "")


def test_a_keyboard_is_enough(kiosk):
    person = kiosk("--length", "3")
    person.types("x", "1", "2", "BackSpace", "KP_7", "5", "6")
    person.sees("Amount 1.75 That is all: press Done.")
    person.types("KP_Enter")
    assert person.leaves() == (0, "1.75\n", "")


def test_done_takes_what_is_written_and_shows_it_first(kiosk):
    person = kiosk("--pause", FOREVER)
    person.writes(*FOUR)
    person.types("Return")
    person.sees("Amount 0.04 ")
    person.writes(SCRIBBLE)
    person.taps(2, of=2)
    person.sees("Amount 0.04 That was no digit: write it again.")
    person.taps(2, of=2)
    assert person.leaves() == (0, "0.04\n", "")


def test_what_is_on_the_pad_is_erased_first(kiosk):
    person = kiosk("--pause", FOREVER)
    person.types("3", "8")
    person.writes(SEVEN)
    person.taps(1, of=2)
    person.sees("Amount 0.38 Write a digit.")
    person.taps(1, of=2)
    person.sees("Amount 0.03 Write a digit.")
    person.types("Return")
    assert person.leaves() == (0, "0.03\n", "")


@pytest.mark.parametrize("size", [(480, 320), (320, 480), (1280, 720)])
def test_a_window_of_any_size_will_do(kiosk, size):
    person = kiosk()
    person.resizes(*size)
    person.writes(TWO)
    person.sees("Amount 0.02 ")
    person.taps(2, of=2)
    assert person.leaves() == (0, "0.02\n", "")

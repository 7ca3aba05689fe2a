"""Whole numbers, read by the model that ships for them."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from edgedigits import Recognizer
from edgedigits.artifact import OnnxArtifact
from edgedigits.decoding import decode
from edgedigits.errors import ClosedError, InputError
from edgedigits.expectation import Expected, luhn
from edgedigits.line_reading import WIDTH_STEP
from edgedigits.lines import find_lines
from edgedigits.looks import looked_at
from edgedigits.models import shipped_file
from edgedigits.results import Line
from edgedigits.training.synthetic import draw_digit, draw_strokes, strokes_of

EXAMPLES = Path(__file__).parents[1] / "examples" / "amounts"
HEIGHT = 44
LETTERS = (
    "0,100 20,50 40,0 / 40,0 58,50 78,100 / 14,64 40,63 66,64",
    "4,0 4,100 / 60,0 32,28 6,54 / 20,42 40,70 66,100",
    "0,100 6,0 6,0 44,62 44,62 82,0 82,0 88,100",
    "0,0 20,98 20,98 42,24 42,24 62,98 62,98 86,0",
)


@pytest.fixture(scope="module")
def amount():
    return Recognizer("amount")


def page_of(*lines, seed=0, gap=14):
    """Lines of digits, dark on light, and the box of each digit."""
    page = np.full((60 + 100 * len(lines), 120 + 64 * max(map(len, lines))), 255, np.uint8)
    boxes = []
    for number, digits in enumerate(lines):
        x, y = 40, 40 + 100 * number
        for i, digit in enumerate(digits):
            box = put(page, draw_digit(int(digit), np.random.default_rng((seed, number, i)), 112), x, y)
            boxes.append(box)
            x = box[2] + gap
    return page, boxes


def put(page, drawn, x, y, height=HEIGHT):
    left, top, right, bottom = Image.fromarray(drawn).getbbox()
    width = max(5, round((right - left) * height / (bottom - top)))
    ink = Image.fromarray(drawn[top:bottom, left:right]).resize((width, height), Image.Resampling.BOX)
    place = page[y : y + height, x : x + width]
    np.minimum(place, 255 - np.asarray(ink), out=place)
    return x, y, x + width, y + height


def fit(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0, width) * max(0, height)
    return both / sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) * 2


def test_an_amount_is_read_with_its_separators_apart(amount):
    reading = amount.read(EXAMPLES / "cheque.png")
    (line,) = reading.lines
    assert (reading.text, reading.accepted, reading.reason) == ("48250", True, None)
    assert line.written.startswith("48.250")
    assert [digit.value for digit in reading.digits] == [4, 8, 2, 5, 0]
    assert {separator.text for separator in line.separators} <= set(".,-=#")
    assert line.separators


def test_each_line_is_read(amount):
    reading = amount.read(EXAMPLES / "meters.png")
    first, second, third = reading.lines
    assert (first.text, second.text, third.text) == ("019364", "770218", "2580")
    assert reading.text == "\n".join(line.text for line in reading.lines)
    assert reading.confidence == pytest.approx(np.prod([line.confidence for line in reading.lines]))
    assert reading.digits == tuple(digit for line in reading.lines for digit in line.digits)


def test_a_page_is_accepted_where_all_of_its_lines_are():
    reading = Recognizer("amount", max_error=0.05).read(EXAMPLES / "meters.png")
    assert [line.accepted for line in reading.lines] == [True, True, True]
    assert (reading.accepted, reading.reason) == (True, None)


def test_a_line_that_is_not_trusted_leaves_all_of_a_page_untrusted(amount):
    reading = amount.read(EXAMPLES / "meters.png")
    assert [line.accepted for line in reading.lines] == [True, False, True]
    assert (reading.accepted, reading.reason) == (False, "unsure")


def test_boxes_hold_the_digits(amount):
    page, boxes = page_of("30582", "4967")
    reading = amount.read(page)
    assert reading.text == "30582\n4967"
    assert [fit(digit.box, box) > 0.8 for digit, box in zip(reading.digits, boxes, strict=True)] == [True] * 9


def test_most_lines_of_digits_apart_are_read_right_and_what_is_accepted_is_right(amount):
    rng = np.random.default_rng(7)
    texts = ["".join(map(str, rng.integers(0, 10, rng.integers(2, 9)))) for _ in range(40)]
    readings = [amount.read(page_of(text, seed=i)[0]) for i, text in enumerate(texts)]
    right = [reading.text == text for reading, text in zip(readings, texts, strict=True)]
    assert sum(right) >= 36
    assert sum(reading.accepted and not ok for reading, ok in zip(readings, right, strict=True)) <= 1


def test_light_on_dark_is_read_alike(amount):
    page, _ = page_of("6071")
    assert amount.read(255 - page).text == amount.read(page).text == "6071"


def test_a_line_in_doubt_says_which_digits_and_what_they_might_be():
    strict = Recognizer("amount", max_error=0.02)
    page, boxes = page_of("80808")
    middle = slice(boxes[2][0] - 4, boxes[2][2] + 4)
    page[:, middle] = np.roll(page, 13, axis=1)[:, middle] // 2 + 127
    reading = strict.read(page)
    (line,) = reading.lines
    assert not reading.accepted
    doubtful = [digit for digit in line.digits if not digit.accepted]
    assert doubtful or line.alternatives
    assert all(digit.reason == "unsure" and digit.runner_up != digit.value for digit in doubtful)


def test_upside_down_is_said_often_and_hardly_ever_accepted(amount):
    pages = [page_of("2475", seed=seed)[0] for seed in range(60)]
    reasons = [amount.read(np.ascontiguousarray(page[::-1, ::-1])).reason for page in pages]
    assert reasons.count("upside down") >= 20
    assert reasons.count(None) <= 1


def test_letters_are_not_accepted(amount):
    page = np.full((140, 500), 255, np.uint8)
    x = 40
    for i, letter in enumerate(LETTERS):
        x = put(page, draw_strokes(strokes_of(letter), np.random.default_rng(i), 112), x, 40)[2] + 14
    reading = amount.read(page)
    assert not reading.accepted
    assert reading.reason in {"no digit", "unsure"}


@pytest.mark.parametrize("grey", [np.full((80, 300), 255, np.uint8), np.zeros((80, 300), np.uint8)])
def test_blank_paper_says_so(amount, grey):
    reading = amount.read(grey)
    assert (reading.text, reading.accepted, reading.reason, reading.lines) == ("", False, "blank", ())


def test_what_is_expected_takes_part(amount):
    page, _ = page_of("4929")
    free, held = amount.read(page), amount.read(page, expected=Expected(length=4, minimum=1000, maximum=5000))
    assert held.text == free.text == "4929"
    assert held.confidence >= free.confidence


@pytest.mark.parametrize(
    "expected", [Expected(length=5), Expected(maximum=4000), Expected(check=lambda text: text[0] == "7")]
)
def test_ink_that_is_not_as_expected_is_never_accepted(amount, expected):
    page, _ = page_of("4929")
    reading = amount.read(page, expected=expected)
    (line,) = reading.lines
    assert (reading.accepted, reading.reason, line.reason) == (False, "unexpected", "unexpected")
    assert "4929" in {line.text, *(alternative.text for alternative in line.alternatives)}


def test_a_check_digit_that_fits_makes_surer(amount):
    number = next(str(n) for n in range(37120, 37200) if luhn(str(n)))
    page, _ = page_of(number)
    assert amount.read(page, expected=Expected(check=luhn)).confidence >= amount.read(page).confidence


def test_many_are_read_as_one_by_one(amount):
    pages = [page_of(text, seed=3)[0] for text in ("12", "345", "6789", "01")]
    assert [reading for _, reading in amount.read_many(pages)] == [amount.read(page) for page in pages]


def test_a_reading_becomes_json(amount):
    reading = amount.read(EXAMPLES / "meters.png")
    told = json.loads(json.dumps(reading.to_dict()))
    assert [line["text"] for line in told["lines"]] == [line.text for line in reading.lines]
    assert set(told["lines"][0]) == set(Line.__dataclass_fields__)


def test_it_is_pickled_and_shared_by_threads(amount):
    page, _ = page_of("580312")
    again = pickle.loads(pickle.dumps(amount))
    with ThreadPoolExecutor(4) as pool:
        readings = list(pool.map(lambda _: again.read(page), range(16)))
    assert readings == [amount.read(page)] * 16


@pytest.mark.parametrize("text", ["", "52"])
def test_a_closed_recognizer_reads_nothing_blank_paper_included(text):
    page = page_of(text)[0] if text else np.full((80, 300), 255, np.uint8)
    with Recognizer("amount") as recognizer:
        pass
    with pytest.raises(ClosedError):
        recognizer.read(page)
    with pytest.raises(ClosedError):
        list(recognizer.read_many([page]))


def test_what_takes_lines_takes_no_frames_and_no_strokes(amount):
    with pytest.raises(InputError, match="takes lines"):
        amount.classify(np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(InputError, match="takes lines"):
        amount.read_strokes([[(0, 0), (1, 1)]])


def test_of_one_digit_nothing_can_be_expected():
    page, _ = page_of("7")
    with pytest.raises(InputError, match="amount"):
        Recognizer("small").read(page, expected=Expected(length=1))
    with pytest.raises(InputError, match="amount"):
        next(Recognizer("small").read_many([page], expected=Expected(length=1)))


def test_a_number_that_is_struck_out_is_not_accepted(amount):
    reasons = []
    for seed in range(30):
        page, boxes = page_of("48250", seed=seed, gap=8)
        middle, rise = (boxes[0][1] + boxes[0][3]) / 2, seed % 7 - 3
        # On a page as narrow as the number, it would be a ruled line.
        image = Image.fromarray(np.pad(page, ((0, 0), (0, 300)), constant_values=255))
        ends = (boxes[0][0] - 8, middle - rise, boxes[-1][2] + 8, middle + rise)
        ImageDraw.Draw(image).line(ends, fill=0, width=3 + seed % 2)
        reasons.append(amount.read(image).reason)
    assert None not in reasons
    assert reasons.count("struck out") >= 5


@pytest.mark.parametrize(
    ("height", "slope", "dash"), [(24, 0, 0), (28, 0, 0), (28, 0, 1), (28, 0.08, 0), (28, -0.08, 0)]
)
def test_cents_that_stand_raised_are_not_taken_for_digits_of_the_number(amount, height, slope, dash):
    taken = raised = 0
    for seed in range(20):
        page, x = np.full((140, 400), 255, np.uint8), 40
        for i, (digit, high) in enumerate(zip("48250", (HEIGHT, HEIGHT, HEIGHT, height, height), strict=True)):
            drawn = draw_digit(int(digit), np.random.default_rng((seed, i)), 112)
            x = put(page, drawn, x, round(50 + slope * x), high)[2] + 8
        if dash:
            page[70:74, x + 6 : x + 32] = 0
        reading = amount.read(page)
        taken += reading.accepted and reading.text == "48250"
        raised += reading.reason == "raised"
    assert raised >= 8
    # By how much three digits fall is not told exactly.
    assert taken <= (3 if slope else 0)


def test_digits_that_rise_all_along_are_not_raised(amount):
    reasons = []
    for seed in range(10):
        page = np.full((140, 420), 255, np.uint8)
        x = 40
        for i, digit in enumerate("482507"):
            drawn = draw_digit(int(digit), np.random.default_rng((seed, i)), 112)
            x = put(page, drawn, x, round(80 - 0.15 * x))[2] + 10
        reasons.append(amount.read(page).reason)
    assert reasons.count(None) >= 7
    assert "raised" not in reasons


@pytest.mark.parametrize(("text", "side"), [("80520860", "left"), ("86025068", "right")])
def test_a_number_whose_first_or_last_digit_the_border_cuts_through_is_hardly_taken_for_another(amount, text, side):
    reasons, taken = [], 0
    for seed in range(20):
        page, boxes = page_of(text, seed=seed)
        left, _, right, _ = boxes[0] if side == "left" else boxes[-1]
        middle = round((left + right) / 2)
        reading = amount.read(np.ascontiguousarray(page[:, middle:] if side == "left" else page[:, :middle]))
        taken += reading.accepted and reading.text != text
        reasons.append(reading.reason)
    assert reasons.count("cut off") >= 8
    assert taken <= 1


def test_a_number_that_was_cut_out_closely_is_accepted(amount):
    accepted = 0
    for seed in range(20):
        page, boxes = page_of("80520860", seed=seed)
        closely = page[boxes[0][1] : boxes[0][3], boxes[0][0] : boxes[-1][2]]
        accepted += amount.read(np.ascontiguousarray(closely)).accepted
    assert accepted >= 10


@pytest.mark.parametrize("text", ["77", "7", "75", "57", "777"])
def test_bars_of_digits_that_a_picture_was_cut_out_closely_around_are_theirs(amount, text):
    image = Image.new("L", (160, 60), 235)
    ImageDraw.Draw(image).text((20, 10), text, font=ImageFont.load_default(size=40), fill=30)
    reading = amount.read(image.crop(image.point(lambda level: 255 * (level < 175)).getbbox()))
    assert reading.text == text


@pytest.mark.parametrize("text", ["77", "7", "57", "2", "777"])
def test_bold_digits_that_a_picture_was_cut_out_closely_around_are_not_taken_for_others(amount, text):
    """Where there is less ink than paper, so that it can be told."""
    pages = 0
    for size in (24, 32, 40, 48, 60, 80):
        for pen in (0, 1, 2):
            image = Image.new("L", (400, 160), 235)
            font = ImageFont.load_default(size=size)
            ImageDraw.Draw(image).text((20, 20), text, font=font, fill=30, stroke_width=pen)
            mask = image.point(lambda level: 255 * (level < 175))
            for margin in (0, 1, 2):
                x0, y0, x1, y1 = mask.getbbox()
                box = (x0 - margin, y0 - margin, x1 + margin, y1 + margin)
                if np.asarray(mask.crop(box)).mean() < 0.5 * 255:
                    pages += 1
                    for seen in (image.crop(box), image.crop(box).point(lambda level: 255 - level)):
                        reading = amount.read(seen)
                        assert reading.text == text or not reading.accepted
    assert pages >= 20


def test_a_faint_number_that_was_cut_out_closely_is_not_called_blank_where_its_bars_may_be_light(amount):
    image = Image.new("L", (110, 90), 150)
    ImageDraw.Draw(image).text((12, 12), "20", font=ImageFont.load_default(size=40), fill=110, stroke_width=1)
    reading = amount.read(image.crop(image.point(lambda level: 255 * (level < 130)).getbbox()))
    assert reading.lines
    assert not reading.accepted


def test_lines_are_accepted_by_what_all_looks_at_them_come_to(amount):
    """Which is how lines were counted for the threshold."""
    network = OnnxArtifact(shipped_file("amount").read_bytes(), "amount")
    changed = 0
    for seed in range(80):
        page, _ = page_of("88088", seed=seed, gap=-9)
        for line, said in zip(find_lines(page).lines, amount.read(page).lines, strict=True):
            columns = -(-line.picture.shape[1] // WIDTH_STEP) * WIDTH_STEP
            padded = np.pad(line.picture, ((0, 0), (0, columns - line.picture.shape[1])))
            first = network.run(padded[np.newaxis])[0]
            decoded = looked_at(padded, first, network.run)[1]
            assert (said.text, said.confidence) == (decoded.text, decoded.confidence)
            sure = decoded.text.isdigit() and decoded.confidence >= amount.threshold
            assert said.accepted == (sure and said.reason not in {"struck out", "raised"})
            changed += decoded != decode(first)
    assert changed >= 10

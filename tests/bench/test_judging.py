"""Readings of strings: which mistakes are told apart, and how they are counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.bench.judging import Item, distance, fewest_edits, iou, judge, told
from edgedigits.results import Digit, Line, Reading

LABELS = st.text("0123456789", min_size=1, max_size=9)
TEXTS = st.text("0123456789?", max_size=9)
BOXES = st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 50)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
PAGE = np.full((30, 100), 255, np.uint8)


def boxes_at(*places):
    """A box of 8 columns at each of these tens of columns."""
    return tuple((10 * x, 0, 10 * x + 8, 20) for x in places)


def line(text, accepted=False, reason=None, places=None):
    found = [character for character in text if character != "?"]
    boxes = boxes_at(*(range(len(found)) if places is None else places))
    digits = tuple(Digit(int(c), 0.9, True, None, box, 0) for c, box in zip(found, boxes, strict=True))
    return Line(text, text, 0.9, accepted, reason, digits, (), (), (0, 0, 100, 20))


def reading(*lines, reason=None):
    text = "\n".join(each.text for each in lines)
    digits = tuple(digit for each in lines for digit in each.digits)
    accepted = bool(lines) and all(each.accepted for each in lines)
    return Reading(text, 0.9, accepted, reason or (lines[0].reason if lines else None), digits, lines)


def kind(label, *lines, reason=None, boxes=()):
    (outcome,) = judge(Item(PAGE, (label,), boxes), reading(*lines, reason=reason))
    return outcome.kind


@given(ours=TEXTS, theirs=TEXTS, others=TEXTS)
def test_the_distance_is_a_metric_between_its_bounds(ours, theirs, others):
    apart = distance(ours, theirs)
    assert (apart == 0) == (ours == theirs)
    assert apart == distance(theirs, ours) <= distance(ours, others) + distance(others, theirs)
    assert abs(len(ours) - len(theirs)) <= apart <= max(len(ours), len(theirs))


@given(ours=TEXTS, theirs=TEXTS)
def test_the_edits_spell_both_and_are_as_many_as_the_distance(ours, theirs):
    pairs = fewest_edits(ours, theirs, lambda one, other: one != other)
    assert "".join(one for one, _ in pairs if one) == ours
    assert "".join(other for _, other in pairs if other) == theirs
    assert sum(one != other for one, other in pairs) == distance(ours, theirs)


@given(text=TEXTS, edits=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "5", "55"])), max_size=5))
def test_no_more_edits_are_found_than_were_made(text, edits):
    edited = text
    for place, instead in edits:
        edited = edited[:place] + instead + edited[place + 1 :]
    # "55" for one character is two edits: it replaces and adds.
    assert distance(text, edited) <= sum(max(1, len(instead)) for _, instead in edits)


@given(ours=BOXES, theirs=BOXES, x=st.integers(-20, 20), y=st.integers(-20, 20))
def test_boxes_fit_alike_either_way_and_wherever_they_are(ours, theirs, x, y):
    def moved(box):
        return box[0] + x, box[1] + y, box[2] + x, box[3] + y

    fit = iou(ours, theirs)
    assert 0 <= fit <= 1
    assert (fit == 1) == (ours == theirs)
    assert iou(ours, ours) == 1
    assert fit == iou(theirs, ours) == iou(moved(ours), moved(theirs))


def test_the_fit_of_boxes_that_share_a_third():
    assert iou((0, 0, 2, 1), (1, 0, 3, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 2, 1), (2, 0, 3, 1)) == 0


@given(label=LABELS, text=TEXTS)
def test_there_is_a_mistake_where_the_text_is_another(label, text):
    assert (kind(label, line(text)) is None) == (text == label)


@given(label=LABELS, place=st.integers(0, 8), other=st.sampled_from("0123456789?"))
def test_one_character_for_another_is_of_the_class(label, place, other):
    place %= len(label)
    text = label[:place] + other + label[place + 1 :]
    assert kind(label, line(text)) == ("class" if text != label else None)


@given(label=LABELS.filter(lambda label: len(label) > 1), place=st.integers(0, 8))
def test_a_digit_that_is_missing_is_of_segmentation(label, place):
    place %= len(label)
    text = label[:place] + label[place + 1 :]
    left = [i for i in range(len(label)) if i != place]
    assert kind(label, line(text), boxes=boxes_at(*range(len(label)))) == "segmentation"
    assert kind(label, line(text, places=left), boxes=boxes_at(*range(len(label)))) == "segmentation"


@given(label=LABELS, place=st.integers(0, 9), added=st.sampled_from("0123456789"))
def test_a_digit_too_many_is_a_separator_where_no_digit_is_labelled(label, place, added):
    place %= len(label) + 1
    text = label[:place] + added + label[place:]
    labelled = boxes_at(*(i for i in range(len(text)) if i != place))
    assert kind(label, line(text), boxes=labelled) == "separator"
    # Upon a labelled digit, and where nobody knows: a digit was parted in two.
    assert kind(label, line(text)) == "segmentation"
    split = [min(i, len(label) - 1) for i in range(len(text))]
    assert kind(label, line(text, places=split), boxes=boxes_at(*range(len(label)))) == "segmentation"


@given(label=LABELS, place=st.integers(0, 9))
def test_what_is_added_as_no_digit_is_a_separator(label, place):
    place %= len(label) + 1
    assert kind(label, line(label[:place] + "?" + label[place:])) == "separator"


def test_a_dash_read_as_a_digit_does_not_hide_that_another_is_missing():
    labelled = boxes_at(0, 1, 2)
    assert kind("123", line("1214", places=(0, 1, 5, 6)), boxes=labelled) == "segmentation"
    assert kind("123", line("1241", places=(0, 1, 2, 5)), boxes=labelled) == "separator"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("blank", "background"),
        ("low contrast", "background"),
        ("no digit", "refused: no digit"),
        ("too long", "refused: too long"),
        ("upside down", "refused: upside down"),
    ],
)
def test_where_nothing_is_read_the_reason_tells_why(reason, expected):
    assert kind("123", reason=reason) == expected
    assert kind("123", line("", reason=reason)) == expected


def test_several_lines_for_one_are_a_mistake_even_where_all_digits_are_right():
    outcomes = judge(Item(PAGE, ("1234",)), reading(line("12", accepted=True), line("34", accepted=True)))
    assert [outcome.kind for outcome in outcomes] == ["background"]
    figures = told(outcomes)
    assert (figures["right"], figures["digit_accuracy"]) == (0, 1)
    assert figures["accepted"]["n"] == 1
    assert figures["accepted"]["right"] == 0


def test_lines_are_matched_in_order_with_those_most_like_them():
    item = Item(PAGE, ("64193796", "52306", "12307468"))
    outcomes = judge(item, reading(line("64193790"), line("12307468", accepted=True), line("71", accepted=True)))
    assert [(outcome.label, outcome.text, outcome.kind) for outcome in outcomes] == [
        ("64193796", "64193790", "class"),
        ("52306", "", "background"),
        ("12307468", "12307468", None),
        ("", "71", "background"),
    ]
    figures = told(outcomes)
    assert (figures["strings"], figures["right"], figures["digits"]) == (3, 1, 21)
    assert figures["digit_accuracy"] == pytest.approx(1 - (1 + 5 + 2) / 21)
    assert figures["accepted"] | {"ci95": None} == {
        "n": 2,
        "share": pytest.approx(2 / 3),
        "right": 1,
        "accuracy": 0.5,
        "ci95": None,
    }
    assert figures["mistakes"] == {"background": 2, "class": 1}


def test_a_page_that_is_refused_misses_all_its_lines_for_that_reason():
    outcomes = judge(Item(PAGE, ("12", "34")), reading(reason="too much"))
    assert [outcome.kind for outcome in outcomes] == ["refused: too much"] * 2


@given(made=st.lists(st.tuples(LABELS, TEXTS, st.booleans()), min_size=1, max_size=8))
def test_every_string_is_right_or_one_mistake(made):
    outcomes = [
        outcome
        for label, text, accepted in made
        for outcome in judge(Item(PAGE, (label,)), reading(line(text, accepted=accepted and bool(text))))
    ]
    figures = told(outcomes)
    assert figures["right"] == sum(label == text for label, text, _ in made)
    assert figures["right"] + sum(figures["mistakes"].values()) == figures["strings"] == len(made)
    assert figures["accepted"]["right"] <= min(figures["right"], figures["accepted"]["n"])


def test_boxes_are_measured_in_strings_that_are_right_alone():
    right = judge(Item(PAGE, ("12",), boxes_at(0, 1)), reading(line("12")))
    shifted = judge(Item(PAGE, ("1",), ((4, 0, 12, 20),)), reading(line("1")))
    wrong = judge(Item(PAGE, ("12",), boxes_at(5, 6)), reading(line("13")))
    assert told(right + wrong)["box_iou"] == 1
    assert told(right + shifted)["box_iou"] == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert "box_iou" not in told(wrong)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from edgedigits.lines import MAX_LINES, MAX_WIDTH, find_lines
from edgedigits.training.synthetic import draw_digit

PAPER = 255


def ink_of(digit, height, seed=0):
    """A digit's own ink, `height` pixels high."""
    drawn = draw_digit(digit, np.random.default_rng((seed, digit)), 112)
    rows, columns = np.flatnonzero((drawn >= 64).any(axis=1)), np.flatnonzero((drawn >= 64).any(axis=0))
    cut = Image.fromarray(drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return np.asarray(cut.resize((max(4, round(cut.width * height / cut.height)), height), Image.Resampling.BOX))


def write(page, digits, x, y, *, height=40, gap=12, slope=0.0):
    """Digits on a page, dark on light, and their boxes."""
    boxes = []
    for i, digit in enumerate(digits):
        ink = ink_of(int(digit), height, seed=i)
        top = round(y + slope * x)
        place = page[top : top + ink.shape[0], x : x + ink.shape[1]]
        np.minimum(place, PAPER - ink, out=place)
        boxes.append((x, top, x + ink.shape[1], top + ink.shape[0]))
        x += ink.shape[1] + gap
    return boxes


def blank(height, width):
    return np.full((height, width), PAPER, np.uint8)


def holds(outer, inner, slack=2):
    return (
        outer[0] <= inner[0] + slack
        and outer[1] <= inner[1] + slack
        and outer[2] >= inner[2] - slack
        and outer[3] >= inner[3] - slack
    )


def test_one_line_is_found_with_its_digits_within_its_rows():
    page = blank(200, 400)
    boxes = write(page, "40817", 60, 80)
    (line,) = find_lines(page).lines
    assert line.picture.shape[0] == 32
    assert line.picture.dtype == np.uint8
    assert all(holds(line.box, box) for box in boxes)
    rows = np.flatnonzero((line.picture >= 128).any(axis=1))
    assert 2 <= rows[0] <= 6
    assert 25 <= rows[-1] <= 30


def test_lines_come_from_top_to_bottom():
    page = blank(400, 400)
    told = [write(page, digits, 40, y) for digits, y in (("123", 40), ("4567", 140), ("89", 240))]
    lines = find_lines(page).lines
    assert len(lines) == 3
    for line, boxes in zip(lines, told, strict=True):
        assert all(holds(line.box, box) for box in boxes)


def test_numbers_far_apart_in_one_row_are_two_lines_from_left_to_right():
    page = blank(120, 900)
    left, right = write(page, "12", 20, 40), write(page, "345", 600, 40)
    first, second = find_lines(page).lines
    assert all(holds(first.box, box) for box in left)
    assert all(holds(second.box, box) for box in right)


def test_what_belongs_to_another_line_is_not_in_a_line_s_picture():
    page = blank(220, 500)
    write(page, "11111", 40, 30, height=60)
    alone = find_lines(page).lines[0].picture
    write(page, "88888", 40, 100, height=60)
    first, _ = find_lines(page).lines
    assert first.picture[-2:].max() <= alone[-2:].max() + 8


def test_light_on_dark_is_the_same_line():
    page = blank(120, 300)
    write(page, "2931", 40, 40)
    dark, light = find_lines(page).lines[0], find_lines(PAPER - page).lines[0]
    assert np.abs(dark.picture.astype(int) - light.picture).mean() < 3
    assert dark.box == light.box


def test_paper_that_the_border_does_not_show_is_still_paper():
    page = blank(60, 240)
    write(page, "29318", 4, 10)
    page[:2] = page[-2:] = 0
    (line,) = find_lines(page).lines
    assert (line.picture < 64).mean() > 0.5


@pytest.mark.parametrize("slope", [-0.15, -0.08, 0.08, 0.15])
def test_a_line_that_rises_or_falls_is_brought_level(slope):
    page = blank(400, 600)
    boxes = write(page, "180818", 60, 180, slope=slope)
    (line,) = find_lines(page).lines
    assert line.slope == pytest.approx(slope, abs=0.05)
    middles = []
    for x0, _, x1, _ in boxes:
        columns = (np.array([x0, x1]) - line.left) * line.scale
        rows = np.flatnonzero((line.picture[:, int(columns[0]) : int(columns[1]) + 1] >= 128).any(axis=1))
        middles.append((rows[0] + rows[-1]) / 2)
    assert np.ptp(middles) <= 6


@pytest.mark.parametrize("slope", [0.0, 0.12])
def test_places_in_a_line_lead_back_to_the_picture(slope):
    page = blank(300, 500)
    boxes = write(page, "30508", 50, 110, slope=slope)
    (line,) = find_lines(page).lines
    for box in boxes:
        u0, u1 = ((x - line.left) * line.scale for x in (box[0], box[2]))
        rows = np.flatnonzero((line.picture[:, int(u0) : int(u1)] >= 112).any(axis=1))
        found = line.in_picture(round(u0), int(rows[0]), round(u1), int(rows[-1]) + 1)
        assert holds(found, box, slack=5)
        assert found[3] - found[1] <= box[3] - box[1] + 12


def test_a_large_photograph_is_read_in_its_own_pixels():
    page = blank(2000, 3000)
    boxes = write(page, "5072", 900, 800, height=160, gap=60)
    (line,) = find_lines(page).lines
    assert all(holds(line.box, box, slack=8) for box in boxes)
    assert line.box[0] > 800


def test_a_dot_and_a_dash_stay_with_the_digits_beside_them():
    page = blank(120, 400)
    write(page, "12", 30, 40)
    right = write(page, "500", 160, 40)[-1][2]
    page[74:80, 118:124] = 0
    page[58:62, right + 20 : right + 50] = 0
    (line,) = find_lines(page).lines
    assert line.box[2] >= right + 48


def test_rules_and_the_edge_of_the_paper_are_no_lines():
    page = blank(300, 500)
    write(page, "6041", 120, 120)
    page[200:202] = 60
    page[:, 490:] = 20
    (line,) = find_lines(page).lines
    assert line.box[2] < 400


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (50, 50), (2000, 2)])
def test_blank_paper_says_so(shape):
    for level in (0, 128, 255):
        found = find_lines(np.full(shape, level, np.uint8))
        assert (found.lines, found.reason) == ((), "blank")


def test_ink_too_faint_says_so():
    page = blank(100, 300)
    write(page, "4711", 40, 30)
    faint = (255 - (255 - page.astype(int)) // 12).astype(np.uint8)
    assert find_lines(faint).reason == "low contrast"


def test_a_thousand_digits_in_a_line_are_too_many_and_other_lines_are_not():
    page = blank(200, 60_000)
    write(page, "12345" * 200, 10, 10)
    write(page, "678", 10, 120)
    first, second = find_lines(page).lines
    assert first.picture is None
    assert second.picture is not None


def test_a_line_of_20000_pixels_is_read_or_refused_in_bounded_time():
    page = blank(60, 20_000)
    write(page, "123", 50, 10)
    write(page, "4567", 18_000, 10)
    assert len(find_lines(page).lines) == 2


def test_a_page_of_specks_is_too_much():
    page = blank(1200, 1200)
    page[2::7, 1::5] = page[3::7, 1::5] = page[4::7, 1::5] = page[5::7, 1::5] = 0
    assert find_lines(page).reason == "too much"


def test_more_lines_than_anybody_writes_are_too_much():
    page = blank(12 * (MAX_LINES + 10), 60)
    page[4::12, 10:14] = page[5::12, 10:14] = page[6::12, 10:14] = page[7::12, 10:14] = page[8::12, 10:14] = 0
    assert find_lines(page).reason == "too much"


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=60)))
def test_whatever_is_on_a_picture_gives_lines_within_it_or_a_reason(grey):
    found = find_lines(grey)
    assert (found.reason is None) == bool(found.lines)
    assert len(found.lines) <= MAX_LINES
    for line in found.lines:
        assert line.picture.shape[0] == 32
        assert 2 <= line.picture.shape[1] <= MAX_WIDTH
        for x0, y0, x1, y1 in (line.box, line.in_picture(0, 0, line.picture.shape[1], 32)):
            assert 0 <= x0 < x1 <= grey.shape[1]
            assert 0 <= y0 < y1 <= grey.shape[0]


def test_boxes_stay_within_a_picture_that_was_shrunk():
    page = blank(2001, 3001)
    page[1900:, 2880:2890] = page[1900:, 2950:] = 0
    for line in find_lines(page).lines:
        x0, y0, x1, y1 = line.box
        assert 0 <= x0 < x1 <= 3001
        assert 0 <= y0 < y1 <= 2001


@settings(max_examples=25, deadline=None)
@given(st.text("0123456789", min_size=1, max_size=8), st.integers(20, 90), st.integers(0, 60), st.integers(0, 60))
def test_a_line_looks_the_same_wherever_it_stands(digits, height, right, down):
    width = 60 + len(digits) * 120
    pages = [blank(300, width + 80) for _ in range(2)]
    write(pages[0], digits, 60, 60, height=height)
    write(pages[1], digits, 60 + right, 60 + down, height=height)
    one, other = (find_lines(page).lines for page in pages)
    assert len(one) == len(other)
    for first, second in zip(one, other, strict=True):
        assert np.abs(first.picture.astype(int) - second.picture).max(initial=0) <= 1
        assert second.box[0] - first.box[0] == right


@pytest.mark.parametrize("touching", [(2,), (0, 3), (0, 1, 2, 3, 4)])
def test_digits_that_stand_on_a_rule_are_not_taken_for_it(touching):
    page = blank(160, 700)
    x = 60
    for i, digit in enumerate("43278"):
        x = write(page, digit, x, 60 if i in touching else 52)[-1][2] + 12
    page[100:102, 10:690] = 0
    (line,) = find_lines(page).lines
    assert line.box[0] <= 62
    assert line.box[2] >= x - 16


@pytest.mark.parametrize("short", [(1, 0), (0, 1), (10, 10)])
def test_rules_that_end_short_of_the_sides_of_a_page_are_no_part_of_the_digits_on_them(short):
    page = blank(190, 300)
    upper, lower = write(page, "3850", 40, 20), write(page, "5388", 40, 110)
    for top in (60, 156):
        page[top, short[0] : 300 - short[1]] = 0
    lines = find_lines(page).lines
    assert len(lines) == 2
    assert all(holds(line.box, box) for line, boxes in zip(lines, (upper, lower), strict=True) for box in boxes)


def test_a_rule_that_is_broken_is_wiped_whole():
    page = blank(160, 400)
    write(page, "43278", 80, 60)
    page[103:105, :300] = 0
    page[103:105, 304:] = 0
    (line,) = find_lines(page).lines
    assert line.picture[-2:].max() < 64


def test_a_rule_that_wavers_and_that_digits_have_grown_together_with_disturbs_the_others():
    page = blank(160, 700)
    write(page, "43278", 60, 60)
    write(page, "00", 500, 50)
    x = np.arange(10, 690)
    for row in range(3):
        page[np.rint(98 + row + 3 * np.sin(x / 15)).astype(int), x] = 0
    assert all(line.disturbed for line in find_lines(page).lines)


def test_a_tall_digit_that_has_grown_together_with_a_rule_along_the_border_is_one_of_its_line_and_the_rule_is_not():
    page = blank(61, 220)
    (first,) = write(page, "9", 6, 3, height=54)
    *_, last = write(page, "05385", 50, 33, height=24, gap=6)
    page[40:, 14:17] = 0
    page[60] = 0
    (line,) = find_lines(page).lines
    assert (line.box[0], line.box[2]) == (first[0], last[2])


def test_a_digit_far_taller_than_others_that_is_cut_below_disturbs_them():
    page = blank(61, 220)
    write(page, "9", 6, 3, height=54)
    write(page, "05385", 50, 33, height=22, gap=6)
    page[40:, 14:17] = 0
    (line,) = find_lines(page).lines
    assert line.disturbed


def test_a_digit_far_taller_than_others_that_they_begin_with_is_one_of_the_line_but_disturbs_it():
    page = blank(70, 360)
    (first,) = write(page, "9", 6, 4, height=60)
    *_, last = write(page, "0538506270", 70, 33, height=22, gap=6)
    (line,) = find_lines(page).lines
    assert all(holds(line.box, box) for box in (first, last))
    assert line.disturbed


@pytest.mark.parametrize("x", [24, 210])
def test_what_is_far_taller_is_no_first_digit_if_it_is_a_line_down_or_stands_elsewhere(x):
    page = blank(100, 240)
    first, *_, last = write(page, "05385", 50, 46, height=22, gap=6)
    page[30:86, x : x + 5] = 0
    (line,) = find_lines(page).lines
    assert first[1] - 4 < line.box[1] < line.box[3] < last[3] + 4


def test_what_is_far_taller_and_stands_before_two_lines_is_no_digit_of_either():
    page = blank(110, 300)
    write(page, "6", 6, 10, height=80)
    upper = write(page, "2538506", 74, 14, height=26, gap=6)
    lower = write(page, "4187362", 74, 60, height=26, gap=6)
    lines = find_lines(page).lines
    assert len(lines) == 2
    for line, boxes in zip(lines, (upper, lower), strict=True):
        assert line.box[0] >= 70
        assert all(holds(line.box, box) for box in boxes)
        assert line.disturbed


@pytest.mark.parametrize("x", [20, 300])
def test_what_goes_along_two_lines_close_to_each_other_does_not_make_one_of_them(x):
    page = blank(140, 340)
    upper, lower = write(page, "562875", 40, 30, height=32), write(page, "363024", 40, 66, height=32)
    page[26:102, x : x + 4] = 0
    lines = find_lines(page).lines
    assert len(lines) == 2
    for line, boxes in zip(lines, (upper, lower), strict=True):
        assert all(holds(line.box, box) for box in boxes)
        assert line.box[3] - line.box[1] < 40
        assert line.disturbed


def test_a_band_of_other_paper_across_a_picture_is_not_taken_for_ink():
    page = blank(90, 360)
    boxes = write(page, "64413", 20, 20, height=50, gap=24)
    rows = np.arange(90)
    is_light = rows < 28
    paper = np.where(is_light, 205, 150) - np.where(rows % 5 == 0, np.where(is_light, 70, 15), 0)
    grey = np.rint(paper[:, np.newaxis] * (1 - 0.5 * (PAPER - page) / PAPER)).astype(np.uint8)
    (line,) = find_lines(grey).lines
    assert all(holds(line.box, box) for box in boxes)


def test_a_thin_1_in_a_picture_cut_out_closely_is_a_digit():
    page = blank(44, 150)
    write(page, "25", 4, 2)
    page[1:43, 140:143] = 0
    (line,) = find_lines(page).lines
    assert line.box[2] >= 143


@pytest.mark.parametrize("small", [16, 22, 28])
def test_a_line_of_smaller_digits_is_a_line_too(small):
    page = blank(260, 420)
    write(page, "3274", 40, 40, height=60)
    boxes = write(page, "9441", 40, 170, height=small, gap=6)
    first, second = find_lines(page).lines
    assert first.box[3] < 110
    assert all(holds(second.box, box) for box in boxes)


def test_amounts_beside_each_other_are_two():
    page = blank(120, 600)
    write(page, "86", 20, 40)
    write(page, "7950", 260, 40)
    first, second = find_lines(page).lines
    assert first.box[2] < 260 <= second.box[0] + 2


@pytest.mark.parametrize("thick", [1, 2, 4])
def test_a_frame_is_no_ink_of_what_it_holds(thick):
    page = blank(140, 420)
    boxes = write(page, "60417", 60, 50)
    page[30 : 30 + thick, 40:360] = page[110 : 110 + thick, 40:360] = 0
    page[30:110, 40 : 40 + thick] = page[30 : 110 + thick, 360 : 360 + thick] = 0
    (line,) = find_lines(page).lines
    assert all(holds(line.box, box) for box in boxes)
    assert line.box[0] > 50
    assert line.box[2] < 350


def test_what_is_large_and_reaches_into_a_line_may_hide_a_digit():
    page = blank(400, 600)
    write(page, "5407", 60, 180)
    assert [line.disturbed for line in find_lines(page).lines] == [False]
    rows, columns = np.mgrid[:400, :600]
    distance = np.hypot(rows - 200, columns - 340)
    page[(distance > 116) & (distance < 120)] = 0
    assert any(line.disturbed for line in find_lines(page).lines)


def test_grain_does_not_drown_the_strokes_of_a_page():
    page = blank(1100, 1100)
    boxes = write(page, "60417", 300, 500)
    noisy = np.clip(page - np.abs(np.random.default_rng(0).normal(0, 12, page.shape)), 0, 255).astype(np.uint8)
    (line,) = find_lines(noisy).lines
    assert all(holds(line.box, box, slack=3) for box in boxes)


def cut_at(side, text):
    """A page that ends in the first or the last digit."""
    page = blank(100, 400)
    boxes = write(page, text, 60, 30)
    return page[:, boxes[0][0] + 10 :] if side == "left" else page[:, : boxes[-1][2] - 10]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dash", [False, True])
def test_a_line_whose_border_goes_through_a_digit_is_cut_whatever_goes_beyond_the_other(side, dash):
    page = cut_at(side, "82438")
    if dash:
        page[50:53, slice(-20, None) if side == "left" else slice(20)] = 0
    (line,) = find_lines(page).lines
    assert line.is_cut


def test_a_line_that_was_cut_out_closely_is_not_cut():
    page = cut_at("left", "08280")[30:70, :-100]
    page = page[:, : find_lines(page).lines[0].box[2]]
    (tight,) = find_lines(page).lines
    (beside,) = find_lines(np.pad(page, ((20, 20), (0, 0)), constant_values=PAPER)).lines
    assert (tight.is_cut, beside.is_cut) == (False, True)


def test_a_whole_digit_at_one_border_is_not_cut():
    page = blank(100, 400)
    boxes = write(page, "24130", 60, 30)
    (line,) = find_lines(page[:, : boxes[-1][2]]).lines
    assert not line.is_cut


@pytest.mark.parametrize("apart", [4, 8, 11])
def test_a_line_down_along_the_border_is_no_digit_that_was_cut(apart):
    page = blank(100, 400)
    boxes = write(page, "08243", 60, 30)
    page = page[:, boxes[0][0] - apart - 2 :].copy()
    page[:, :2] = 0
    (line,) = find_lines(page).lines
    assert not line.is_cut

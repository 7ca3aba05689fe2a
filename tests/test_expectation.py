import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.errors import InputError
from edgedigits.expectation import CHECKS, Expected, luhn, mod_11_2, mod_11_10, mod_97_10

VALID = {
    # The patent's and ISO/IEC 7812's, and numbers that card networks publish for testing.
    "luhn": ("79927398713", "4111111111111111", "378282246310005", "5555555555554444"),
    # The standard's own, and python-stdnum's.
    "iso7064-mod11-10": ("07945", "794623", "002006673085"),
    # The standard's own; the IBAN GB82 WEST 1234 5698 7654 32 as ISO 13616 turns it into digits.
    "iso7064-mod97-10": ("79444", "3214282912345698765432161182"),
    # The standard's own; ORCID's example, and one of ISNI.
    "iso7064-mod11-2": ("07940", "0000000218250097", "0000000121032683"),
}
CASES = [(name, text) for name, texts in VALID.items() for text in texts]
digits = st.text("0123456789", max_size=40)


def even(text):
    return int(text) % 2 == 0


@pytest.mark.parametrize(("name", "text"), CASES)
def test_published_numbers_are_valid_and_no_digit_of_them_can_be_changed(name, text):
    check = CHECKS[name]
    assert check(text) is True
    for place, digit in enumerate(text):
        for other in set("0123456789") - {digit}:
            assert check(text[:place] + other + text[place + 1 :]) is False


@pytest.mark.parametrize(("name", "text"), [case for case in CASES if case[0] not in ("luhn", "iso7064-mod11-10")])
def test_pure_systems_find_every_swap_of_neighbours(name, text):
    for place in range(len(text) - 1):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert CHECKS[name](swapped) is (swapped == text)


@given(body=st.text("0123456789", min_size=1, max_size=40))
def test_a_number_has_one_check_and_that_of_mod_11_2_may_be_none(body):
    for check in (luhn, mod_11_10):
        assert sum(check(f"{body}{digit}") for digit in range(10)) == 1
    assert sum(mod_11_2(f"{body}{digit}") for digit in range(10)) <= 1
    assert 1 <= sum(mod_97_10(f"{body}{pair:02}") for pair in range(100)) <= 2


def test_a_number_whose_check_is_x_is_valid_with_no_digit():
    # 0000-0002-1694-233X is an ORCID.
    assert not any(mod_11_2(f"000000021694233{digit}") for digit in range(10))


@pytest.mark.parametrize("check", CHECKS.values())
def test_check_digits_alone_check_nothing_and_long_numbers_are_checked_too(check):
    assert not any(map(check, ("", "0", "1")))
    assert not mod_97_10("01")
    assert check("1" * 5000) in (True, False)


@given(text=digits, least=st.integers(1, 40), more=st.integers(0, 40))
def test_length_includes_both_its_bounds(text, least, more):
    allows = Expected(length=(least, least + more)).allows(text)
    assert allows is (least <= len(text) <= least + more)
    assert Expected(length=least).allows(text) is (len(text) == least)


@given(text=digits.filter(bool), minimum=st.integers(0, 10**6), more=st.integers(0, 10**6))
def test_minimum_and_maximum_are_numbers_and_included(text, minimum, more):
    assert Expected(minimum=minimum, maximum=minimum + more).allows(text) is (minimum <= int(text) <= minimum + more)


def test_all_that_is_expected_has_to_be_met_and_what_is_read_has_to_be_digits():
    expected = Expected(length=(2, 4), minimum=12, check=even)
    assert [text for text in ("12", "13", "0012", "00012", "10", "4", "1?") if expected.allows(text)] == ["12", "0012"]
    assert not any(map(Expected().allows, ("", "?", "1?", "1.5", "-1", "٣", "²", " 1", "1" * 641)))
    assert Expected(maximum=10**700).allows("9" * 640)


def test_the_check_is_asked_last_and_what_it_raises_is_the_callers():
    def check(text):
        raise RuntimeError(text)

    assert not Expected(length=3, check=check).allows("12")
    with pytest.raises(RuntimeError, match="123"):
        Expected(length=3, check=check).allows("123")


@pytest.mark.parametrize("name", CHECKS)
def test_it_survives_pickling_with_every_named_check(name):
    expected = Expected(length=(4, 28), check=CHECKS[name])
    again = pickle.loads(pickle.dumps(expected))
    assert again == expected
    assert hash(again) == hash(expected)
    assert all(again.allows(text) for text in VALID[name])


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 0},
        {"length": -1},
        {"length": 641},
        {"length": True},
        {"length": 3.0},
        {"length": "6"},
        {"length": (4, 3)},
        {"length": (0, 3)},
        {"length": (1, 2, 3)},
        {"length": (1,)},
        {"length": (1, None)},
        {"length": [1, 2]},
        {"minimum": -1},
        {"minimum": 1.5},
        {"maximum": "9"},
        {"maximum": False},
        {"minimum": 2, "maximum": 1},
        {"minimum": 10**5000, "maximum": 1},
        {"minimum": 10**5000, "length": 640},
        {"minimum": 100, "length": 2},
        {"minimum": 1000, "length": (1, 3)},
        {"check": "luhn"},
    ],
)
def test_what_nothing_could_meet_is_refused_in_a_line(wrong):
    with pytest.raises(InputError) as error:
        Expected(**wrong)
    assert "\n" not in str(error.value)

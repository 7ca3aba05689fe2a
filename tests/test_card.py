import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.card import Accuracy, Calibration, Card
from edgedigits.errors import ArtifactError, InputError, UnpromisedError
from edgedigits.risk import GRID, RiskCurve, risk_curve

finite = st.floats(allow_nan=False, allow_infinity=False)
share = st.floats(0, 1)
count = st.integers(1, 10**6)
curves = st.builds(
    lambda dataset, answers: risk_curve(dataset, *map(np.array, zip(*answers, strict=True))),
    st.text(),
    st.lists(st.tuples(st.floats(0, 1, width=32).map(np.float32), st.booleans()), min_size=1, max_size=9),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)
cards = st.builds(
    Card,
    model=st.text(),
    format=st.text(),
    precision=st.text(),
    calibration=st.builds(
        Calibration,
        method=st.text(),
        temperature=st.floats(0.01, 100),
        n=st.integers(0, 10**6),
        ece_before=share,
        ece_after=share,
    ),
    accept_threshold=share,
    max_error=st.none() | share,
    risk=st.none() | curves,
    accuracy=st.builds(
        Accuracy,
        dataset=st.text(),
        n=count,
        correct=count,
        loss=st.floats(0, 100),
        ci95=st.tuples(share, share),
        coverage=share,
        accepted_errors=count,
    ),
    weights_sha256=st.text(),
    provenance=st.dictionaries(st.text(), json_values, max_size=3),
    parity=st.dictionaries(st.text(), json_values, max_size=3),
    requires=st.dictionaries(st.text(), json_values, max_size=3),
    takes=st.sampled_from(["frames", "image"]),
)
CARD = Card(
    "paper",
    "onnx",
    "fp32",
    Calibration("temperature", 1.25, n=10000, ece_before=0.02, ece_after=0.01),
    0.95,
    0.001,
    RiskCurve("mnist, held out of the training split", 10000, (0.99, 0.95, 0.5), (8000, 9400, 9900), (0, 2, 60)),
    Accuracy("mnist", 10000, 9866, 0.0447, (0.984, 0.989), 0.956, 29),
    "0" * 64,
    {"recipe": {"seed": 1}},
    {"max_abs_diff": 1e-6, "n": 10140},
    {"opset": 11},
)


def changed(path, value):
    """The card's JSON with the field at `path`, names parted by dots, replaced."""
    fields = json.loads(CARD.to_json())
    *parents, last = path.split(".")
    inner = fields
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return json.dumps(fields)


def refused(text):
    with pytest.raises(ArtifactError, match=r"\Adigits\.onnx [^\n]+\Z") as caught:
        Card.from_json(text, "digits.onnx")
    return str(caught.value)


@given(card=cards)
def test_a_card_is_read_back_as_it_was_written(card):
    assert Card.from_json(card.to_json(), "digits.onnx") == card


def test_equal_cards_are_equal_bytes():
    one, other = (replace(CARD, provenance=dict(items)) for items in ((("a", 1), ("b", 2)), (("b", 2), ("a", 1))))
    assert one == other
    assert one.to_json() == other.to_json()


def test_a_client_in_another_language_finds_all_it_needs():
    fields = json.loads(CARD.to_json())
    assert fields["labels"] == list("0123456789")
    assert fields["input"] == {"name": "frames", "dtype": "uint8", "shape": ["batch", 28, 28]}
    assert fields["output"] == {"name": "probabilities", "dtype": "float32", "shape": ["batch", 10]}
    assert fields["thresholds"] == {"accept": 0.95, "max_error": 0.001}
    assert fields["calibration"]["temperature"] == 1.25
    assert fields["risk"]["thresholds"] == [0.99, 0.95, 0.5]
    assert (fields["risk"]["n"], fields["risk"]["accepted"]) == (10000, [8000, 9400, 9900])
    assert (fields["parity"], fields["requires"]) == ({"max_abs_diff": 1e-6, "n": 10140}, {"opset": 11})


def test_a_client_that_has_an_image_finds_what_takes_one():
    fields = json.loads(replace(CARD, takes="image").to_json())
    assert fields["input"] == {"name": "image", "dtype": "uint8", "shape": ["height", "width"]}
    assert fields["output"] == {"name": "probabilities", "dtype": "float32", "shape": [1, 10]}
    assert "takes" not in fields


def test_a_model_that_was_validated_on_nothing_says_so_with_null():
    fields = json.loads(replace(CARD, max_error=None, risk=None).to_json())
    assert (fields["thresholds"]["max_error"], fields["risk"]) == (None, None)


def test_accuracy_is_the_share_read_right():
    assert CARD.accuracy.accuracy == 0.9866


def test_without_an_error_rate_the_threshold_is_the_cards_own():
    assert CARD.threshold_for(None) == 0.95
    assert replace(CARD, risk=None).threshold_for(None) == 0.95


def test_an_error_rate_is_kept_by_the_threshold_that_the_risk_curve_names():
    assert [CARD.threshold_for(max_error) for max_error in (0.0005, 0.001, 0.01)] == [0.99, 0.95, 0.5]


def test_an_error_rate_lower_than_the_validation_split_can_show_is_refused_with_the_least():
    with pytest.raises(UnpromisedError, match=r"\Aan error rate of 0\.01% cannot be promised .* the least is 0\.038%;"):
        CARD.threshold_for(0.0001)


def test_without_a_validation_split_no_error_rate_is_promised():
    with pytest.raises(
        UnpromisedError, match=r"\Apaper was validated on nothing, so no error rate can be promised: .+\Z"
    ):
        replace(CARD, risk=None).threshold_for(0.5)


@pytest.mark.parametrize("max_error", [0, 1, -0.1, 100, float("nan"), float("inf")])
def test_what_is_no_error_rate_is_refused(max_error):
    with pytest.raises(InputError, match=r"\Aan error rate of \S+ makes no sense: give one between 0 and 1"):
        CARD.threshold_for(max_error)


@given(card=cards, errors=st.lists(st.floats(0.001, 0.999), min_size=2).map(sorted))
def test_who_puts_up_with_more_errors_never_has_a_higher_threshold(card, errors):
    kept = []
    for max_error in errors:
        try:
            kept.append(card.threshold_for(max_error))
        except UnpromisedError:
            assert kept == []
    assert kept == sorted(kept, reverse=True)
    assert card.risk is None or set(kept) <= set(GRID)


@pytest.mark.parametrize("name", json.loads(CARD.to_json()))
def test_a_card_without_one_of_its_fields_is_damaged(name):
    fields = json.loads(CARD.to_json())
    del fields[name]
    assert "damaged" in refused(json.dumps(fields))


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (place, name)
        for place in ("calibration", "thresholds", "risk", "accuracy")
        for name in json.loads(CARD.to_json())[place]
    ],
)
def test_a_card_without_a_part_of_one_of_its_fields_is_damaged(place, name):
    fields = json.loads(CARD.to_json())
    del fields[place][name]
    assert "damaged" in refused(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "not json", "null", "[]", "{}", "7", '"card"', CARD.to_json()[:-1]])
def test_what_is_no_card_is_damaged(text):
    assert "damaged" in refused(text)


def test_nesting_without_end_is_damaged():
    assert "damaged" in refused("[" * 100_000)


@pytest.mark.parametrize("schema", [1, 2, 4])
def test_another_schema_is_named(schema):
    assert f"schema {schema}; this edgedigits reads 3" in refused(changed("schema", schema))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("labels", list("abcdefghij")),
        ("labels", list("012345678")),
        ("input.shape", ["batch", 32, 32]),
        ("input.dtype", "float32"),
        ("output.name", "logits"),
        ("input", {"name": "image", "dtype": "uint8", "shape": ["height", "width"]}),
        ("output.shape", [1, 10]),
    ],
)
def test_a_card_of_another_kind_of_model_is_refused(path, value):
    assert "digit model" in refused(changed(path, value))


@pytest.mark.parametrize("name", ["parity", "requires", "provenance"])
@pytest.mark.parametrize("value", [None, 7, "text", [1]], ids=str)
def test_what_is_no_table_where_a_card_has_one_is_damage(name, value):
    assert "damaged" in refused(changed(name, value))


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), 2, -0.1])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    assert "threshold" in refused(changed("thresholds.accept", threshold))


@pytest.mark.parametrize("max_error", [float("nan"), 1.5, -0.1, "few", [], {}])
def test_an_error_rate_that_is_no_share_is_refused(max_error):
    assert "max_error" in refused(changed("thresholds.max_error", max_error))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 0),
        ("n", 9899),
        ("n", "10000"),
        ("n", 10000.0),
        ("thresholds", [0.95, 0.99, 0.5]),
        ("thresholds", [1.5, 0.95, 0.5]),
        ("thresholds", [0.99, 0.95]),
        ("thresholds", 0.99),
        ("thresholds", ["high", "low", "none"]),
        ("accepted", [9400, 8000, 9900]),
        ("accepted", [8000, 9400, 9900.5]),
        ("accepted", []),
        ("errors", [0, 60, 2]),
        ("errors", [-1, 2, 60]),
        ("errors", [0, 1402, 1402]),
        ("errors", None),
    ],
)
def test_a_risk_curve_that_cannot_have_been_counted_is_damage(name, value):
    assert "damaged" in refused(changed(f"risk.{name}", value))


@pytest.mark.parametrize("risk", [[], {}, "low", 7, True])
def test_what_is_no_risk_curve_is_damage(risk):
    assert "damaged" in refused(changed("risk", risk))


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_may_accept_all_or_next_to_nothing(threshold):
    card = Card.from_json(changed("thresholds.accept", threshold), "digits.onnx")
    assert card.accept_threshold == threshold


@pytest.mark.parametrize(
    "path",
    [
        "calibration.temperature",
        "calibration.n",
        "calibration.ece_before",
        "calibration.ece_after",
        "accuracy.n",
        "accuracy.correct",
        "accuracy.loss",
        "accuracy.ci95",
        "accuracy.coverage",
        "accuracy.accepted_errors",
    ],
)
def test_text_in_the_place_of_a_number_is_damage(path):
    refused(changed(path, "many"))


@pytest.mark.parametrize(("path", "value"), [("accuracy.n", 0), ("calibration.temperature", 0)])
def test_a_number_that_could_only_be_divided_by_zero_is_damage(path, value):
    refused(changed(path, value))


@given(text=st.text() | json_values.map(json.dumps))
def test_any_text_is_a_card_or_refused(text):
    refused(text)

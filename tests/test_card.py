import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.card import Accuracy, Calibration, Card
from edgedigits.errors import ArtifactError

finite = st.floats(allow_nan=False, allow_infinity=False)
share = st.floats(0, 1)
count = st.integers(1, 10**6)
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
    calibration=st.builds(Calibration, method=st.text(), temperature=st.floats(0.01, 100)),
    accept_threshold=share,
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
)
CARD = Card(
    "paper",
    "onnx",
    "fp32",
    Calibration("none", 1.0),
    0.95,
    Accuracy("mnist", 10000, 9866, 0.0447, (0.984, 0.989), 0.956, 29),
    "0" * 64,
    {"recipe": {"seed": 1}},
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
    assert fields["thresholds"] == {"accept": 0.95}


def test_accuracy_is_the_share_read_right():
    assert CARD.accuracy.accuracy == 0.9866


@pytest.mark.parametrize("name", json.loads(CARD.to_json()))
def test_a_card_without_one_of_its_fields_is_damaged(name):
    fields = json.loads(CARD.to_json())
    del fields[name]
    assert "damaged" in refused(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "not json", "null", "[]", "{}", "7", '"card"', CARD.to_json()[:-1]])
def test_what_is_no_card_is_damaged(text):
    assert "damaged" in refused(text)


def test_nesting_without_end_is_damaged():
    assert "damaged" in refused("[" * 100_000)


def test_another_schema_is_named():
    assert "schema 2; this edgedigits reads 1" in refused(changed("schema", 2))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("labels", list("abcdefghij")),
        ("labels", list("012345678")),
        ("input.shape", ["batch", 32, 32]),
        ("input.dtype", "float32"),
        ("output.name", "logits"),
    ],
)
def test_a_card_of_another_kind_of_model_is_refused(path, value):
    assert "digit model" in refused(changed(path, value))


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), 2, -0.1])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    assert "threshold" in refused(changed("thresholds.accept", threshold))


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_may_accept_all_or_next_to_nothing(threshold):
    card = Card.from_json(changed("thresholds.accept", threshold), "digits.onnx")
    assert card.accept_threshold == threshold


@pytest.mark.parametrize(
    "path",
    [
        "calibration.temperature",
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

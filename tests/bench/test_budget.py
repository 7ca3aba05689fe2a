"""Budgets: how they are written, what keeps to them, and what is then recommended."""

import pytest

from edgedigits.bench.budget import Budget, advise
from edgedigits.errors import InputError, UnknownNameError

ROW = {
    "latency_us": {"p50": 20.0, "p90": 30.0, "p99": 150.0, "p999": 900.0},
    "offline": {"images_per_s": 50_000.0},
    "bytes": 30_000,
    "accuracy": 0.99,
    "accuracy_ci95": [0.985, 0.994],
    "coverage": 0.98,
    "accepted_errors": 98,
    "n": 10_000,
}


@pytest.mark.parametrize(
    ("text", "is_met"),
    [
        ("p99<200us", True),
        ("p99 < 0.2ms", True),
        ("p99<100µs", False),
        ("p99.9<1ms", True),
        ("p50<1s", True),
        ("bytes<50k", True),
        ("bytes<0.03M", False),
        ("accuracy>98.5%", True),
        ("accuracy>0.995", False),
        ("accepted>97%", True),
        ("wrong<2%", True),
        ("wrong<1%", False),
        ("images>40k", True),
    ],
)
def test_what_keeps_to_a_budget(text, is_met):
    assert Budget.parse(text).is_met(ROW) == is_met


@pytest.mark.parametrize("text", ["", "p99", "p99=200us", "p99<fast", "<200us", "p99<1.2.3us"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(InputError, match="budget"):
        Budget.parse(text)


def test_unknown_metrics_and_units_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'p99'"):
        Budget.parse("p98<200us")
    with pytest.raises(UnknownNameError, match="unknown unit 'usec'"):
        Budget.parse("p99<200usec")


def _rows(entries, **more):
    told = []
    for one in entries:
        accuracy = one.evaluation.accuracy.to_dict()
        told.append({**ROW, "latency_us": one.timing.latency_us, **accuracy, **more})
    return told


def test_the_most_accurate_within_the_budget_is_recommended(entry):
    entries = [entry(10, 60), entry(20, 30, seed=1), entry(80, 5, seed=2)]
    rows = _rows(entries)
    assert advise(entries, rows, []).place == 2
    assert advise(entries, rows, [Budget.parse("p50<50us")]).place == 1
    within = advise(entries, rows, [Budget.parse("p50<50us"), Budget.parse("p50<15us")])
    assert within.place == 0
    assert within.sentence.startswith("Within p50<50us and p50<15us, take 10 in made, fp32: 10.")


def test_of_what_is_as_accurate_the_fastest_is_recommended_and_its_equals_named(entry):
    entries = [entry(20, 30), entry(10, 31, seed=1), entry(10.01, 30, seed=2)]
    advice = advise(entries, _rows(entries), [])
    assert advice.place in (1, 2)
    assert "as fast, as far as can be told: 10" in advice.sentence


def test_where_nothing_keeps_to_the_budgets_that_is_said(entry):
    entries = [entry(10, 60), entry(20, 30, seed=1)]
    advice = advise(entries, _rows(entries), [Budget.parse("p50<15us"), Budget.parse("accuracy>98%")])
    assert advice.place is None
    assert advice.sentence.endswith("keeps to p50<15us and accuracy>98%: 1 of 2 to p50<15us, 1 of 2 to accuracy>98%.")

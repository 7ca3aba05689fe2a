"""Two runs of the benchmark: what is slower, what only seems so, and what cannot be compared."""

import json

import pytest

from edgedigits.bench.compare import changes, read_report
from edgedigits.errors import InputError


def _row(yardsticks, spread=0.01, runtime="onnxruntime", batch=1):
    return {
        "model": "small",
        "runtime": runtime,
        "precision": "fp32",
        "threads": 1,
        "batch": batch,
        "yardsticks": yardsticks,
        "yardsticks_ci95": [yardsticks * (1 - spread), yardsticks * (1 + spread)],
    }


def _verdict(new, old):
    (change,) = changes({"rows": [new]}, {"rows": [old]})
    low, high = change.interval
    assert low <= change.times <= high
    return change.verdict


@pytest.mark.parametrize(
    ("times", "verdict"), [(1.0, "alike"), (1.07, "alike"), (0.94, "alike"), (1.2, "slower"), (0.8, "faster")]
)
def test_what_moved_further_than_runs_of_the_same_do_is_told(times, verdict):
    assert _verdict(_row(2 * times), _row(2)) == verdict


def test_what_is_uncertain_is_not_called_slower():
    assert _verdict(_row(2.4, spread=0.15), _row(2)) == "alike"
    assert _verdict(_row(2.4), _row(2, spread=0.15)) == "alike"


def test_the_slowest_comes_first_and_what_is_in_one_run_alone_is_left_out():
    new = {"rows": [_row(2), _row(3, runtime="ncnn"), _row(9, runtime="new"), _row(7, batch=64)]}
    old = {"rows": [_row(2), _row(2, runtime="ncnn"), _row(9, runtime="old"), _row(1, batch=64)]}
    assert [(change.what, change.verdict) for change in changes(new, old)] == [
        ("small in ncnn, fp32", "slower"),
        ("small in onnxruntime, fp32", "alike"),
    ]


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"rows": [_row(2)]}))
    assert read_report(path)["rows"] == [_row(2)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [{}]}', "\x00"])
def test_what_is_no_report_is_one_line(tmp_path, text):
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is not what `edgedigits bench --json` writes"):
        read_report(path)


def test_a_report_without_a_yardstick_or_none_at_all_is_one_line(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"rows": [{"model": "small", "batch": 64}]}))
    with pytest.raises(InputError, match="without a yardstick"):
        read_report(path)
    with pytest.raises(InputError, match="cannot open"):
        read_report(tmp_path / "none.json")

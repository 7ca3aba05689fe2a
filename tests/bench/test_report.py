"""What was measured, for machines and for people."""

import json

import numpy as np
import pytest
from rich.console import Console

from edgedigits.bench.report import BATCHES, run_bench
from edgedigits.bench.runtimes import Candidate

ABSENT = {"model": "made", "runtime": "other", "reason": "it is not installed"}


def _candidate(name, test_digits, repeat):
    """Answers right with every second digit, and works `repeat` times for it."""
    right = {frame.tobytes(): label for frame, label in zip(test_digits.frames, test_digits.labels, strict=True)}

    def run(frames):
        for _ in range(repeat):
            answers = np.eye(10, dtype=np.float32)[[right[frame.tobytes()] for frame in frames]]
        return answers

    return Candidate("made", name, "fp32", 1234, 0.5, run)


@pytest.fixture(scope="module")
def report(test_digits):
    candidates = [_candidate("quick", test_digits, 1), _candidate("slow", test_digits, 5)]
    rounds = []
    report = run_bench(candidates, [ABSENT], test_digits, rounds=5, on_round=lambda: rounds.append(1))
    assert len(rounds) == 5 * len(BATCHES)
    return report


def test_json_has_the_fields_of_the_design(report):
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(found) == {"environment", "rows", "unavailable"}
    assert {"cpu", "cores", "versions"} <= set(found["environment"])
    assert {"edgedigits", "python", "numpy", "onnxruntime", "torch"} == set(found["environment"]["versions"])
    for row in found["rows"]:
        assert set(row) >= {"model", "runtime", "precision", "threads", "batch", "images_per_s", "bytes", "accuracy"}
        assert set(row["latency_us"]) == {"p50", "p90", "p99", "p999"}
        assert (row["threads"], row["bytes"], row["dataset"], row["n"]) == (1, 1234, "synthetic", 100)


def test_there_is_a_row_for_each_candidate_and_batch(report):
    found = {(row["runtime"], row["batch"]) for row in report.rows}
    assert found == {("quick", 1), ("quick", 64), ("slow", 1), ("slow", 64)}


def test_ratios_are_to_the_first_candidate(report):
    for row in report.rows:
        low, high = row["ratio_ci95"]
        assert low <= row["ratio"] <= high
        assert (row["ratio"] == 1) == (row["runtime"] == "quick")
    assert all(row["ratio"] > 1.5 for row in report.rows if row["runtime"] == "slow")


def test_accuracy_is_measured_on_every_digit(report):
    assert {(row["accuracy"], row["accepted_errors"], row["coverage"]) for row in report.rows} == {(1.0, 0, 1.0)}


def test_what_is_missing_is_listed_with_its_reason(report):
    assert report.to_dict()["unavailable"] == [ABSENT]


def test_the_table_has_a_line_for_each_candidate_measured_or_not(report):
    console = Console(width=160)
    with console.capture() as captured:
        console.print(report.table())
    quick, slow, other = [line for line in captured.get().splitlines() if "made" in line]
    assert "quick" in quick
    assert "1.00 ±0.00" in quick
    assert "slow" in slow
    assert "other" in other
    assert "not measured" in other

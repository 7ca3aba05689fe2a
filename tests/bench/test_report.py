"""What was measured, for machines and for people."""

import json

import numpy as np
import pytest
from rich.console import Console

from edgedigits.bench.report import run_bench, steps
from edgedigits.bench.runtimes import Candidate
from edgedigits.bench.scenarios import Effort, settings
from edgedigits.bench.show import AHEAD, notes, tables

ABSENT = {"model": "made", "runtime": "ncnn", "precision": "fp32", "reason": "it is not installed"}
EFFORT = Effort(rounds=8, turn_s=0.001, least_calls=40, batches=(16, 64), batch_rounds=2, lives=0)


def _candidate(name, test_digits, path, repeat):
    """Answers right, and works `repeat` times for it."""
    right = {frame.tobytes(): label for frame, label in zip(test_digits.frames, test_digits.labels, strict=True)}

    def run(frames):
        for _ in range(repeat):
            answers = np.eye(10, dtype=np.float32)[[right[frame.tobytes()] for frame in frames]]
        return answers

    return Candidate("made", name, "fp32", 1, path, 1234, 0.5, lambda _: run, run)


@pytest.fixture(scope="module")
def said():
    """What `run_bench` said it was doing."""
    return []


@pytest.fixture(scope="module")
def report(test_digits, tmp_path_factory, said):
    path = tmp_path_factory.mktemp("files") / "made.onnx"
    candidates = [_candidate("ncnn", test_digits, path, 1), _candidate("torch", test_digits, path, 5)]
    report = run_bench(candidates, [ABSENT], test_digits, EFFORT, on_step=said.append)
    assert len(said) == steps(candidates, EFFORT)
    return report


def test_json_has_the_fields_of_the_design(report):
    found = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(found) == {
        "environment",
        "rows",
        "unavailable",
        "processes",
        "end_to_end",
        "noise",
        "recommendation",
    }
    assert {"cpu", "flags", "governor", "container", "cores", "versions"} <= set(found["environment"])
    for row in found["rows"]:
        assert set(row) >= {"model", "runtime", "precision", "threads", "batch", "images_per_s", "bytes", "accuracy"}
        assert set(row["latency_us"]) == {"p50", "p90", "p99", "p999"}
        assert (row["threads"], row["bytes"], row["dataset"], row["n"]) == (1, 1234, "synthetic", 100)


def test_there_is_a_row_for_each_candidate_and_setting(report):
    found = [(row["runtime"], row["batch"], row["callers"]) for row in report.rows]
    assert sorted(found) == sorted(
        (runtime, *setting) for runtime in ("ncnn", "torch") for setting in [(1, 1), *settings(EFFORT)]
    )


def test_enough_calls_are_made_one_digit_at_a_time(report):
    assert all(row["calls"] >= EFFORT.least_calls for row in report.single)


def test_ratios_are_to_the_first_candidate(report):
    for row in report.rows:
        low, high = row["ratio_ci95"]
        assert low <= row["ratio"] <= high
        assert (row["ratio"] == 1) == (row["runtime"] == "ncnn")
    assert all(row["ratio"] > 1.5 for row in report.rows if row["runtime"] == "torch" and row["callers"] == 1)


def test_the_best_throughput_is_that_of_its_setting(report):
    for single in report.single:
        of_it = [row for row in report.rows if row["runtime"] == single["runtime"]]
        best = max(of_it, key=lambda row: row["images_per_s"])
        assert single["offline"] == {name: best[name] for name in ("batch", "callers", "images_per_s")}


def test_accuracy_is_measured_on_every_digit(report):
    assert {(row["accuracy"], row["accepted_errors"], row["coverage"]) for row in report.rows} == {(1.0, 0, 1.0)}


def test_only_the_faster_of_two_as_accurate_is_on_the_front_and_recommended(report):
    assert [row["front"] for row in report.single] == [True, False]
    assert report.advice.place == 0
    assert "take made in ncnn, fp32" in report.to_dict()["recommendation"]


def test_the_loop_and_the_yardstick_are_measured_too(report):
    assert 0 < report.noise["loop_us"] < report.noise["yardstick_us"]
    assert report.noise["rounds"] == EFFORT.rounds
    for row in report.rows:
        low, high = row["yardsticks_ci95"]
        assert 0 < low <= row["yardsticks"] <= high


def test_what_is_missing_is_listed_with_its_reason(report):
    assert report.to_dict()["unavailable"] == [ABSENT]


def test_the_table_has_a_line_for_each_candidate_measured_or_not(report):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(*tables(report))
    quick, slow, other = [line for line in captured.get().splitlines() if "made  " in line]
    assert AHEAD in quick
    assert "1.00 ±0.00" in quick
    assert AHEAD not in slow
    assert "torch" in slow
    assert "not measured" in other


def test_notes_say_what_the_loop_costs_and_what_to_take(report):
    *first, last = notes(report)
    assert "The measuring loop itself takes" in first[0]
    assert last == report.advice.sentence


def test_noise_is_said_of_a_noisy_machine_alone(report):
    calm = [line for line in notes(report) if "noisy" in line]
    report.noise["rounds_spread"] = 0.6
    (line,) = (line for line in notes(report) if "noisy" in line)
    assert "up to 60% longer" in line
    report.noise["rounds_spread"] = 0.0
    assert not [line for line in notes(report) if "noisy" in line]
    assert len(calm) <= 1

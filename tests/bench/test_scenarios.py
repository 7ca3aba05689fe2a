"""How models are asked: one digit after the other, and as many as can be."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from edgedigits.bench.runtimes import Candidate
from edgedigits.bench.scenarios import QUICK, USUAL, Effort, offline, settings, single_stream, yardstick

EFFORT = Effort(rounds=3, turn_s=1e-6, least_calls=10, batches=(4,), batch_rounds=2, lives=0)


@pytest.fixture
def calls():
    """The shapes that were asked, and by which session, in which thread."""
    return []


@pytest.fixture
def candidate(calls):
    """A candidate that notes how it is called; each session of it has a number of its own."""

    def opened(number):
        def run(frames):
            calls.append((frames.shape, number, threading.get_ident()))
            return np.zeros((len(frames), 10), np.float32)

        return run

    return Candidate("made", "torch", "fp32", 1, Path(), 1, 0.5, lambda _: opened(len(calls) + 1), opened(0))


@pytest.fixture
def frames():
    return np.zeros((50, 28, 28), np.uint8)


def test_a_stream_is_of_single_digits_and_of_enough_of_them(candidate, calls, frames):
    rounds = []
    measured = single_stream([candidate, candidate], frames, EFFORT, lambda: rounds.append(1))
    assert len(rounds) == 3
    assert {shape for shape, *_ in calls} == {(1, 28, 28)}
    assert [timing.nanoseconds.size >= 10 for timing in measured.timings] == [True, True]
    assert measured.nothing.latency_us["p50"] < measured.yardstick.latency_us["p50"]
    assert (measured.batch, measured.callers) == (1, 1)


def test_offline_every_setting_is_tried_with_a_session_for_each_caller(candidate, calls, frames):
    found = []
    for measured in offline([candidate], frames, EFFORT, lambda: None):
        found.append((measured.batch, measured.callers))
        assert {shape for shape, *_ in calls} == {(measured.batch, 28, 28)}
        assert len({number for _, number, _ in calls}) == measured.callers
        assert measured.timings[0].batch == measured.batch * measured.callers
        calls.clear()
    assert found == settings(EFFORT)


def test_settings_take_batches_on_one_core_and_then_all_cores():
    assert settings(EFFORT)[0] == (4, 1)
    assert ((64, os.cpu_count()) in settings(EFFORT)) == ((os.cpu_count() or 1) > 1)


def test_the_yardstick_is_the_same_work_each_time():
    assert yardstick()(np.zeros((1, 28, 28), np.uint8)) is None


def test_a_quick_run_is_less_work_than_a_usual_one():
    assert QUICK.rounds * QUICK.turn_s < USUAL.rounds * USUAL.turn_s
    assert set(QUICK.batches) < set(USUAL.batches)
    assert 64 in QUICK.batches

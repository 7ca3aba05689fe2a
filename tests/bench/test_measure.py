"""The measuring loop: who is called with what, and the laws of what is made of it."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgedigits.bench.measure import PERCENTILES, Timing, interleave, ratio

NANOSECONDS = arrays.arrays(
    np.int64, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(1_000, 10**9)
)


def _interleave(runs, frames, batch, rounds=3, on_round=lambda: None):
    return interleave(runs, frames, batch, rounds=rounds, turn_s=0.0001, on_round=on_round)


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (200, 28, 28), np.uint8)


@pytest.mark.parametrize("batch", [1, 64])
def test_every_candidate_is_called_with_batches_of_the_right_size(frames, batch):
    given_to = [[], [], []]
    timings = _interleave([calls.append for calls in given_to], frames, batch)
    for calls, timing in zip(given_to, timings, strict=True):
        assert {(call.shape, str(call.dtype), call.flags.c_contiguous) for call in calls} == {
            ((batch, 28, 28), "uint8", True)
        }
        assert len(calls) > timing.nanoseconds.size
        assert timing.batch == batch
        assert (timing.nanoseconds >= 0).all()


def test_all_frames_take_part(frames):
    asked = set()
    interleave(
        [lambda batch: asked.update(frame.tobytes() for frame in batch)],
        frames[:8],
        1,
        rounds=3,
        turn_s=0.05,
        on_round=lambda: None,
    )
    assert asked == {frame.tobytes() for frame in frames[:8]}


def test_every_candidate_has_one_turn_in_each_round_and_the_order_changes(frames):
    calls, ends = [], []
    _interleave(
        [lambda _, i=i: calls.append(i) for i in range(3)], frames, 1, 12, on_round=lambda: ends.append(len(calls))
    )
    before, orders = ends[0], set()
    for end in ends[1:]:
        turns = calls[before:end]
        order = tuple(turn for turn, previous in zip(turns, [None, *turns[:-1]], strict=True) if turn != previous)
        assert sorted(order) == [0, 1, 2]
        orders.add(order)
        before = end
    assert len(ends) == 12
    assert len(orders) > 1


def test_a_slow_candidate_is_called_as_often_as_is_asked(frames):
    calls = []
    (timing,) = interleave(
        [calls.append], frames, 1, rounds=2, turn_s=1e-9, on_round=lambda: None, least_calls=7, warm_up=1
    )
    assert timing.nanoseconds.shape == (2, 7)
    # One call to warm up and one to be timed by, then one more before each turn.
    assert len(calls) == 2 + 2 * (1 + 7)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_waits_and_is_left_as_it_was(frames, enabled):
    seen = set()
    was_enabled = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        _interleave([lambda _: None], frames, 1, on_round=lambda: seen.add(gc.isenabled()))
        assert seen == {False}
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_a_candidate_that_fails_leaves_the_garbage_collector_as_it_was(frames):
    def fail(_):
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        _interleave([fail], frames, 1)
    assert gc.isenabled()


@given(nanoseconds=NANOSECONDS, batch=st.integers(1, 64))
def test_percentiles_and_throughput_are_those_of_all_calls(nanoseconds, batch):
    timing = Timing(nanoseconds, batch)
    calls = sorted(nanoseconds.ravel().tolist())
    assert list(timing.latency_us) == list(PERCENTILES) == ["p50", "p90", "p99", "p999"]
    assert timing.latency_us["p50"] == pytest.approx(np.median(calls) / 1000)
    assert timing.latency_us["p999"] == pytest.approx(np.quantile(calls, 0.999) / 1000)
    assert sorted(timing.latency_us.values()) == list(timing.latency_us.values())
    assert timing.images_per_s == pytest.approx(batch * len(calls) / (sum(calls) / 1e9))


@settings(deadline=None)
@given(nanoseconds=NANOSECONDS)
def test_the_baseline_is_exactly_as_fast_as_itself(nanoseconds):
    baseline = Timing(nanoseconds, 1)
    assert ratio(baseline, baseline) == (1.0, (1.0, 1.0))


@settings(deadline=None)
@given(nanoseconds=NANOSECONDS, times=st.integers(1, 50))
def test_a_candidate_that_takes_k_times_as_long_has_the_ratio_k(nanoseconds, times):
    found, (low, high) = ratio(Timing(nanoseconds * times, 1), Timing(nanoseconds, 1))
    assert found == pytest.approx(times)
    assert (low, high) == pytest.approx((times, times))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), times=st.floats(0.1, 10))
def test_noise_that_hits_a_whole_round_cancels(seed, times):
    rng = np.random.default_rng(seed)
    noise = rng.uniform(1, 20, (40, 1))
    calls = 100_000 * rng.uniform(0.9, 1.1, (2, 40, 50))
    slow, fast = (calls[0] * noise * times).astype(np.int64), (calls[1] * noise).astype(np.int64)
    found, (low, high) = ratio(Timing(slow, 1), Timing(fast, 1))
    assert low <= found <= high
    assert (found, low, high) == pytest.approx((times, times, times), rel=0.05)

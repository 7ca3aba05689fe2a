"""The front: what beats what, and what cannot be told."""

import numpy as np
import pytest

from edgedigits.bench.front import dominates, front, more_accurate, told_apart
from edgedigits.bench.measure import Timing


def test_faster_and_as_accurate_beats(entry):
    fast, slow = entry(10, 20), entry(20, 20, seed=1)
    assert dominates(fast, slow)
    assert not dominates(slow, fast)


@pytest.mark.parametrize(("wrong", "unsure"), [(60, 0), (20, 100)])
def test_faster_and_less_accurate_or_less_often_accepted_does_not_beat(entry, wrong, unsure):
    fast, slow = entry(10, wrong, unsure), entry(20, 20, seed=1)
    assert front([fast, slow]) == [True, True]


def test_nothing_beats_itself_or_its_like(entry):
    one, same = entry(10, 20), entry(10, 20, seed=1)
    assert front([one, same, one]) == [True, True, True]
    assert not told_apart(one.timing, same.timing)


def test_a_digit_more_or_less_tells_nothing(entry):
    assert more_accurate(entry(10, 20), entry(10, 21)) == 0
    assert more_accurate(entry(10, 20), entry(10, 60)) == 1
    assert more_accurate(entry(10, 60), entry(10, 20)) == -1


def test_what_differs_less_than_two_sessions_of_one_file_is_not_told_apart(timing):
    assert not told_apart(timing(100, noise=0.001), timing(103, noise=0.001))
    assert told_apart(timing(100, noise=0.001), timing(110, noise=0.001))


def test_noise_in_every_round_hides_a_difference(timing):
    quiet = told_apart(timing(100), timing(130, seed=1))
    rng = np.random.default_rng(2)
    noisy = [Timing((100_000 * rng.uniform(1, 6, (20, 1)) * np.ones(30)).astype(np.int64), 1) for _ in range(2)]
    assert quiet
    assert not told_apart(*noisy)


def test_the_front_is_as_it_is_said(entry):
    nano, small, slow_small, base, paper = (
        entry(us, wrong, seed=i) for i, (us, wrong) in enumerate([(10, 60), (20, 30), (40, 30), (80, 5), (30, 90)])
    )
    assert front([nano, small, slow_small, base, paper]) == [True, True, False, True, False]

"""What processes show: who is started, the CPU that is counted, the memory that is seen to grow."""

import os
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from edgedigits.bench.processes import PER_SECOND, grown, in_fresh_process, paced, starts

BUSY_NS = 20_000_000
KEEPING = """
from edgedigits.bench.processes import grown
kept = []
print(grown(lambda i: kept.append([i] * ({kept_bytes} // 8)), 4000))
"""


def _be_busy(_):
    ends = time.process_time_ns() + BUSY_NS
    while time.process_time_ns() < ends:
        pass


def test_the_cpu_of_all_calls_is_counted_and_that_of_waiting_is_not():
    busy, idle = (int(paced(act, 1).nanoseconds.sum()) for act in (_be_busy, id))
    assert PER_SECOND * BUSY_NS <= busy < 2 * PER_SECOND * BUSY_NS
    assert idle < 10 * BUSY_NS / 2


def test_nobody_has_to_wait_for_a_second_to_warm_up():
    numbers = []
    timing = paced(numbers.append, 1, warm_up_s=0)
    assert numbers == list(range(PER_SECOND))
    assert timing.nanoseconds.shape == (1, 1)


def test_the_peak_of_memory_is_that_of_the_process_itself(program):
    of_it = "from edgedigits.bench.processes import peak_bytes; {}print(peak_bytes())"
    small, large = (int(program(sys.executable, "-c", of_it.format(what)).out) for what in ("", "b'x' * 100_000_000; "))
    assert 1e6 < small < 1e9
    assert large - small > 90_000_000


def test_calls_are_numbered_through_and_the_first_second_warms_up():
    numbers = []
    timing = paced(numbers.append, 1)
    assert numbers == list(range(2 * PER_SECOND))
    assert timing.nanoseconds.shape == (1, 1)


@pytest.mark.parametrize("kept_bytes", [500, 5000])
def test_memory_that_is_kept_is_seen(program, kept_bytes):
    done = program(sys.executable, "-c", KEEPING.format(kept_bytes=kept_bytes))
    assert 4000 * kept_bytes <= int(done.out) < 2 * 4000 * kept_bytes, done.err


def test_memory_that_is_given_back_is_not_growth():
    assert in_fresh_process(grown, bytes, 4000) < 1 << 20


def test_each_program_is_run_as_often_as_is_asked_and_once_to_warm_up(tmp_path):
    tell = "open({!r}, 'a').write('x')"
    paths = [tmp_path / "a", tmp_path / "b"]
    timings = starts([tell.format(str(path)) for path in paths], 3)
    assert [path.read_text() for path in paths] == ["xxxx", "xxxx"]
    assert [timing.nanoseconds.shape for timing in timings] == [(3, 1), (3, 1)]
    assert all((timing.nanoseconds > 0).all() for timing in timings)


def test_a_program_finds_its_bytecode_and_leaves_none_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "compiled.py").write_text("")
    told = tmp_path / "told"
    program = (
        f"import os, sys; sys.path.insert(0, {str(tmp_path)!r}); "
        f"import compiled; open({str(told)!r}, 'a').write(str(os.path.exists(compiled.__cached__)))"
    )
    starts([program], 1)
    assert told.read_text() == "TrueTrue"
    assert not (tmp_path / "__pycache__").exists()


def test_a_fresh_process_is_a_new_one_each_time():
    assert in_fresh_process(os.getpid) not in (os.getpid(), in_fresh_process(os.getpid))


def test_a_failure_in_a_fresh_process_is_told():
    with pytest.raises(ValueError, match="invalid literal"):
        in_fresh_process(int, "seven")


def test_a_fresh_process_that_dies_is_told():
    with pytest.raises(BrokenProcessPool):
        in_fresh_process(os._exit, 3)

"""Processes of their own: whose are measured, and what they show."""

import pytest

from edgedigits.bench.files import Shelf
from edgedigits.bench.lives import READINGS, cast_of, live
from edgedigits.bench.runtimes import find_runtime, prepare_all
from edgedigits.errors import InputError
from edgedigits.models import find_model


@pytest.fixture(scope="module")
def candidates(tmp_path_factory):
    shelves = [Shelf(find_model(name), tmp_path_factory.mktemp(name), is_closed=True) for name in ("nano", "small")]
    runtimes = [find_runtime(name) for name in ("onnxruntime", "onnxruntime-default")]
    found, missing = prepare_all(shelves, runtimes)
    assert missing == []
    return found


def test_of_the_first_model_one_in_each_library_and_number_of_threads_is_cast(candidates):
    cast = cast_of(candidates)
    assert [(candidate.model, candidate.precision) for candidate in cast] == [("nano", "fp32")] * len(cast)
    assert cast[0].runtime == "onnxruntime"
    assert len({candidate.threads for candidate in cast}) == len(cast)


def test_a_life_shows_its_start_its_pace_and_its_memory(candidates):
    said = []
    (told,) = live(candidates[:1], 2, said.append)
    assert said == ["a process of onnxruntime"] * 2
    assert (told["model"], told["runtime"], told["processes"]) == ("nano", "onnxruntime", 2)
    start = told["start_ms"]
    assert set(start) == {"python", "import", "load", "first", "total"}
    assert all(value > 0 for value in start.values())
    assert start["total"] >= max(start[part] for part in ("python", "import", "load", "first"))
    assert (told["pace"]["per_second"], told["pace"]["calls"]) == (10, 20)
    assert 0 < told["pace"]["cpu_share"] < 1
    assert 0 < told["pace"]["latency_us"]["p50"] <= told["pace"]["latency_us"]["max"]
    assert 10e6 < told["memory"]["peak_bytes"] < 1e9
    assert told["memory"]["readings"] == READINGS


def test_a_life_that_fails_is_one_line(candidates, tmp_path):
    path = tmp_path / "gone.onnx"
    broken = type(candidates[0])(**{**vars(candidates[0]), "path": path})
    with pytest.raises(InputError, match="a process that runs nano in onnxruntime, fp32 failed"):
        live([broken], 1, lambda _: None)

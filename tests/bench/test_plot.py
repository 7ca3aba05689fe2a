"""The benchmark as a picture."""

import io
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from edgedigits.bench.budget import Advice
from edgedigits.bench.plot import draw
from edgedigits.bench.report import Report


def _row(model, runtime, p50, ratio, *, accuracy=0.9875, front=True):
    latency = {"p50": p50, "p90": 1.2 * p50, "p99": 2 * p50, "p999": 4 * p50}
    about = {"model": model, "runtime": runtime, "precision": "fp32", "dataset": "synthetic", "accuracy": accuracy}
    trust = {"accuracy_ci95": [accuracy - 0.002, accuracy + 0.001], "coverage": 0.99, "accepted_errors": 3}
    return {**about, **trust, "batch": 1, "latency_us": latency, "ratio": ratio, "front": front}


def _report(rows):
    return Report({}, [*rows, *({**row, "batch": 64} for row in rows)], [], [], [], {}, Advice("", 0))


def _front():
    rows = [_row(f"model{i}", "onnxruntime", 25.0 * 1.7**i, 1.7**i, accuracy=0.98 + 0.004 * i) for i in range(4)]
    return _report([*rows, *({**row, "runtime": "torch", "front": False} for row in rows)])


def _spans(n):
    return _report([_row("model", f"runtime{i}", 25.0 * 1.7**i, 1.7**i) for i in range(n)])


@pytest.fixture(params=["front", 1, 6], ids=str)
def report(request):
    return _front() if request.param == "front" else _spans(request.param)


def test_a_png_that_can_be_opened(report):
    picture = Image.open(io.BytesIO(draw(report, ".png")))
    picture.load()
    assert (picture.format, picture.width) == ("PNG", 1170)


def test_an_svg_that_can_be_parsed(report):
    assert ET.fromstring(draw(report, ".svg")).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_of_one_model_is_as_high_as_it_has_candidates():
    one, two = (Image.open(io.BytesIO(draw(_spans(n), ".png"))) for n in (1, 2))
    assert one.height < two.height


def test_what_is_on_the_front_is_named_and_nothing_else(monkeypatch):
    monkeypatch.setitem(__import__("matplotlib").rcParams, "svg.fonttype", "none")
    rows = [_row("ahead", "ncnn", 10, 1), _row("behind", "torch", 20, 2, front=False)]
    text = draw(_report(rows), ".svg").decode()
    assert "ahead fp32, ncnn" in text
    assert "behind fp32" not in text

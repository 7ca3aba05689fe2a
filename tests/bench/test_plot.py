"""The benchmark as a picture."""

import io
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from edgedigits.bench.plot import draw
from edgedigits.bench.report import Report


def _row(model, runtime, p50, ratio):
    latency = {"p50": p50, "p90": 1.2 * p50, "p99": 2 * p50, "p999": 4 * p50}
    about = {"model": model, "runtime": runtime, "dataset": "synthetic", "accuracy": 0.9875}
    return {**about, "batch": 1, "latency_us": latency, "ratio": ratio}


@pytest.fixture(params=[1, 6])
def report(request):
    rows = [_row(f"model{i}", "onnxruntime", 25.0 * 1.7**i, 1.7**i) for i in range(request.param)]
    return Report({}, [*rows, *({**row, "batch": 64} for row in rows)], [])


def test_a_png_that_can_be_opened(report):
    picture = Image.open(io.BytesIO(draw(report, ".png")))
    picture.load()
    assert (picture.format, picture.width) == ("PNG", 1040)


def test_an_svg_that_can_be_parsed(report):
    assert ET.fromstring(draw(report, ".svg")).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_is_as_high_as_it_has_candidates():
    one, two = (
        Image.open(io.BytesIO(draw(Report({}, [_row(f"m{i}", "torch", 50, 1) for i in range(n)], []), ".png")))
        for n in (1, 2)
    )
    assert one.height < two.height

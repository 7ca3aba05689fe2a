"""What is told of the machine."""

import json
import os

import numpy as np

from edgedigits.bench.environment import describe


def test_the_machine_is_told_as_json():
    told = json.loads(json.dumps(describe(), allow_nan=False))
    assert told["cores"] == os.cpu_count()
    assert 1 <= told["cores_allowed"] <= told["cores"]
    assert told["cpu"]
    assert set(told["container"]) == {"cpu.max", "memory.max"}
    assert {"edgedigits", "python", "numpy", "onnxruntime", "torch"} <= set(told["versions"])
    assert told["versions"]["numpy"] == np.__version__
    assert {"governor", "kernel", "load", "machine", "system"} <= set(told)

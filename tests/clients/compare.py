"""What the clients in Python share: standard library and numpy, for they run where edgedigits is not installed."""

import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np


def main(client, version, load):
    """Hold the model that is the first argument against the golden file that is the second.

    `load` makes of a path and its input's name a function from frames, or from one image, to probabilities.
    """
    model, golden = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    if hashlib.sha256(model.read_bytes()).hexdigest() != golden["model"]:
        sys.exit(f"{sys.argv[2]} was made for another file than {model}")
    frames = np.frombuffer(base64.b64decode(golden["frames"]), np.uint8).reshape(golden["shape"])
    expected, digits = np.array(golden["probabilities"], np.float32), golden["digits"]

    answer = load(str(model), golden["input"])
    if golden["input"] == "image":
        runs = [np.concatenate([answer(picture) for picture in frames])]
    else:
        runs = [answer(frames), np.concatenate([answer(frames[i : i + 1]) for i in range(len(frames))])]
    for run in runs:
        if (run.shape, run.dtype) != (expected.shape, expected.dtype):
            sys.exit(f"{run.dtype} {run.shape} came out instead of {expected.dtype} {expected.shape}")
    same = [all(_is_same(run[i], digit) for run in runs) for i, digit in enumerate(digits)]
    report = {
        "client": client,
        "version": version,
        "max_abs_diff": max(float(np.abs(run - expected).max()) for run in runs),
        "same_digit": sum(same),
        "n": len(frames),
    }
    sys.stdout.write(json.dumps(report) + "\n")


def _is_same(answer, digits):
    """Whether the most probable one is as it should be, at each step of a line; what is left open may be any."""
    return all(
        digit is None or step.argmax() == digit
        for step, digit in zip(np.atleast_2d(answer), np.atleast_1d(digits), strict=True)
    )

"""Every model that ships, in programs that know nothing of edgedigits: each is held against the golden set."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from edgedigits.artifact import OnnxArtifact
from edgedigits.export.deployable import Deployable
from edgedigits.export.exporting import deployable, export_checkpoint, find_origin
from edgedigits.export.formats import find_format
from edgedigits.export.golden import golden_frames, golden_lines, golden_pictures, write_golden
from edgedigits.export.image import framed
from edgedigits.export.onnx import OLDEST_ONNXRUNTIME
from edgedigits.models import find_model, model_names
from edgedigits.training.data import load_digits

CLIENTS = Path(__file__).parent
CACHE = CLIENTS.parents[1] / "build" / "clients"
ONNXRUNTIME_WEB = "1.30.0"
ARTIFACTS = [path for name in model_names() for path in sorted(find_model(name).artifact.parent.glob("*.onnx"))]
TOLERANCES = {"fp32": (1e-4, 1.0), "fp16": (1e-2, 1.0), "int8": (0.2, 0.9)}
"""By precision: how far a probability may be from the checkpoint's, and the share of frames read as the same digit."""
IN_PYTHON = ("onnxruntime_client.py", "reference.py", "tract_client.py")


TAKES_NO_IMAGE = "tract_client.py"
"""It asks for paddings that are known before the picture is, and computes in fewer bits than framing needs."""


class Shipped(NamedTuple):
    """A model and what it has to answer."""

    path: Path
    golden: Path
    precision: str

    def check(self, ran):
        """Whether a client that ran answered so; the name and the version that it gave."""
        assert ran.code == 0, ran.err
        report = json.loads(ran.out)
        max_abs_diff, same_digit = TOLERANCES[self.precision]
        assert report["max_abs_diff"] <= max_abs_diff
        assert report["same_digit"] >= same_digit * report["n"]
        assert report["n"] == len(json.loads(self.golden.read_text())["digits"])
        return report["client"], report["version"]


@pytest.fixture(scope="module", params=ARTIFACTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def shipped(request, tmp_path_factory):
    path, golden = request.param, tmp_path_factory.mktemp("golden") / "golden.json"
    card = OnnxArtifact.open(path).card
    given = golden_lines() if card.takes == "lines" else golden_frames()
    checkpoint = Deployable(find_origin(path).network(), card.calibration.temperature)
    write_golden(golden, path, card.takes, given, checkpoint.run(given))
    return Shipped(path, golden, card.precision)


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    """`small`, exported to take an image."""
    folder = tmp_path_factory.mktemp("image")
    path, golden, pictures = folder / "small.image.onnx", folder / "golden.json", golden_pictures()
    checkpoint = find_model("small").load_checkpoint()
    row, digits = find_format("onnx"), load_digits("synthetic", "test")
    export_checkpoint(checkpoint, "small", path, row=row, precision="fp32", digits=digits, takes="image")
    write_golden(golden, path, "image", pictures, framed(deployable(checkpoint).run)(pictures))
    return Shipped(path, golden, "fp32")


@pytest.fixture(scope="module")
def oldest_python():
    """The Python of an environment that has the oldest onnxruntime."""
    folder = _installed(
        f"onnxruntime-{OLDEST_ONNXRUNTIME}",
        [sys.executable, "-m", "venv", "."],
        # numpy 2 came after it.
        ["bin/python", "-m", "pip", "install", "--only-binary=:all:", f"onnxruntime=={OLDEST_ONNXRUNTIME}", "numpy<2"],
    )
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def node_modules():
    """The folder of packages that has onnxruntime-web."""
    install = ["npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "--ignore-scripts"]
    folder = _installed(f"onnxruntime-web-{ONNXRUNTIME_WEB}", [*install, f"onnxruntime-web@{ONNXRUNTIME_WEB}"])
    return folder / "node_modules"


@pytest.mark.parametrize("client", IN_PYTHON)
def test_a_client_in_python_answers_as_the_checkpoint_does(shipped, program, client):
    shipped.check(program(sys.executable, CLIENTS / client, shipped.path, shipped.golden))


@pytest.mark.parametrize("client", [name for name in IN_PYTHON if name != TAKES_NO_IMAGE])
def test_a_client_in_python_needs_no_image_code(image_model, program, client):
    image_model.check(program(sys.executable, CLIENTS / client, image_model.path, image_model.golden))


@pytest.mark.slow
def test_the_oldest_onnxruntime_needs_no_image_code(image_model, program, oldest_python):
    image_model.check(program(oldest_python, CLIENTS / "onnxruntime_client.py", image_model.path, image_model.golden))


@pytest.mark.slow
def test_onnxruntime_in_javascript_needs_no_image_code(image_model, program, node_modules):
    files = (CLIENTS / "web.mjs", image_model.path, image_model.golden)
    image_model.check(program("node", *files, NODE_PATH=str(node_modules)))


@pytest.mark.slow
def test_the_oldest_onnxruntime_answers_as_the_checkpoint_does(shipped, program, oldest_python):
    ran = program(oldest_python, CLIENTS / "onnxruntime_client.py", shipped.path, shipped.golden)
    assert shipped.check(ran) == ("onnxruntime", OLDEST_ONNXRUNTIME)


@pytest.mark.slow
def test_onnxruntime_in_javascript_answers_as_the_checkpoint_does(shipped, program, node_modules):
    ran = program("node", CLIENTS / "web.mjs", shipped.path, shipped.golden, NODE_PATH=str(node_modules))
    assert shipped.check(ran) == ("onnxruntime-web", ONNXRUNTIME_WEB)


@pytest.fixture
def wrong(tmp_path):
    """A model, a golden file that has other answers to one frame, and one that is another model's."""
    path, other, frames = find_model("nano").artifact, find_model("paper").artifact, golden_frames()
    answers = OnnxArtifact.open(path).run(frames)
    answers[5] = np.roll(answers[5], 1)
    for name, model in (("golden", path), ("other", other)):
        write_golden(tmp_path / f"{name}.json", model, "frames", frames, answers)
    return path, tmp_path / "golden.json", tmp_path / "other.json"


@pytest.mark.parametrize("client", IN_PYTHON)
def test_a_client_in_python_sees_a_wrong_answer(wrong, program, client):
    _is_seen(wrong, lambda *files: program(sys.executable, CLIENTS / client, *files))


@pytest.mark.slow
def test_the_client_in_javascript_sees_a_wrong_answer(wrong, program, node_modules):
    _is_seen(wrong, lambda *files: program("node", CLIENTS / "web.mjs", *files, NODE_PATH=str(node_modules)))


def test_a_digit_that_another_is_as_probable_as_is_left_open(tmp_path):
    probabilities = np.zeros((3, 10), np.float32)
    probabilities[:, 4], probabilities[:, 7] = 0.4, (0.3, 0.3995, 0.5)
    (tmp_path / "model").write_bytes(b"")
    write_golden(tmp_path / "golden.json", tmp_path / "model", "frames", golden_frames()[:3], probabilities)
    golden = json.loads((tmp_path / "golden.json").read_text())
    assert golden["digits"] == [4, None, 7]
    assert golden["shape"] == [3, 28, 28]


def test_golden_frames_are_digits_and_what_is_none():
    frames = golden_frames()
    np.testing.assert_array_equal(frames, golden_frames())
    assert len(np.unique(frames, axis=0)) == len(frames) == 24
    assert [int((frame > 0).sum()) for frame in frames[[20, 21, 23]]] == [0, 28 * 28, 1]


def test_of_a_line_each_step_is_held_against_the_golden_answer(tmp_path):
    lines = golden_lines()
    np.testing.assert_array_equal(lines, golden_lines())
    probabilities = np.zeros((len(lines), 3, 17), np.float32)
    probabilities[:, :, 4], probabilities[:, 1, 16] = 0.5, 0.5
    (tmp_path / "model").write_bytes(b"")
    write_golden(tmp_path / "golden.json", tmp_path / "model", "lines", lines, probabilities)
    golden = json.loads((tmp_path / "golden.json").read_text())
    assert golden["digits"] == [[4, None, 4]] * len(lines)
    assert (golden["input"], golden["shape"]) == ("lines", [len(lines), 32, 145])


def _is_seen(wrong, run):
    path, golden, other = wrong
    ran = run(path, golden)
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    assert report["max_abs_diff"] > 0.5
    assert report["same_digit"] == report["n"] - 1
    refused = run(path, other)
    assert refused.code != 0
    assert "was made for another file" in refused.err


def _installed(name, *commands):
    """The folder `name` of the cache, made by commands that run in it: it is there once all of them are done."""
    folder = CACHE / name
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
            made = Path(temporary) / name
            made.mkdir()
            for command in commands:
                try:
                    subprocess.run(command, cwd=made, capture_output=True, check=True, text=True, timeout=600)
                except (OSError, subprocess.SubprocessError) as error:
                    said = getattr(error, "stderr", None) or ""
                    pytest.skip(f"{name} cannot be installed: {error} {said[-500:]}")
            made.rename(folder)
    return folder

"""The form as one program that needs no Python, made by PyInstaller where torch and all else is installed too."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgedigits.bench.install import build_wheel
from edgedigits.models import shipped_names

KIOSK = Path(__file__).parents[2] / "examples" / "kiosk_tk.py"
LEFT_OUT = {"click", "matplotlib", "ncnn", "onnx", "openvino", "pytest", "rich", "safetensors", "setuptools", "torch"}
ONE = [(52, 0), (51, 25), (50, 50), (49, 75), (48, 100)]

pytestmark = pytest.mark.slow


def run(folder, *arguments, **variables):
    """What a module of Python's says that runs in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def frozen(tmp_path_factory, display):
    """The program. It is made of edgedigits as it is installed, not as it lies here: a wheel, unpacked."""
    folder = tmp_path_factory.mktemp("frozen")
    with zipfile.ZipFile(build_wheel(folder)) as wheel:
        wheel.extractall(folder / "installed")
    variables = {"PYTHONPATH": str(folder / "installed"), "PYINSTALLER_CONFIG_DIR": str(folder / "cache")}
    run(folder, "PyInstaller", "--onefile", KIOSK, **variables)
    return folder / "dist" / "kiosk_tk"


def test_it_reads_what_is_written_and_typed_where_there_is_no_python(frozen, person, tmp_path):
    somebody = person(frozen, PATH="", HOME=str(tmp_path), TMPDIR=str(tmp_path))
    somebody.writes(ONE)
    somebody.sees("Amount 0.01 Write a digit.")
    somebody.types("7", "Return")
    assert somebody.leaves() == (0, "0.17\n", "")
    assert sorted(tmp_path.rglob("*")) == []


def test_it_holds_the_runner_and_the_models_and_nothing_else(frozen, tmp_path):
    listing = run(tmp_path, "PyInstaller.utils.cliutils.archive_viewer", "--list", "--recursive", "--brief", frozen)
    names = {line.strip() for line in listing.splitlines()}
    assert {re.split(r"[./]", name)[0] for name in names} & LEFT_OUT == set()
    packages = {name.split(".")[1] for name in names if name.startswith("edgedigits.")}
    assert "recognizer" in packages
    assert packages & {"bench", "cli", "export", "training"} == set()
    assert sum(name.startswith("edgedigits/artifacts/") for name in names) == len(shipped_names())

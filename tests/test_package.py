import json
import sys

import pytest

import edgedigits as package

LOADED = "import sys, {module}; print(*sorted({{'torch', 'click', 'rich', 'PIL'}} & set(sys.modules)))"
COMMANDS_THAT_NEED_AN_EXTRA = {
    "train": ("train", ["train"]),
    "export": ("export", ["export", "paper"]),
    "export of a run's folder": ("export", ["export"]),
    "verify": ("export", ["verify", "model.onnx"]),
}


@pytest.fixture
def bare(installed, base_install):
    """Run the command where none of the extras is installed."""
    return lambda *arguments: installed(*arguments, **base_install)


def test_everything_that_is_promised_is_there():
    assert all(hasattr(package, name) for name in package.__all__)


def test_importing_the_runner_loads_nothing_heavy(program):
    done = program(sys.executable, "-c", LOADED.format(module="edgedigits"))
    assert done.out == "\n", done.err


def test_who_reads_single_digits_loads_nothing_of_what_reads_lines(program):
    code = """
import sys, numpy as np
from edgedigits import Recognizer
Recognizer().read(np.eye(60, dtype=np.uint8))
of_lines = ("ctc", "decoding", "expectation", "line_reading", "lines", "pages")
print(*sorted({f"edgedigits.{name}" for name in of_lines} & set(sys.modules)))
"""
    assert program(sys.executable, "-c", code) == (0, "\n", "")


@pytest.mark.parametrize("module", ["edgedigits.export", "edgedigits.bench", "edgedigits.training"])
def test_importing_a_neighbour_does_not_load_torch(program, module):
    done = program(sys.executable, "-c", LOADED.format(module=module))
    assert done.code == 0, done.err
    assert "torch" not in done.out


def test_every_package_can_be_imported_without_the_extras(program, base_install):
    imports = "import edgedigits, edgedigits.bench, edgedigits.cli, edgedigits.export, edgedigits.training"
    assert program(sys.executable, "-c", imports, **base_install).code == 0
    absent = program(sys.executable, "-c", "import torch", **base_install)
    assert absent.err.endswith("ModuleNotFoundError: No module named 'torch'\n")


def test_pictures_are_read_without_the_extras(program, base_install):
    code = (
        "import numpy as np; from edgedigits import Recognizer; "
        "from edgedigits.training.synthetic import draw_digit; "
        "print(Recognizer().read(draw_digit(3, np.random.default_rng(1), 56)).text)"
    )
    done = program(sys.executable, "-c", code, **base_install)
    assert done.out == "3\n", done.err


def test_models_are_listed_without_the_extras(bare):
    done = bare("models")
    assert (done.code, done.err) == (0, "")
    assert "paper" in done.out


@pytest.mark.slow
def test_onnxruntime_is_measured_without_the_extras(bare):
    done = bare("bench", "--json", "-")
    assert done.code == 0, done.err
    rows = json.loads(done.out)["rows"]
    assert {row["runtime"] for row in rows} == {"onnxruntime", "onnxruntime-default", "tract"}
    assert {row["dataset"] for row in rows} == {"synthetic"}
    assert "edgedigits[" in done.err


@pytest.mark.parametrize("case", COMMANDS_THAT_NEED_AN_EXTRA)
def test_a_command_that_needs_an_extra_names_it_in_one_line(bare, case):
    extra, arguments = COMMANDS_THAT_NEED_AN_EXTRA[case]
    done = bare(*arguments)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.endswith(f"which is not installed: pip install 'edgedigits[{extra}]'")

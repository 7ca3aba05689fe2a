"""The table of formats."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgedigits.errors import InputError, MissingExtraError, UnknownNameError
from edgedigits.export.formats import FORMATS, Gate, find_format, format_of


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_found_by_its_name_and_by_the_suffix_of_its_files(name):
    row = find_format(name)
    assert row.name == name
    assert format_of(Path("folder.d") / f"model{row.suffix}") is row


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_module_that_writes_loads_and_knows_its_versions(name):
    exporter = find_format(name).exporter()
    assert callable(exporter.write)
    assert callable(exporter.load)
    assert exporter.versions()
    assert all(exporter.versions().values())


def test_formats_are_held_to_the_difference_that_the_project_promises():
    fp32 = {name: row.gate("fp32") for name, row in FORMATS.items()}
    # ncnn's kernels sum in another order.
    assert fp32 == {**dict.fromkeys(FORMATS, Gate(1e-5)), "ncnn": Gate(1e-4)}
    assert all((gate.agreement, gate.accuracy_lost) == (1, 0) for gate in fp32.values())


def test_in_fewer_bits_one_digit_in_a_thousand_may_be_read_otherwise_and_a_twentieth_of_a_point_be_lost():
    lossy = [gate for row in FORMATS.values() for precision, gate in row.precisions.items() if precision != "fp32"]
    assert {(gate.agreement, gate.accuracy_lost) for gate in lossy} == {(0.999, 0.0005)}
    assert {name: set(row.precisions) for name, row in FORMATS.items()} == {
        "onnx": {"fp32", "fp16", "int8"},
        "torchscript": {"fp32"},
        "pt2": {"fp32"},
        "openvino": {"fp32", "int8"},
        "ncnn": {"fp32", "fp16"},
    }


def test_no_suffix_ends_as_another_does():
    suffixes = [row.suffix for row in FORMATS.values()]
    assert [(a, b) for a in suffixes for b in suffixes if a != b and a.endswith(b)] == []


@pytest.mark.parametrize(
    ("precision", "takes", "name"),
    [
        ("fp32", "frames", "model.onnx"),
        ("int8", "frames", "model.int8.onnx"),
        ("fp32", "image", "model.image.onnx"),
        ("fp16", "image", "model.fp16.image.onnx"),
    ],
)
def test_a_file_is_named_after_what_is_unusual_about_it(precision, takes, name):
    assert find_format("onnx").file_name("model", precision, takes) == name


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown format 'onxx': did you mean 'onnx'"):
        find_format("onxx")


def test_a_precision_that_a_format_cannot_honour_is_answered_with_those_it_can():
    with pytest.raises(UnknownNameError, match="unknown precision for onnx 'fp23': did you mean 'fp32'"):
        find_format("onnx").gate("fp23")
    with pytest.raises(UnknownNameError, match="unknown precision for torchscript 'int8': known are fp32"):
        find_format("torchscript").gate("int8")


def test_an_input_that_a_format_cannot_take_is_answered_with_those_it_can():
    assert find_format("onnx").require_takes("image") == "image"
    with pytest.raises(UnknownNameError, match="unknown input for ncnn 'image': known are frames"):
        find_format("ncnn").require_takes("image")
    with pytest.raises(UnknownNameError, match="unknown input for onnx 'images': did you mean 'image'"):
        find_format("onnx").require_takes("images")


def test_a_file_of_no_format_is_answered_with_the_suffixes_that_are():
    with pytest.raises(InputError, match=r"notes\.txt .* known are \.onnx \(onnx\), \.torchscript \(torchscript\), "):
        format_of(Path("notes.txt"))


def test_a_format_whose_packages_are_absent_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "format_of_another_planet.py").write_text("import package_of_another_planet")
    monkeypatch.syspath_prepend(tmp_path)
    row = replace(find_format("ncnn"), module="format_of_another_planet")
    with pytest.raises(MissingExtraError, match=r"package_of_another_planet.*pip install 'edgedigits\[ncnn\]'"):
        row.exporter()


@pytest.mark.parametrize("row", FORMATS.values(), ids=lambda row: row.name)
def test_the_readme_has_every_format_as_the_table_has_it(row):
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    precisions = ", ".join(row.precisions)
    assert f"| `{row.name}` | {precisions} | `{row.suffix}` | `[{row.extra}]` | {row.loads_with} |\n" in readme

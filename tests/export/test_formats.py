"""The table of formats."""

from pathlib import Path

import pytest

from edgedigits.errors import InputError, MissingExtraError, UnknownNameError
from edgedigits.export.formats import FORMATS, Format, find_format, format_of


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
    assert "torch" in exporter.versions()


def test_formats_are_held_to_the_difference_that_the_project_promises():
    assert {row.tolerance("fp32") for row in FORMATS.values()} == {1e-5}


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown format 'onxx': did you mean 'onnx'"):
        find_format("onxx")


def test_a_precision_that_a_format_cannot_honour_is_answered_with_those_it_can():
    with pytest.raises(UnknownNameError, match="unknown precision for onnx 'fp23': did you mean 'fp32'"):
        find_format("onnx").tolerance("fp23")


def test_a_file_of_no_format_is_answered_with_the_suffixes_that_are():
    with pytest.raises(InputError, match=r"notes\.txt .* known are \.onnx \(onnx\), \.torchscript \(torchscript\)"):
        format_of(Path("notes.txt"))


def test_a_format_whose_packages_are_absent_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "format_of_another_planet.py").write_text("import package_of_another_planet")
    monkeypatch.syspath_prepend(tmp_path)
    row = Format("other", ".other", {"fp32": 0.1}, "format_of_another_planet", "export")
    with pytest.raises(MissingExtraError, match=r"package_of_another_planet.*pip install 'edgedigits\[export\]'"):
        row.exporter()

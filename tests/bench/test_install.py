"""What an install brings: the wheel of this tree, and the sizes that are read off a folder."""

import subprocess
import sys
import zipfile
from importlib.metadata import distributions

import pytest

from edgedigits.bench.install import build_wheel, install, installed_bytes
from edgedigits.errors import InputError


@pytest.fixture
def no_index(monkeypatch):
    """Have pip find nothing that is not at hand."""
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", ""), ("PIP_CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_all_packages_and_the_models(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("", "artifacts/", "bench/", "cli/", "export/", "training/"):
        assert f"edgedigits/{package}__init__.py" in names
    assert {"edgedigits/py.typed", "edgedigits/artifacts/small/model.onnx"} <= names
    assert not any("test" in name or name.startswith(("bench/", "export/", "artifacts/")) for name in names)


def test_each_distribution_is_counted_by_the_files_that_it_brought(wheel, tmp_path):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path, wheel]
    subprocess.run(pip, check=True)
    on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    (distribution,) = distributions(path=[str(tmp_path)])
    (tmp_path / "stranger.py").write_text("x" * 1000)
    counted = installed_bytes(tmp_path)
    assert list(counted) == [distribution.metadata["Name"]] == ["edgedigits"]
    assert 0 <= on_disk - counted["edgedigits"] < 1000  # pip's own `bin/edgedigits`


def test_what_cannot_be_installed_is_told_in_one_line(no_index, tmp_path):
    with pytest.raises(InputError, match=r"\Apip install failed: [^\n]*onnxruntime[^\n]*\Z"):
        install("onnxruntime", tmp_path)

"""What an install of this source tree brings, in bytes on disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory

import edgedigits
from edgedigits.errors import InputError

__all__ = ["build_wheel", "install", "installed_bytes"]

NO_SOURCES = (".*", "build", "dist", "runs", "tests", "__pycache__", "*.egg-info")


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this source tree, from a copy, and put it into `folder`. Raises `InputError`."""
    root = Path(edgedigits.__file__).parents[1]
    if not (root / "pyproject.toml").is_file():
        raise InputError("this edgedigits was installed: a wheel is built where its source tree is")
    with TemporaryDirectory() as copy:
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*NO_SOURCES), dirs_exist_ok=True)
        _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, copy)
    return next(folder.glob("edgedigits-*.whl"))


def install(what: str | Path, folder: Path) -> None:
    """Install a distribution, with all it needs, into a folder of its own. Raises `InputError`."""
    _pip("install", "--target", folder, what)


def installed_bytes(folder: Path) -> dict[str, int]:
    """Bytes of the files of each distribution that is installed in `folder`, as its record lists them."""
    return {
        distribution.metadata["Name"].lower(): sum(
            path.stat().st_size
            for file in distribution.files or ()
            if (path := Path(str(distribution.locate_file(file)))).is_file()
        )
        for distribution in distributions(path=[str(folder)])
    }


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8")  # noqa: S603  this Python's pip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it does not say why"]
        raise InputError(f"pip {arguments[0]} failed: {said[-1]}")

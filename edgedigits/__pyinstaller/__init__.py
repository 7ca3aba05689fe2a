"""What PyInstaller is told, where it is installed, of a program that imports edgedigits."""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_hook_dirs"]


def get_hook_dirs() -> list[str]:
    """The folder that holds the hook: PyInstaller asks for it through the entry point `pyinstaller40`."""
    return [str(Path(__file__).parent)]

"""The machine that figures were measured on: figures of another are compared with them at one's own risk."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import edgedigits

__all__ = ["describe"]

LIBRARIES = ("numpy", "onnxruntime", "torch", "openvino", "ncnn", "tract", "pillow")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
LIMITS = {
    "cpu.max": ("cpu.max", "cpu/cpu.cfs_quota_us"),
    "memory.max": ("memory.max", "memory/memory.limit_in_bytes"),
}
"""A container's limits under `/sys/fs/cgroup`, as version 2 of control groups names them, and as version 1 did."""


def describe() -> dict[str, Any]:
    """The processor, what it can do and is held to, and the versions of what is measured, as JSON types.

    What a system does not tell is None; of a library that is not installed, `versions` says so.
    """
    cpu = _cpu()
    return {
        "cpu": cpu.get("model name") or cpu.get("Model") or platform.processor(),
        "flags": sorted((cpu.get("flags") or cpu.get("Features") or "").split()),
        "cores": os.cpu_count(),
        "cores_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "governor": _read(GOVERNOR),
        "container": {name: _limit(paths) for name, paths in LIMITS.items()},
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "machine": platform.machine(),
        "system": platform.system(),
        "kernel": platform.release(),
        "versions": {
            "edgedigits": edgedigits.__version__,
            "python": platform.python_version(),
            **{library: _version(library) for library in LIBRARIES},
        },
    }


def _cpu() -> dict[str, str]:
    """What Linux says of the first core, and on ARM of the board."""
    told: dict[str, str] = {}
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        name, _, value = line.partition(":")
        told.setdefault(name.strip(), value.strip())
    return told


def _limit(paths: tuple[str, ...]) -> str | None:
    """The limit of this process's own group, or of the one that a container shows as the root of all."""
    group = next(
        (line.partition("::")[2] for line in (_read(Path("/proc/self/cgroup")) or "").splitlines() if "::" in line), "/"
    )
    root = Path("/sys/fs/cgroup")
    folders = (root / group.lstrip("/"), root)
    return next((told for folder in folders for path in paths if (told := _read(folder / path)) is not None), None)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return None


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"

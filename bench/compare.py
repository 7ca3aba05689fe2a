"""What got slower since another run of the benchmark, beyond noise."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from edgedigits.errors import InputError
from edgedigits.training.evaluation import Z95

__all__ = ["Change", "changes", "read_report"]

BETWEEN_RUNS = 1.08
"""How far runs may differ for reasons that none of them sees, such as where memory happens to lie: measured on a busy
machine, 420 pairs among 21 runs of the same files differ by less."""
SURE = 3.3
"""Standard errors beyond it: many figures are compared at once, and none should stand out by chance."""

Key: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Change:
    """How many times as long a candidate takes as it did, in units of the yardstick, which took turns with both.

    `interval` is that of 95%, `verdict` is `slower`, `faster` or `alike`.
    """

    what: str
    times: float
    interval: tuple[float, float]
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {"what": self.what, "times": self.times, "ci95": list(self.interval), "verdict": self.verdict}


def read_report(path: Path) -> dict[str, Any]:
    """What `edgedigits bench --json` wrote. Raises `InputError`."""
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8"))
        keyed = _by_key(told)
    except OSError as error:
        raise InputError(f"cannot open {path}: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path} is not what `edgedigits bench --json` writes") from error
    if not keyed:
        raise InputError(f"{path} was measured without a yardstick, by an older edgedigits: measure it anew")
    return told


def changes(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[Change]:
    """Of what is in both reports, one digit at a time, slowest first."""
    ours, theirs = _by_key(new), _by_key(old)
    found = [_change(ours[key], theirs[key]) for key in ours if key in theirs]
    return sorted(found, key=lambda change: -change.times)


def _change(new: Mapping[str, Any], old: Mapping[str, Any]) -> Change:
    moved = math.log(new["yardsticks"] / old["yardsticks"])
    error = math.hypot(_standard_error(new), _standard_error(old))
    beyond = abs(moved) - SURE * error > math.log(BETWEEN_RUNS)
    verdict = ("slower" if moved > 0 else "faster") if beyond else "alike"
    interval = (math.exp(moved - Z95 * error), math.exp(moved + Z95 * error))
    return Change(f"{new['model']} in {new['runtime']}, {new['precision']}", math.exp(moved), interval, verdict)


def _standard_error(row: Mapping[str, Any]) -> float:
    low, high = row["yardsticks_ci95"]
    return math.log(high / low) / (2 * Z95)


def _by_key(report: Mapping[str, Any]) -> dict[Key, Mapping[str, Any]]:
    return {
        (row["model"], row["runtime"], row["precision"], row["threads"]): row
        for row in report["rows"]
        if row["batch"] == 1 and "yardsticks" in row
    }

"""What each format and precision costs and keeps: `python -m edgedigits.bench.formats > formats.json`.

Every model of digits that ships is exported in every format and precision that is installed, proven, and timed against
its own ONNX file in fp32, all in turns: one line of JSON for each.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from edgedigits.bench.clients import one_thread_of_torch
from edgedigits.bench.files import digit_models
from edgedigits.bench.measure import interleave, ratio
from edgedigits.cli import run
from edgedigits.cli.options import data_dir, echo_json, note
from edgedigits.errors import MissingExtraError
from edgedigits.export.exporting import Exported, export_checkpoint
from edgedigits.export.formats import FORMATS, Artifact
from edgedigits.models import find_model
from edgedigits.training.data import load_digits
from edgedigits.training.digits import Digits

__all__ = ["command"]

ROUNDS, TURN_S = 20, 0.01


@click.command()
@data_dir
def command(*, data_dir: Path | None) -> None:
    """Export, prove and time the digit models that ship in every format and precision."""
    digits = load_digits("mnist", "test", data_dir)
    for model in digit_models():
        with tempfile.TemporaryDirectory() as folder:
            made = _exports(model, Path(folder), digits, data_dir)
            one_thread_of_torch()
            timings = interleave(
                [artifact.run for _, artifact in made],
                digits.frames,
                1,
                rounds=ROUNDS,
                turn_s=TURN_S,
                on_round=lambda: None,
            )
            for (exported, _), timing in zip(made, timings, strict=True):
                times, interval = ratio(timing, timings[0])
                told = exported.to_dict()
                echo_json(
                    {
                        "model": model,
                        **{name: told[name] for name in ("format", "precision", "bytes", "parity")},
                        **exported.card.accuracy.to_dict(),
                        "latency_ratio": times,
                        "latency_ratio_ci95": interval,
                    }
                )


def _exports(model: str, folder: Path, digits: Digits, data_dir: Path | None) -> list[tuple[Exported, Artifact]]:
    """In ONNX and fp32 first."""
    made = []
    checkpoint = find_model(model).load_checkpoint()
    for row in FORMATS.values():
        for precision in row.precisions:
            path = folder / row.file_name(model, precision)
            try:
                exported = export_checkpoint(
                    checkpoint, model, path, row=row, precision=precision, digits=digits, data_dir=data_dir
                )
            except MissingExtraError as error:
                note(f"not measured: {row.name}, {error}")
                break
            made.append((exported, row.exporter().load(path)))
    return made


if __name__ == "__main__":
    run(command)

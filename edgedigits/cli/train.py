"""`edgedigits train`."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgedigits.cli.options import as_json, data_dir, echo_json, note
from edgedigits.errors import RunError
from edgedigits.extras import needs
from edgedigits.files import write_file
from edgedigits.models import RUN_CHECKPOINT, RUNS, newest_run

if TYPE_CHECKING:
    from edgedigits.training.checkpoint import Checkpoint, Epoch
    from edgedigits.training.recipes import Recipe

CURVE = "curve.png"


@click.command()
@click.option("--recipe", "recipe_name", help="What to train.  [default: paper]")
@click.option("--dataset", help="mnist, synthetic, or a folder with the subfolders 0 to 9.  [default: the recipe's]")
@data_dir
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training digits.  [default: the recipe's]")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all that is random.  [default: the recipe's]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--output", type=click.Path(path_type=Path), help="The run's folder.  [default: a new one in runs/]")
@click.option("--resume", is_flag=True, help="Go on with the run in --output, else with the newest one.")
@as_json
def command(
    *,
    recipe_name: str | None,
    dataset: str | None,
    data_dir: Path | None,
    epochs: int | None,
    seed: int | None,
    device: str,
    output: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Train a network and leave a checkpoint.

    The run's folder receives checkpoint.safetensors, metrics.jsonl and curve.png. A run that was stopped, by whatever
    means, goes on from its last whole epoch with --resume.

    \b
    Example:
      edgedigits train --recipe paper --seed 1 --output runs/paper-1
    """
    with needs("train", "edgedigits train"):
        from edgedigits.training import loop
        from edgedigits.training.data import is_folder, load_digits
        from edgedigits.training.folder import PictureFolder
        from edgedigits.training.plots import test_curve
        from edgedigits.training.recipes import find_recipe

    asked = {"dataset": dataset, "epochs": epochs, "seed": seed}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    if dataset and is_folder(dataset):
        given["dataset"] = str(Path(dataset).resolve())
    on = loop.find_device(device)
    run = output or (newest_run() if resume else None)
    checkpoint = _resumed(run, recipe_name, given) if resume else None
    recipe = checkpoint.recipe if checkpoint else replace(find_recipe(recipe_name or "paper"), **given)
    if run is None:
        run = RUNS / f"{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}"

    test = load_digits(recipe.dataset, "test", data_dir)
    digits = (
        PictureFolder(Path(recipe.dataset), "train")
        if is_folder(recipe.dataset)
        else load_digits(recipe.dataset, "train", data_dir)
    )
    if checkpoint is None:
        checkpoint = loop.start_run(recipe, run, on)
    if checkpoint.is_complete:
        note(f"{run} is complete: all of its {recipe.epochs} epochs are done")
    note(f"{recipe.name} on {recipe.dataset}, {len(digits)} digits, seed {recipe.seed}, {on} -> {run}")
    history = list(checkpoint.history)
    try:
        with _Progress(recipe, len(history)) as progress:
            for epoch in loop.train(checkpoint, run, digits, test, device=on, on_step=progress.step):
                history.append(epoch)
                progress.epoch_done(epoch, quiet=as_json)
    except KeyboardInterrupt:
        again = ["edgedigits", "train", "--resume", "--output", str(run)]
        again += ["--data-dir", str(data_dir)] if data_dir else []
        again += ["--device", device] if device != "auto" else []
        note(f"stopped after epoch {len(history)}/{recipe.epochs}; go on: {shlex.join(again)}")
        raise
    write_file(run / CURVE, test_curve(history))
    if as_json:
        echo_json({"run": str(run), "recipe": asdict(recipe), "history": [asdict(epoch) for epoch in history]})
    else:
        note(f"wrote {run / RUN_CHECKPOINT}, metrics.jsonl and {CURVE}")


def _resumed(run: Path | None, recipe_name: str | None, given: dict[str, Any]) -> Checkpoint | None:
    """The checkpoint to go on from; None where the run was stopped before it had one, or never began."""
    from edgedigits.training.checkpoint import Checkpoint
    from edgedigits.training.recipes import find_recipe

    if run is None:
        raise RunError("there is no run in runs/ to resume: name it with --output, or start one without --resume")
    if not (run / RUN_CHECKPOINT).exists():
        note(f"{run} holds no checkpoint yet: starting from the beginning")
        return None
    checkpoint = Checkpoint.load(run / RUN_CHECKPOINT)
    if recipe_name is not None:
        given = {"name": find_recipe(recipe_name).name, **given}
    for name, value in given.items():
        was = getattr(checkpoint.recipe, name)
        if value != was:
            raise RunError(f"{run} is a run with {name} {was}, not {value}: resume it as it was, or start another")
    return checkpoint


class _Progress:
    """A bar on a terminal, and the paper's line after every epoch."""

    def __init__(self, recipe: Recipe, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._epochs, self._epoch = recipe.epochs, done + 1
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            # rich would send what is printed to its own stream: wrong where standard output goes to a file.
            redirect_stdout=sys.stdout.isatty(),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", epoch=self._epoch, epochs=self._epochs, loss="")

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, done: int, steps: int, loss: float) -> None:
        self._bar.update(self._task, completed=done, total=steps, loss=f"loss {loss:.4f}", epoch=self._epoch)

    def epoch_done(self, epoch: Epoch, *, quiet: bool) -> None:
        self._epoch += 1
        if not quiet:
            click.echo(test_line(epoch))


def test_line(epoch: Epoch) -> str:
    """The paper's Figure 4."""
    return (
        f"Test set: Avg. loss: {epoch.test_loss:.4f}, "
        f"Accuracy: {epoch.test_correct}/{epoch.test_n} ({100 * epoch.test_accuracy:.0f}%)"
    )

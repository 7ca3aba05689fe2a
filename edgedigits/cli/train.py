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
from edgedigits.training.recipes import RECIPES, LineRecipe, find_recipe

if TYPE_CHECKING:
    import torch

    from edgedigits.card import Accuracy
    from edgedigits.training.checkpoint import Checkpoint
    from edgedigits.training.digits import Digits
    from edgedigits.training.folder import PictureFolder
    from edgedigits.training.line_material import LineMaterial
    from edgedigits.training.recipes import Recipe
    from edgedigits.training.strings import Strings

CURVE = "curve.png"


@click.command()
@click.option("--recipe", "recipe_name", help=f"What to train: {', '.join(RECIPES)}.  [default: paper]")
@click.option("--dataset", help="mnist, synthetic, or a folder with the subfolders 0 to 9.  [default: the recipe's]")
@data_dir
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training digits.  [default: the recipe's]")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all that is random.  [default: the recipe's]")
@click.option("--seeds", type=click.IntRange(min=2), help="Train so many times, with this seed and those that follow.")
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
    seeds: int | None,
    device: str,
    output: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Train a network and leave a checkpoint.

    The run's folder receives checkpoint.safetensors, metrics.jsonl and curve.png. A run that was stopped, by whatever
    means, goes on from its last whole epoch with --resume. With --seeds there is a folder for each, its seed added to
    the name, and mean and spread are reported. Several GPUs or machines: start it with torchrun.

    \b
    Example:
      edgedigits train --recipe small --seeds 3 --output runs/small
      torchrun --nproc-per-node 2 -m edgedigits train --recipe base --output runs/base
    """
    with needs("train", "edgedigits train"):
        from edgedigits.training import loop
        from edgedigits.training.data import is_folder
        from edgedigits.training.distributed import process_group

    if seeds and resume and output is None:
        raise RunError("to resume several runs, name them with --output, as they were begun")
    if seeds and output is not None and not output.name:
        raise RunError(f"{output} has no name that a seed could be added to: give --output one, such as runs/mine")
    asked = {"dataset": dataset, "epochs": epochs, "seed": seed}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    if dataset and is_folder(dataset):
        given["dataset"] = str(Path(dataset).resolve())
    on = loop.find_device(device)
    recipe = replace(find_recipe(recipe_name or "paper"), **given)
    again = ["edgedigits", "train", "--resume"]
    if seeds:
        again += [f"--recipe={recipe.name}", f"--seed={recipe.seed}", f"--seeds={seeds}"]
    again += [f"--data-dir={data_dir}"] if data_dir else []
    again += [f"--device={device}"] if device != "auto" else []
    how: dict[str, Any] = {"data_dir": data_dir, "on": on, "as_json": as_json}
    with process_group(on):
        if seeds is None:
            run = output or (newest_run() if resume else None)
            checkpoint = _resumed(run, recipe_name, given) if resume else None
            recipe = checkpoint.recipe if checkpoint else recipe
            run = run or _new_run(recipe)
            _train(checkpoint, recipe, run, again=[*again, f"--output={run}"], **how)
            return
        stem = output or _new_run(recipe)
        tested: list[Accuracy | None] = []
        for number in range(recipe.seed, recipe.seed + seeds):
            run = stem.with_name(f"{stem.name}-{number}")
            checkpoint = _resumed(run, recipe_name, {**given, "seed": number}) if resume else None
            # A run that never began is to be as the one before it, even where not all of its options are repeated.
            recipe = checkpoint.recipe if checkpoint else replace(recipe, seed=number)
            tested.append(_train(checkpoint, recipe, run, again=[*again, f"--output={stem}"], **how))
        _summarise(recipe, [accuracy for accuracy in tested if accuracy], as_json=as_json)


def _new_run(recipe: Recipe) -> Path:
    return RUNS / f"{recipe.name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _train(
    checkpoint: Checkpoint | None,
    recipe: Recipe,
    run: Path,
    *,
    data_dir: Path | None,
    on: torch.device,
    again: list[str],
    as_json: bool,
) -> Accuracy | None:
    """One run, from its checkpoint or from the beginning, and what it makes of the test digits at its end."""
    from edgedigits.training.distributed import is_leader

    test = _load_test(recipe, data_dir)
    if checkpoint and checkpoint.is_complete:
        _say(f"{run} is complete: all of its {recipe.epochs} epochs are done")
    else:
        _train_on(checkpoint, recipe, run, test, data_dir=data_dir, on=on, again=again, as_json=as_json)
    return _report(run, test, as_json=as_json) if is_leader() else None


def _train_on(
    checkpoint: Checkpoint | None,
    recipe: Recipe,
    run: Path,
    test: Digits | Strings,
    *,
    data_dir: Path | None,
    on: torch.device,
    again: list[str],
    as_json: bool,
) -> None:
    from edgedigits.training import loop

    digits, held_out = _load_material(recipe, on, data_dir)
    if checkpoint is None:
        checkpoint = loop.start_run(recipe, run, on)
    what = "lines a pass" if isinstance(recipe, LineRecipe) else "digits"
    _say(f"{recipe.name} on {recipe.dataset}, {len(digits)} {what}, seed {recipe.seed}, {on} -> {run}")
    done = len(checkpoint.history)
    measured = test if held_out is None else held_out
    try:
        with _Progress(recipe, done) as progress:
            for epoch in loop.train(checkpoint, run, digits, measured, device=on, on_step=progress.step):
                done = epoch.epoch
                progress.epoch_done()
                if not as_json:
                    _say(result_line(_split(recipe), epoch.loss, epoch.correct, epoch.n), err=False)
    except KeyboardInterrupt:
        _say(f"stopped after epoch {done}/{recipe.epochs}; go on: {shlex.join(again)}")
        raise


def _load_test(recipe: Recipe, data_dir: Path | None) -> Digits | Strings:
    if isinstance(recipe, LineRecipe):
        from edgedigits.training.line_material import load_strings

        return load_strings(recipe, "test", data_dir)
    from edgedigits.training.data import load_digits

    return load_digits(recipe.dataset, "test", data_dir)


def _load_material(
    recipe: Recipe, on: torch.device, data_dir: Path | None
) -> tuple[Digits | PictureFolder | LineMaterial, Digits | Strings | None]:
    if isinstance(recipe, LineRecipe):
        from edgedigits.training.line_material import load_line_material

        return load_line_material(recipe, on, data_dir)
    from edgedigits.training.material import load_material

    return load_material(recipe, data_dir)


def _split(recipe: Recipe) -> str:
    """What is measured after each epoch."""
    return "Validation" if recipe.hold_out else "Test"


def _report(run: Path, test: Digits | Strings, *, as_json: bool) -> Accuracy:
    """A finished run's curve, and what it makes of the test digits."""
    from edgedigits.export.exporting import measure
    from edgedigits.training.checkpoint import Checkpoint
    from edgedigits.training.plots import learning_curve

    checkpoint = Checkpoint.load(run / RUN_CHECKPOINT)
    recipe, split = checkpoint.recipe, _split(checkpoint.recipe)
    write_file(run / CURVE, learning_curve(checkpoint.history, split.lower()))
    accuracy = measure(checkpoint, test)[0].accuracy
    if as_json:
        history = [asdict(epoch) for epoch in checkpoint.history]
        echo_json({"run": str(run), "recipe": asdict(recipe), "history": history, "test": accuracy.to_dict()})
    else:
        if recipe.hold_out:
            click.echo(result_line("Test", accuracy.loss, accuracy.correct, accuracy.n))
        note(f"wrote {run / RUN_CHECKPOINT}, metrics.jsonl and {CURVE}")
    return accuracy


def _summarise(recipe: Recipe, tested: list[Accuracy], *, as_json: bool) -> None:
    """Mean and spread over seeds, told by the process that measured them."""
    if not tested:
        return
    from edgedigits.training.evaluation import mean_interval

    accuracies = [accuracy.accuracy for accuracy in tested]
    mean, deviation, (low, high) = mean_interval(accuracies)
    if as_json:
        summary = {"mean": mean, "standard_deviation": deviation, "ci95": [low, high]}
        echo_json({"recipe": recipe.name, "seeds": len(tested), "accuracy": summary})
        return
    what = "lines" if isinstance(recipe, LineRecipe) else "digits"
    click.echo(
        f"{recipe.name}, {len(tested)} seeds, {tested[0].n} test {what} each: {100 * mean:.2f}% "
        f"(95% interval {100 * low:.2f} to {100 * high:.2f}, standard deviation {100 * deviation:.2f}, "
        f"{100 * min(accuracies):.2f} to {100 * max(accuracies):.2f})"
    )


def _say(message: str, *, err: bool = True) -> None:
    """What one process of several says for all."""
    from edgedigits.training.distributed import is_leader

    if is_leader():
        click.echo(message, err=err)


def _resumed(run: Path | None, recipe_name: str | None, given: dict[str, Any]) -> Checkpoint | None:
    """The checkpoint to go on from; None where the run was stopped before it had one, or never began."""
    from edgedigits.training.checkpoint import Checkpoint

    if run is None:
        raise RunError("there is no run in runs/ to resume: name it with --output, or start one without --resume")
    if not (run / RUN_CHECKPOINT).exists():
        note(f"{run} holds no checkpoint yet: starting from the beginning")
        return None
    checkpoint = Checkpoint.load(run / RUN_CHECKPOINT)
    recipe = checkpoint.recipe
    expected = find_recipe(recipe_name) if recipe_name else recipe
    # Of a recipe asked for by name, all is as it was, or the run would pass for what it is not.
    kept = {name: getattr(recipe, name) for name in ("dataset", "epochs", "seed")}
    for name, value in asdict(replace(expected, **{**kept, **given})).items():
        if value != getattr(recipe, name):
            was = getattr(recipe, name)
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

    def epoch_done(self) -> None:
        self._epoch += 1


def result_line(split: str, loss: float, correct: int, n: int) -> str:
    """The paper's Figure 4; its whole percents hide what a better model gains, so they have two decimals here."""
    return f"{split} set: Avg. loss: {loss:.4f}, Accuracy: {correct}/{n} ({100 * correct / n:.2f}%)"

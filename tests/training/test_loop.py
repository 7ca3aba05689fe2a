"""The training loop: what a seed decides, and that a run may be stopped anywhere."""

import json
import shutil
from dataclasses import asdict, replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from edgedigits.card import Calibration
from edgedigits.errors import DatasetError, InputError, RunError, UnknownNameError
from edgedigits.training import data, loop
from edgedigits.training.batches import batches
from edgedigits.training.calibration import calibrate
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder
from edgedigits.training.line_learning import calibrate_lines, line_run
from edgedigits.training.line_material import LineBatches
from edgedigits.training.material import calibration_material, load_material
from edgedigits.training.networks import NO_DIGIT, build_network
from edgedigits.training.recipes import find_recipe
from edgedigits.training.strings import evaluate_strings, read_strings

CPU = torch.device("cpu")
RECIPE = replace(find_recipe("paper"), dataset="synthetic", epochs=3)


TINY = replace(
    find_recipe("nano"),
    dataset="synthetic",
    epochs=3,
    batch_size=32,
    views=2,
    hold_out=6,
    pendigits=False,
    synthetic=20,
    nondigits=30,
    teachers=(),
)
"""As the recipes of what ships, but for the time it takes."""


@pytest.fixture(scope="module")
def material():
    """What `TINY` trains on, from few digits, and what it holds out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(data.SYNTHETIC_COUNT, "train", 200)
        return load_material(TINY)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, material):
    """A run to learn from."""
    run = tmp_path_factory.mktemp("runs") / "teacher"
    digits, held_out = material
    _train(loop.start_run(replace(TINY, seed=7), run, CPU), run, digits, held_out)
    return run


@pytest.fixture(params=["in memory", "streamed"])
def digits(request, pictures, train_digits):
    return PictureFolder(pictures, "train") if request.param == "streamed" else train_digits


def _train(checkpoint, run, digits, test, *, epochs=None, on_step=lambda *_: None):
    """Train some epochs, or to the end, and return what was left in the run's folder."""
    done = loop.train(checkpoint, run, digits, test, device=CPU, on_step=on_step)
    epochs = list(islice(done, epochs))
    done.close()
    left = Checkpoint.load(run / "checkpoint.safetensors")
    assert left.history[len(left.history) - len(epochs) :] == tuple(epochs)
    return left


def test_a_seed_decides_the_weights(tmp_path, train_digits, test_digits):
    digests = []
    for i, seed in enumerate([1, 1, 2]):
        run = tmp_path / str(i)
        start = loop.start_run(replace(RECIPE, seed=seed, epochs=1), run, CPU)
        torch.manual_seed(1000 + i)
        digests.append(digest(_train(start, run, train_digits, test_digits).weights))
    assert digests[0] == digests[1] != digests[2]


def _resumed_after_every_epoch(recipe, tmp_path, digits, test):
    """A run that was stopped after every epoch, and one that was not, at their ends."""
    whole = _train(loop.start_run(recipe, tmp_path / "whole", CPU), tmp_path / "whole", digits, test)
    parts = loop.start_run(recipe, tmp_path / "parts", CPU)
    for seed in range(recipe.epochs):
        torch.manual_seed(seed)
        parts = _train(parts, tmp_path / "parts", digits, test, epochs=1)
    assert parts.is_complete
    assert digest(parts.weights) == digest(whole.weights)
    assert digest(parts.random_state) == digest(whole.random_state)
    assert [replace(epoch, seconds=0) for epoch in parts.history] == [
        replace(epoch, seconds=0) for epoch in whole.history
    ]
    return parts, whole


def test_a_run_resumed_after_every_epoch_ends_as_one_never_stopped(tmp_path, digits, test_digits):
    _resumed_after_every_epoch(RECIPE, tmp_path, digits, test_digits)


@pytest.mark.parametrize("is_taught", [False, True], ids=["labels", "teacher"])
@pytest.mark.parametrize("views", [0, 2])
def test_so_does_a_run_of_a_recipe_that_ships(tmp_path, material, teacher, views, is_taught):
    digits, held_out = material
    recipe = replace(TINY, epochs=5, views=views, teachers=(str(teacher),) if is_taught else ())
    parts, whole = _resumed_after_every_epoch(recipe, tmp_path, digits, held_out)
    assert parts.calibration == whole.calibration
    assert parts.risk == whole.risk


@pytest.mark.parametrize(("is_digit", "is_heard"), [(False, False), (True, True)], ids=["no digits", "digits"])
def test_where_labels_alone_count_for_what_is_no_digit_teachers_are_heard_on_digits(
    tmp_path, material, teacher, is_digit, is_heard
):
    digits, held_out = material
    chosen = (digits.labels != NO_DIGIT) == is_digit
    alike = Digits(digits.dataset, digits.frames[chosen], digits.labels[chosen])
    taught = replace(TINY, epochs=1, teachers=(str(teacher),))
    recipes = {
        "not taught": replace(taught, teachers=()),
        "taught": taught,
        "labels alone": replace(taught, label_nondigits=True),
    }
    starts = {name: loop.start_run(recipe, tmp_path / name, CPU) for name, recipe in recipes.items()}
    weights = {}
    for name, start in starts.items():
        # Teachers are built with numbers from the random state that the order of the batches is then drawn from.
        alike_but_taught = replace(start, random_state=starts["taught"].random_state)
        weights[name] = digest(_train(alike_but_taught, tmp_path / name, alike, held_out).weights)
    assert weights["taught"] != weights["not taught"]
    assert weights["labels alone"] == weights["taught" if is_heard else "not taught"]


def test_an_epoch_stopped_in_the_middle_is_begun_again(tmp_path, train_digits, test_digits):
    def stop(done, steps, loss):
        raise KeyboardInterrupt

    whole = _train(loop.start_run(RECIPE, tmp_path / "whole", CPU), tmp_path / "whole", train_digits, test_digits)
    run = tmp_path / "stopped"
    first = _train(loop.start_run(RECIPE, run, CPU), run, train_digits, test_digits, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        _train(first, run, train_digits, test_digits, on_step=stop)
    left = Checkpoint.load(run / "checkpoint.safetensors")
    assert len(left.history) == 1
    assert digest(_train(left, run, train_digits, test_digits).weights) == digest(whole.weights)


def test_metrics_are_the_history_line_by_line(tiny_run, checkpoint):
    lines = (tiny_run / "metrics.jsonl").read_text().splitlines()
    expected = [{**asdict(epoch), "accuracy": epoch.accuracy} for epoch in checkpoint.history]
    assert [json.loads(line) for line in lines] == expected


def test_lost_or_torn_metrics_are_written_anew_when_a_run_goes_on(tmp_path, train_digits, test_digits):
    first = _train(loop.start_run(RECIPE, tmp_path, CPU), tmp_path, train_digits, test_digits, epochs=2)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "tra')
    _train(first, tmp_path, train_digits, test_digits)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_losses_are_means_over_digits(tmp_path, train_digits, test_digits):
    """At a rate of 0 and without dropout, the loss in training is that of the weights the run began with."""
    recipe = replace(RECIPE, learning_rate=0.0, epochs=1, batch_size=7)
    start = loop.start_run(recipe, tmp_path, CPU)
    epoch = _train(start, tmp_path, train_digits, train_digits).history[0]
    probabilities = loop.network_probabilities(start.network(), train_digits.frames, CPU)
    naive = -np.log(probabilities[np.arange(len(train_digits)), train_digits.labels]).mean()
    assert epoch.loss == pytest.approx(naive, rel=1e-4)
    assert epoch.train_loss == pytest.approx(naive, rel=0.02)
    assert epoch.n == len(train_digits)


def test_training_teaches(tmp_path, train_digits, test_digits):
    recipe = replace(RECIPE, epochs=12)
    history = _train(loop.start_run(recipe, tmp_path, CPU), tmp_path, train_digits, test_digits).history
    assert history[-1].loss < 0.6 * history[0].loss
    assert history[-1].accuracy > 0.6


def test_a_recipe_that_ships_teaches_too(tmp_path, material, teacher):
    digits, held_out = material
    recipe = replace(TINY, epochs=12, teachers=(str(teacher),))
    history = _train(loop.start_run(recipe, tmp_path, CPU), tmp_path, digits, held_out).history
    assert history[-1].train_loss < history[0].train_loss
    assert history[-1].accuracy > 0.6


def test_a_teacher_changes_what_is_learned(tmp_path, material, teacher):
    digits, held_out = material
    digests = []
    for names in ((), (str(teacher),)):
        run = tmp_path / str(len(digests))
        start = loop.start_run(replace(TINY, epochs=1, teachers=names), run, CPU)
        digests.append(digest(_train(start, run, digits, held_out).weights))
    assert digests[0] != digests[1]


def test_a_teacher_that_tells_other_classes_apart_is_refused_before_anything_is_written(tmp_path, tiny_run):
    with pytest.raises(InputError, match="tells 10 classes apart, not 11: it cannot be a teacher"):
        loop.start_run(replace(TINY, teachers=(str(tiny_run),)), tmp_path / "run", CPU)
    assert not (tmp_path / "run").exists()


def test_a_run_that_holds_digits_out_is_calibrated_on_them_at_its_end_and_not_before(tmp_path, material):
    digits, held_out = material
    left = loop.start_run(TINY, tmp_path, CPU)
    for _ in range(TINY.epochs):
        assert (left.calibration, left.risk) == (Calibration(), None)
        left = _train(left, tmp_path, digits, held_out, epochs=1)
    pictures = calibration_material(TINY, held_out)
    logits = loop.network_logits(left.network(), pictures.frames, CPU)
    assert (left.calibration, left.risk) == calibrate(logits.numpy(), pictures)
    nondigits = TINY.nondigits // TINY.hold_out
    assert (left.calibration.method, left.calibration.n) == ("temperature", len(held_out) + nondigits)
    assert (left.risk.n, left.risk.dataset) == (len(held_out), "synthetic, held out of the training split")


def test_a_run_that_holds_nothing_out_is_never_calibrated(checkpoint):
    assert checkpoint.is_complete
    assert (checkpoint.calibration, checkpoint.risk) == (Calibration(), None)


@given(
    peak=st.floats(1e-4, 1),
    done=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted),
    epochs=st.integers(1, 200),
)
def test_the_learning_rate_of_one_cycle_rises_once_and_falls_once(peak, done, epochs):
    recipe = replace(TINY, learning_rate=peak, epochs=epochs)
    earlier, later = (loop.learning_rate(recipe, share) for share in done)
    assert min(earlier, later) >= 0
    assert max(earlier, later) <= peak
    assert earlier <= later or done[1] > loop.WARM_UP
    assert earlier >= later or done[0] < loop.WARM_UP


@given(peak=st.floats(1e-4, 1))
def test_the_learning_rate_of_one_cycle_at_its_turns(peak):
    recipe = replace(TINY, learning_rate=peak)
    turns = (0, loop.WARM_UP / 2, loop.WARM_UP, (1 + loop.WARM_UP) / 2, 1)
    rates = [loop.learning_rate(recipe, done) / peak for done in turns]
    assert rates == pytest.approx([0.1, 0.55, 1, 0.5, 0], abs=1e-12)
    # No jump where the rise ends.
    assert loop.learning_rate(recipe, loop.WARM_UP - 1e-9) == pytest.approx(peak)


@given(peak=st.floats(1e-4, 1), done=st.floats(0, 1))
def test_a_constant_learning_rate_is_constant(peak, done):
    assert loop.learning_rate(replace(TINY, schedule="constant", learning_rate=peak), done) == peak


def test_every_step_is_taken_at_the_learning_rate_of_its_share_of_the_run(tmp_path, material):
    """Without momentum and decay, weights move by the learning rate times their gradient."""
    digits, held_out = material
    whole = Digits(digits.dataset, digits.frames[:32], digits.labels[:32])
    recipe = replace(TINY, epochs=4, batch_size=32, momentum=0.0, weight_decay=0.0, augmented=False, views=0)
    left = loop.start_run(recipe, tmp_path, CPU)
    for done in (0, 0.25, 0.5, 0.75):
        network = left.network().train()
        F.cross_entropy(network(torch.from_numpy(whole.frames)), torch.from_numpy(whole.labels)).backward()
        before, gradient = left.weights["head.weight"], network.head.weight.grad
        left = _train(left, tmp_path, whole, held_out, epochs=1)
        expected = before - loop.learning_rate(recipe, done) * gradient
        torch.testing.assert_close(left.weights["head.weight"], expected, rtol=1e-3, atol=1e-5)


def test_weight_decay_is_for_what_multiplies(tmp_path, material):
    """A rate of gradients that is next to nothing, and a decay that undoes it: what shrinks is what decays."""
    digits, held_out = material
    decay = replace(TINY, epochs=1, learning_rate=1e-9, weight_decay=1e8, momentum=0.0, schedule="constant")
    start = loop.start_run(replace(decay, batch_size=len(digits)), tmp_path, CPU)
    left = _train(start, tmp_path, digits, held_out)
    for name, parameter in start.network().named_parameters():
        factor = 0.9 if parameter.ndim > 1 else 1.0
        torch.testing.assert_close(left.weights[name], factor * start.weights[name], rtol=1e-4, atol=1e-6)


def test_progress_ends_with_the_last_step_of_each_epoch(tmp_path, digits, test_digits):
    heard = []
    start = loop.start_run(replace(RECIPE, batch_size=1), tmp_path, CPU)
    _train(start, tmp_path, digits, test_digits, epochs=1, on_step=lambda *what: heard.append(what))
    steps = [(done, of) for done, of, _ in heard]
    assert steps[-1] == (len(digits), len(digits))
    assert len(steps) == -(-len(digits) // loop.REPORT_EVERY)


def test_a_complete_run_has_nothing_to_go_on_with(tiny_run, checkpoint, tmp_path, train_digits, test_digits):
    checkpoint.save(tmp_path / "checkpoint.safetensors")
    assert _train(checkpoint, tmp_path, train_digits, test_digits).history == checkpoint.history


def test_a_run_is_not_started_over_another(tiny_run):
    before = (tiny_run / "checkpoint.safetensors").read_bytes()
    with pytest.raises(RunError, match="already holds a run: go on with --resume"):
        loop.start_run(RECIPE, tiny_run, CPU)
    assert (tiny_run / "checkpoint.safetensors").read_bytes() == before


def test_weights_that_shipped_cannot_be_resumed(checkpoint, tmp_path, train_digits, test_digits):
    shipped = replace(checkpoint.weights_only(), recipe=replace(checkpoint.recipe, epochs=3))
    shipped.save(tmp_path / "checkpoint.safetensors")
    with pytest.raises(InputError):
        _train(Checkpoint.load(tmp_path / "checkpoint.safetensors"), tmp_path, train_digits, test_digits)


def test_what_a_killed_writer_left_is_cleared_away(tmp_path, train_digits, test_digits):
    start = loop.start_run(replace(RECIPE, epochs=1), tmp_path, CPU)
    (tmp_path / ".checkpoint.safetensors.0badcafe.tmp").write_bytes(b"half")
    _train(start, tmp_path, train_digits, test_digits)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.safetensors", "metrics.jsonl"]


def test_a_damaged_picture_stops_training_with_one_line_and_leaves_the_run_whole(tmp_path, test_digits):
    pictures = tmp_path / "pictures"
    for label in range(10):
        (pictures / str(label)).mkdir(parents=True)
        (pictures / str(label) / "0.png").write_bytes(b"no picture")
    run = tmp_path / "run"
    start = loop.start_run(RECIPE, run, CPU)
    with pytest.raises(DatasetError, match="mend or remove it"):
        _train(start, run, PictureFolder(pictures, "train"), test_digits)
    assert digest(Checkpoint.load(run / "checkpoint.safetensors").weights) == digest(start.weights)


@pytest.mark.parametrize("count", [1, loop.CHUNK, 2 * loop.CHUNK + 7])
def test_frames_are_answered_alike_however_many_there_are(checkpoint, test_digits, count):
    network, frames = checkpoint.network().train(), np.resize(test_digits.frames, (count, 28, 28))
    logits = loop.network_logits(network, frames, CPU)
    expected = checkpoint.network()(torch.from_numpy(test_digits.frames)).detach()
    assert (logits.shape, logits.dtype, logits.requires_grad) == ((count, 10), torch.float32, False)
    torch.testing.assert_close(logits, expected[torch.arange(count) % 100])
    probabilities = loop.network_probabilities(network, frames, CPU)
    assert (probabilities.shape, probabilities.dtype) == ((count, 10), np.float32)
    np.testing.assert_allclose(probabilities, logits.softmax(dim=1), atol=1e-6)


def test_probabilities_are_of_the_ten_digits_alone(test_digits):
    network = build_network("nano")
    probabilities = loop.network_probabilities(network, test_digits.frames, CPU)
    logits = loop.network_logits(network, test_digits.frames, CPU)
    assert (logits.shape, probabilities.shape) == ((100, 11), (100, 10))
    np.testing.assert_allclose(probabilities, logits.softmax(dim=1)[:, :10])
    assert (probabilities.sum(axis=1) < 1).all()


def test_the_device_that_is_there_is_found():
    assert loop.find_device("cpu") == CPU
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert loop.find_device("auto").type == expected


@pytest.mark.parametrize("name", ["gpu", "cudo", "cuda:first", "cuda:-1", "cpu:", "cuda:", "auto:0", ""])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(UnknownNameError, match="known are auto, cpu, cuda, mps"):
        loop.find_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_that_is_not_there_is_refused(name):
    with pytest.raises(InputError, match=f"there is no device {name} on this machine: use --device auto"):
        loop.find_device(name)


@pytest.mark.slow
def test_a_run_on_lines_resumed_after_every_epoch_ends_as_one_never_stopped(
    tmp_path, line_recipe, lines_material, line_checkpoint
):
    parts = loop.start_run(line_recipe, tmp_path, CPU)
    for seed in range(line_recipe.epochs):
        torch.manual_seed(seed)
        parts = _train(parts, tmp_path, *lines_material, epochs=1)
    whole = line_checkpoint
    assert parts.is_complete
    assert digest(parts.weights) == digest(whole.weights)
    for parameter, state in parts.optimizer["state"].items():
        assert digest(state) == digest(whole.optimizer["state"][parameter])
    assert [replace(epoch, seconds=0) for epoch in parts.history] == [
        replace(epoch, seconds=0) for epoch in whole.history
    ]
    assert (parts.calibration, parts.risk) == (whole.calibration, whole.risk)


def test_a_seed_decides_the_weights_that_a_run_on_lines_begins_with(tmp_path, line_recipe):
    first, again, other = (
        digest(loop.start_run(replace(line_recipe, seed=seed), tmp_path / str(i), CPU).weights)
        for i, seed in enumerate((1, 1, 2))
    )
    assert first == again != other


def test_lines_that_are_held_out_are_measured_after_each_epoch_and_calibrated_on_at_the_end(
    line_checkpoint, lines_material
):
    network, held_out = line_checkpoint.network(), lines_material[1]
    last = line_checkpoint.history[-1]
    accuracy = evaluate_strings(read_strings(line_run(network, CPU), held_out), held_out, accept_threshold=0)
    assert (last.loss, last.correct, last.n) == (accuracy.loss, accuracy.correct, accuracy.n)
    assert last.n == sum(label.isdigit() for label in held_out.labels) > 0
    assert (line_checkpoint.calibration, line_checkpoint.risk) == calibrate_lines(network, held_out, CPU)


@pytest.mark.slow
def test_training_teaches_lines_too(tmp_path, line_recipe, lines_material):
    recipe = replace(line_recipe, epochs=10)
    history = _train(loop.start_run(recipe, tmp_path, CPU), tmp_path, *lines_material).history
    losses = [epoch.train_loss for epoch in history]
    assert losses[-1] < 0.6 * losses[0]


def test_a_run_on_lines_takes_adamw_with_decay_for_what_multiplies(line_recipe):
    network = build_network(line_recipe.network)
    optimizer = loop.build_optimizer(line_recipe, network)
    assert isinstance(optimizer, torch.optim.AdamW)
    multiply, rest = optimizer.param_groups
    assert (multiply["weight_decay"], rest["weight_decay"]) == (line_recipe.weight_decay, 0)
    assert {parameter.ndim for parameter in rest["params"]} == {1}
    parameters = [*multiply["params"], *rest["params"]]
    assert {id(parameter) for parameter in parameters} == {id(parameter) for parameter in network.parameters()}


def test_a_small_data_set_still_trains(tmp_path, train_digits, test_digits):
    one = Digits("synthetic", train_digits.frames[:1], train_digits.labels[:1])
    start = loop.start_run(replace(RECIPE, epochs=1), tmp_path, CPU)
    assert _train(start, tmp_path, one, test_digits).is_complete


def test_a_run_begins_with_the_weights_of_another(tmp_path, line_recipe, line_run, line_checkpoint):
    following = replace(line_recipe, begins_with=str(line_run), seed=7)
    begun = loop.start_run(following, tmp_path, CPU)
    assert begun.history == ()
    assert digest(begun.weights) == digest(line_checkpoint.weights)


def test_a_run_that_is_averaged_is_not_trained_where_what_it_began_with_is_gone(
    tmp_path, line_recipe, lines_material, line_run
):
    before = shutil.copytree(line_run, tmp_path / "before")
    begun = loop.start_run(replace(line_recipe, begins_with=str(before), averaged=True), tmp_path / "run", CPU)
    shutil.rmtree(before)
    with pytest.raises(InputError):
        next(loop.train(begun, tmp_path / "run", *lines_material, device=CPU, on_step=pytest.fail))


@pytest.mark.slow
def test_a_run_that_is_averaged_ends_with_the_mean_of_what_it_began_with_and_what_it_came_to(
    tmp_path, line_recipe, lines_material, line_run, line_checkpoint
):
    following = replace(line_recipe, begins_with=str(line_run), epochs=2, seed=7)
    came_to, averaged = (
        _train(loop.start_run(recipe, tmp_path / name, CPU), tmp_path / name, *lines_material)
        for name, recipe in (("plain", following), ("averaged", replace(following, averaged=True)))
    )
    for name, weights in averaged.weights.items():
        if weights.is_floating_point():
            mean = (line_checkpoint.weights[name] + came_to.weights[name]) / 2
            torch.testing.assert_close(weights, mean)
            if name.endswith("weight"):
                assert not torch.equal(came_to.weights[name], line_checkpoint.weights[name])
    assert (averaged.calibration, averaged.risk) == calibrate_lines(averaged.network(), lines_material[1], CPU)


def test_a_run_that_is_to_be_begun_with_has_to_be_there_and_whole(tmp_path, line_recipe):
    following = replace(line_recipe, begins_with=str(tmp_path / "first"))
    with pytest.raises(InputError, match="is not here: train it first"):
        loop.start_run(following, tmp_path / "second", CPU)
    loop.start_run(line_recipe, tmp_path / "first", CPU)
    with pytest.raises(InputError, match="has not learned all"):
        loop.start_run(following, tmp_path / "second", CPU)
    assert not (tmp_path / "second").exists()


def test_digits_are_learned_in_float32_and_lines_in_bfloat16_where_the_cpu_has_it(
    line_recipe, lines_material, material
):
    has_it = getattr(torch.cpu, "get_capabilities", dict)().get("amx_bf16")
    for recipe, passes, expected in (
        (TINY, batches(material[0], TINY, CPU), torch.float32),
        (
            line_recipe,
            LineBatches(lines_material[0], line_recipe, CPU),
            torch.bfloat16 if has_it else torch.float32,
        ),
    ):
        network, types = build_network(recipe.network), set()
        network.head.register_forward_hook(lambda _module, _given, logits, types=types: types.add(logits.dtype))
        loss = loop.train_pass(network, loop.build_optimizer(recipe, network), passes, recipe, epoch=0)
        assert types == {expected}
        assert {weight.dtype for weight in network.parameters()} == {torch.float32}
        assert loss.isfinite()

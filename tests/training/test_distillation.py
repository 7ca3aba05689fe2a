"""Distillation: what the loss is at its edges, how it pulls, and who can teach whom."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from edgedigits.errors import InputError
from edgedigits.models import find_model
from edgedigits.training.checkpoint import Checkpoint
from edgedigits.training.distillation import SOFT_WEIGHT, TEMPERATURE, distillation_loss, find_teachers
from edgedigits.training.networks import build_network

CPU = torch.device("cpu")
SEEDS = st.integers(0, 2**32)
COUNTS = st.integers(1, 20)


def _batch(count, seed, classes=11):
    """Logits, labels, and the logits of a teacher."""
    generator = torch.Generator().manual_seed(seed)
    logits, teachers = (4 * torch.randn(count, classes, generator=generator) for _ in range(2))
    return logits, torch.randint(0, classes, (count,), generator=generator), teachers


def _gradient(logits, labels, taught):
    logits = logits.clone().requires_grad_()
    distillation_loss(logits, labels, taught).backward()
    return logits.grad


@given(count=COUNTS, seed=SEEDS)
def test_a_teacher_that_says_the_labels_is_the_label_loss_at_two_temperatures(count, seed):
    logits, labels, _ = _batch(count, seed)
    hard = F.cross_entropy(logits, labels, reduction="sum")
    softened = F.cross_entropy(logits / TEMPERATURE, labels, reduction="sum")
    expected = SOFT_WEIGHT * TEMPERATURE**2 * softened + (1 - SOFT_WEIGHT) * hard
    torch.testing.assert_close(distillation_loss(logits, labels, F.one_hot(labels, 11).float()), expected)


@given(count=COUNTS, seed=SEEDS)
def test_where_the_pupil_says_what_the_teacher_does_the_labels_alone_pull(count, seed):
    _, labels, teachers = _batch(count, seed)
    pulled = _gradient(teachers, labels, (teachers / TEMPERATURE).softmax(dim=1))
    by_labels = teachers.softmax(dim=1) - F.one_hot(labels, 11)
    torch.testing.assert_close(pulled, (1 - SOFT_WEIGHT) * by_labels, rtol=1e-4, atol=1e-5)


@given(count=COUNTS, seed=SEEDS)
def test_each_row_pulls_towards_the_teacher_and_the_label(count, seed):
    logits, labels, teachers = _batch(count, seed)
    taught = (teachers / TEMPERATURE).softmax(dim=1)
    towards_teacher = TEMPERATURE * ((logits / TEMPERATURE).softmax(dim=1) - taught)
    towards_label = logits.softmax(dim=1) - F.one_hot(labels, 11)
    expected = SOFT_WEIGHT * towards_teacher + (1 - SOFT_WEIGHT) * towards_label
    torch.testing.assert_close(_gradient(logits, labels, taught), expected, rtol=1e-4, atol=1e-5)


@given(count=st.integers(2, 20), seed=SEEDS)
def test_the_loss_of_a_batch_is_the_sum_of_those_of_its_parts(count, seed):
    logits, labels, teachers = _batch(count, seed)
    taught = teachers.softmax(dim=1)
    parts = (distillation_loss(logits[i::2], labels[i::2], taught[i::2]) for i in range(2))
    torch.testing.assert_close(sum(parts), distillation_loss(logits, labels, taught))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, checkpoint):
    """A checkpoint of the network nano, as it was drawn."""
    torch.manual_seed(2)
    network = build_network("nano")
    network(torch.randint(0, 256, (64, 28, 28), dtype=torch.uint8))
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    recipe = replace(checkpoint.recipe, name="nano", network="nano", epochs=0)
    Checkpoint(recipe, (), network.state_dict()).save(path)
    return path


def test_a_teacher_says_softened_probabilities_of_its_network(teacher, test_digits):
    frames = torch.from_numpy(test_digits.frames).to(torch.float32)
    pupil = build_network("small")
    taught = find_teachers([str(teacher)], pupil, CPU)(frames)
    logits = Checkpoint.load(teacher).network()(frames)
    assert (taught.shape, taught.dtype, taught.requires_grad) == ((100, 11), torch.float32, False)
    torch.testing.assert_close(taught, (logits / TEMPERATURE).softmax(dim=1).detach())
    torch.testing.assert_close(taught.sum(dim=1), torch.ones(100))


def test_a_teacher_learns_nothing_itself(teacher, test_digits):
    teach = find_teachers([str(teacher)], build_network("small"), CPU)
    frames = torch.from_numpy(test_digits.frames).to(torch.float32)
    first = teach(frames)
    teach(255 - frames)
    assert torch.equal(teach(frames), first)


def test_several_teachers_say_what_they_say_on_average(tiny_run, checkpoint, test_digits):
    frames = torch.from_numpy(test_digits.frames)
    teach = find_teachers([str(tiny_run), "paper"], build_network("paper"), CPU)
    networks = (checkpoint.network(), find_model("paper").load_checkpoint().network())
    said = [(network(frames) / TEMPERATURE).softmax(dim=1).detach() for network in networks]
    torch.testing.assert_close(teach(frames), (said[0] + said[1]) / 2)


def test_teachers_are_known_by_all_their_weights_and_their_order(tiny_run):
    names = [[str(tiny_run)], ["paper"], [str(tiny_run), "paper"], ["paper", str(tiny_run)]]
    digests = {find_teachers(given, build_network("paper"), CPU).digest for given in names}
    assert len(digests) == len(names)


def test_a_run_that_is_not_there_is_to_be_trained_first():
    with pytest.raises(InputError, match=r"^runs/nobody-1, to be learned from, is not here: train it first"):
        find_teachers(["runs/nobody-1"], build_network("nano"), CPU)


def test_without_names_there_are_no_teachers():
    assert find_teachers([], build_network("nano"), CPU) is None


def test_a_teacher_that_has_not_learned_all_of_its_own_recipe_is_refused(tmp_path, checkpoint):
    path = tmp_path / "unfinished.safetensors"
    replace(checkpoint, history=checkpoint.history[:-1]).save(path)
    with pytest.raises(InputError, match=r"has not learned all of its own recipe yet: finish it with --resume first$"):
        find_teachers([str(path)], build_network("paper"), CPU)


def test_a_teacher_may_be_a_runs_folder(tiny_run, checkpoint, test_digits):
    teach = find_teachers([str(tiny_run)], build_network("paper"), CPU)
    frames = torch.from_numpy(test_digits.frames)
    torch.testing.assert_close(teach(frames), (checkpoint.network()(frames) / TEMPERATURE).softmax(dim=1).detach())


@pytest.mark.parametrize("name", ["paper", "a run"])
def test_a_teacher_that_tells_other_classes_apart_is_refused(tiny_run, name):
    given = str(tiny_run) if name == "a run" else name
    with pytest.raises(InputError, match=f"^{given} tells 10 classes apart, not 11: it cannot be a teacher$"):
        find_teachers([given], build_network("nano"), CPU)


def test_a_teacher_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="papre"):
        find_teachers(["papre"], build_network("nano"), CPU)

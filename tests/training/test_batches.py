"""Batches for the training loop, from memory and from a folder, as they are and augmented."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedigits.errors import DatasetError
from edgedigits.training.batches import batches
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder
from edgedigits.training.recipes import find_recipe

CPU = torch.device("cpu")
PLAIN = find_recipe("paper")
FRESH = replace(PLAIN, augmented=True)
VIEWS = replace(PLAIN, augmented=True, views=3)


@pytest.fixture(params=["in memory", "streamed"])
def source(request, pictures):
    folder = PictureFolder(pictures, "train")
    return folder if request.param == "streamed" else Digits("pictures", *folder.load_all())


@pytest.fixture(scope="module")
def digits(train_digits):
    """Digits in a number that fills no last batch, more than are augmented at a time."""
    frames, labels = (np.concatenate([part, part[:213]]) for part in (train_digits.frames, train_digits.labels))
    return Digits("synthetic", frames, labels)


def _teacher(frames):
    """Says of each frame how much ink it has: what belongs to which frame is then known."""
    assert frames.dtype in (torch.float32, torch.uint8)
    ink = frames.to(torch.float32).mean(dim=(1, 2)) / 255
    return torch.stack([ink, 1 - ink], dim=1)


def _order(passed):
    return [(batch.frames.numpy().tobytes(), batch.labels.tolist()) for batch in passed]


def _joined(passed):
    """Frames and labels of a whole pass."""
    parts = [(batch.frames, batch.labels) for batch in passed]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def _counted(frames, labels):
    return sorted((np.asarray(frame).tobytes(), int(label)) for frame, label in zip(frames, labels, strict=True))


def test_a_pass_gives_every_digit_once(source, pictures):
    passes = batches(source, PLAIN, CPU)
    passed = list(passes.of(0))
    assert [(len(batch.labels), batch.whole) for batch in passed] == [(64, 64), (26, 26)]
    assert len(passes) == 2
    frames, labels = _joined(passed)
    assert (frames.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert {batch.taught for batch in passed} == {None}
    assert _counted(frames, labels) == _counted(*PictureFolder(pictures, "train").load_all())


def test_every_pass_has_an_order_of_its_own(source):
    passes = batches(source, PLAIN, CPU)
    assert _order(passes.of(0)) != _order(passes.of(0))


@pytest.mark.parametrize("recipe", [PLAIN, FRESH], ids=["plain", "augmented"])
def test_the_order_depends_on_the_global_random_state_alone(source, recipe):
    torch.manual_seed(3)
    passes = batches(source, recipe, CPU)
    first = _order(passes.of(0))
    second = _order(passes.of(1))
    torch.manual_seed(3)
    assert _order(batches(source, recipe, CPU).of(0)) == first
    assert _order(batches(source, recipe, CPU).of(1)) == second


@pytest.mark.parametrize("recipe", [PLAIN, FRESH], ids=["plain", "augmented"])
def test_a_folder_is_streamed_as_it_would_be_from_memory(pictures, recipe):
    folder = PictureFolder(pictures, "train")
    torch.manual_seed(4)
    streamed = _order(batches(folder, replace(recipe, batch_size=32), CPU).of(0))
    torch.manual_seed(4)
    in_memory = batches(Digits("pictures", *folder.load_all()), replace(recipe, batch_size=32), CPU)
    assert _order(in_memory.of(0)) == streamed


def test_digits_augmented_anew_are_never_the_same_twice(source):
    passes = batches(source, FRESH, CPU)
    first, second = (_joined(passes.of(epoch)) for epoch in (0, 0))
    assert first[0].dtype == torch.float32
    assert 0 <= first[0].min() <= first[0].max() <= 255
    assert torch.bincount(first[1]).tolist() == torch.bincount(second[1]).tolist() == [9] * 10
    assert len({frame.numpy().tobytes() for frames in (first[0], second[0]) for frame in frames}) == 180


def test_augmented_digits_keep_their_labels(source):
    """The ink of a class, all frames together, stays nearer to its own than to that of most other classes."""
    frames, labels = _joined(batches(source, FRESH, CPU).of(0))
    plain, plain_labels = _joined(batches(source, PLAIN, CPU).of(0))
    means = [
        torch.stack([part[of == label].float().mean(dim=0).flatten() for label in range(10)])
        for part, of in ((frames, labels), (plain, plain_labels))
    ]
    assert torch.cdist(*means).argmin(dim=1).tolist() == list(range(10))


def test_views_are_taken_in_turns_each_in_a_new_order(digits):
    passes = batches(digits, VIEWS, CPU)
    passed = [list(passes.of(epoch)) for epoch in range(5)]
    assert [batch.whole for batch in passed[0]] == [64] * 9 + [37]
    assert len(passes) == 10
    views = [_counted(frames, labels) for frames, labels in map(_joined, passed)]
    assert views[3:] == views[:2]
    assert len({frame for view in views[:3] for frame, _ in view}) == 3 * len(digits)
    assert _order(passed[3]) != _order(passed[0])


def test_views_are_made_anew_alike_whatever_was_drawn_before(digits):
    first = batches(digits, VIEWS, CPU)
    whole = [_counted(*_joined(first.of(epoch))) for epoch in range(3)]
    torch.manual_seed(99)
    resumed = batches(digits, VIEWS, CPU)
    assert [_counted(*_joined(resumed.of(epoch))) for epoch in (2, 1, 0)] == whole[::-1]


def test_making_a_view_draws_nothing_from_the_global_random_state(digits):
    passes = batches(digits, VIEWS, CPU)
    orders = []
    for _ in range(2):
        torch.manual_seed(8)
        orders.append([batch.labels.tolist() for batch in passes.of(1)])
    assert orders[0] == orders[1]


def test_seeds_see_the_same_views(digits):
    one, other = (batches(digits, replace(VIEWS, seed=seed), CPU) for seed in (1, 2**63 - 1))
    for epoch in range(3):
        assert _counted(*_joined(one.of(epoch))) == _counted(*_joined(other.of(epoch)))


@pytest.mark.parametrize("recipe", [PLAIN, FRESH, VIEWS], ids=["plain", "augmented", "views"])
def test_what_the_teacher_says_stays_with_its_frame(digits, recipe):
    passes = batches(digits, recipe, CPU, _teacher)
    for epoch in range(4):
        for batch in passes.of(epoch):
            # Views are kept in whole levels of grey, which the teacher did not see rounded.
            torch.testing.assert_close(batch.taught, _teacher(batch.frames), rtol=0, atol=0.5 / 255)
            assert len(batch.taught) == len(batch.frames) == len(batch.labels) == batch.whole


def test_the_teacher_of_a_folder_is_asked_of_every_picture(pictures):
    passes = batches(PictureFolder(pictures, "train"), FRESH, CPU, _teacher)
    assert sum(len(batch.taught) for batch in passes.of(0)) == 90


def test_a_view_is_taught_once(digits):
    asked = []

    def teacher(frames):
        asked.append(len(frames))
        return _teacher(frames)

    passes = batches(digits, VIEWS, CPU, teacher)
    for epoch in range(7):
        list(passes.of(epoch))
    assert sum(asked) == 3 * len(digits)


def test_a_damaged_picture_comes_out_of_the_workers_as_one_line(pictures, tmp_path):
    root = shutil.copytree(pictures, tmp_path / "pictures")
    (root / "5" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DatasetError, match=r"^[^\n]*5/3\.png[^\n]*: mend or remove it$"):
        list(batches(PictureFolder(root, "train"), replace(PLAIN, batch_size=90), CPU).of(0))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux limits a process to some of its cores")
def test_no_more_workers_than_cores_that_may_be_used(pictures):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        counts = [len(batch.labels) for batch in batches(PictureFolder(pictures, "train"), PLAIN, CPU).of(0)]
    finally:
        os.sched_setaffinity(0, allowed)
    assert np.sum(counts) == 90

"""Batches for the training loop, from memory and from a folder."""

import os
import shutil

import numpy as np
import pytest
import torch

from edgedigits.errors import DatasetError
from edgedigits.training.batches import Batches
from edgedigits.training.batches import batches as batches_of
from edgedigits.training.digits import Digits
from edgedigits.training.folder import PictureFolder
from edgedigits.training.recipes import find_recipe

CPU = torch.device("cpu")
RECIPE = find_recipe("paper")


@pytest.fixture(params=["in memory", "streamed"])
def source(request, pictures):
    folder = PictureFolder(pictures, "train")
    return folder if request.param == "streamed" else Digits("pictures", *folder.load_all())


def _order(passed):
    return [(frames.numpy().tobytes(), labels.tolist()) for frames, labels in passed]


def test_a_pass_gives_every_digit_once(source, pictures):
    passes = batches(source, 64, CPU)
    passed = list(passes)
    assert [len(labels) for _, labels in passed] == [64, 26]
    assert len(passes) == 2
    frames, labels = (torch.cat(parts) for parts in zip(*passed, strict=True))
    assert (frames.dtype, labels.dtype) == (torch.uint8, torch.int64)
    expected = zip(*PictureFolder(pictures, "train").load_all(), strict=True)
    given = zip(frames.numpy(), labels.tolist(), strict=True)
    assert sorted((f.tobytes(), int(n)) for f, n in given) == sorted((f.tobytes(), int(n)) for f, n in expected)


def test_every_pass_has_an_order_of_its_own(source):
    passes = batches(source, 64, CPU)
    assert _order(passes) != _order(passes)


def test_the_order_depends_on_the_global_random_state_alone(source):
    torch.manual_seed(3)
    passes = batches(source, 64, CPU)
    first = _order(passes)
    second = _order(passes)
    torch.manual_seed(3)
    assert _order(batches(source, 64, CPU)) == first
    assert _order(batches(source, 64, CPU)) == second


def test_a_folder_is_streamed_as_it_would_be_from_memory(pictures):
    folder = PictureFolder(pictures, "train")
    torch.manual_seed(4)
    streamed = _order(batches(folder, 32, CPU))
    torch.manual_seed(4)
    assert _order(batches(Digits("pictures", *folder.load_all()), 32, CPU)) == streamed


def test_a_damaged_picture_comes_out_of_the_workers_as_one_line(pictures, tmp_path):
    root = shutil.copytree(pictures, tmp_path / "pictures")
    (root / "5" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DatasetError, match=r"^[^\n]*5/3\.png[^\n]*: mend or remove it$"):
        list(batches(PictureFolder(root, "train"), 90, CPU))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux limits a process to some of its cores")
def test_no_more_workers_than_cores_that_may_be_used(pictures):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        counts = [len(labels) for _, labels in batches(PictureFolder(pictures, "train"), 64, CPU)]
    finally:
        os.sched_setaffinity(0, allowed)
    assert np.sum(counts) == 90

"""Checkpoints: the round trip, damage, and files that carry code."""

import pickle
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from edgedigits.card import Calibration
from edgedigits.errors import CheckpointError, OutputError
from edgedigits.risk import RiskCurve
from edgedigits.training.checkpoint import Checkpoint, digest
from edgedigits.training.networks import NETWORKS, build_network
from edgedigits.training.recipes import LineRecipe, Recipe


def _contents(checkpoint):
    return {
        "recipe": checkpoint.recipe,
        "history": checkpoint.history,
        "weights": digest(checkpoint.weights),
        "momentum": {key: digest(state) for key, state in checkpoint.optimizer["state"].items()},
        "groups": checkpoint.optimizer["param_groups"],
        "random": digest(checkpoint.random_state),
        "calibration": checkpoint.calibration,
        "risk": checkpoint.risk,
    }


RISK = RiskCurve("held out", 100, (0.99, 0.5, 0.0), (40, 90, 100), (0, 1, 3))


@pytest.fixture(scope="module")
def calibrated(checkpoint):
    """A checkpoint in which no field is at its default."""
    recipe = Recipe(
        name="other",
        network="paper",
        dataset="synthetic",
        epochs=2,
        batch_size=3,
        learning_rate=0.1 + 0.2,
        seed=2**63 - 1,
        momentum=1 / 3,
        schedule="one-cycle",
        weight_decay=5e-4,
        augmented=True,
        views=7,
        hold_out=6,
        pendigits=True,
        synthetic=5,
        nondigits=4,
        letters=3,
        teachers=("runs/é", "paper"),
        label_nondigits=True,
    )
    defaults = {field.name: field.default for field in fields(Recipe)}
    assert not [name for name, value in asdict(recipe).items() if value == defaults[name]]
    calibration = Calibration("temperature", 1.0 + 1 / 3, 100, 0.1, 0.01)
    return replace(checkpoint, recipe=recipe, calibration=calibration, risk=RISK)


@pytest.fixture(scope="module")
def content(tiny_run):
    return (tiny_run / "checkpoint.safetensors").read_bytes()


def _refused(path):
    with pytest.raises(CheckpointError) as refused:
        Checkpoint.load(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_checkpoint_comes_back_bit_for_bit(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "saved.safetensors")
    assert _contents(Checkpoint.load(tmp_path / "saved.safetensors")) == _contents(checkpoint)


def test_recipe_calibration_and_risk_come_back(calibrated, tmp_path):
    for checkpoint in (calibrated, calibrated.weights_only()):
        checkpoint.save(tmp_path / "saved.safetensors")
        back = Checkpoint.load(tmp_path / "saved.safetensors")
        assert (back.recipe, back.calibration, back.risk) == (calibrated.recipe, calibrated.calibration, RISK)
        assert _contents(replace(back, optimizer=calibrated.optimizer)) == _contents(
            replace(checkpoint, optimizer=calibrated.optimizer)
        )


def test_a_run_on_lines_comes_back_bit_for_bit(line_checkpoint, tmp_path):
    assert line_checkpoint.calibration.method == "temperature"
    assert line_checkpoint.risk.n > 0
    line_checkpoint.save(tmp_path / "saved.safetensors")
    back = Checkpoint.load(tmp_path / "saved.safetensors")
    assert _contents(back) == _contents(line_checkpoint)
    assert isinstance(back.recipe, LineRecipe)
    assert {tuple(sorted(state)) for state in back.optimizer["state"].values()} == {("exp_avg", "exp_avg_sq", "step")}


def test_every_field_of_a_recipe_for_lines_comes_back(line_checkpoint, tmp_path):
    recipe = replace(line_checkpoint.recipe, teachers=("paper",), hands=7, lines=123, pendigits=True)
    replace(line_checkpoint, recipe=recipe).save(tmp_path / "saved.safetensors")
    assert Checkpoint.load(tmp_path / "saved.safetensors").recipe == recipe


def test_a_recipe_of_frames_does_not_come_back_as_one_for_lines(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "saved.safetensors")
    assert type(Checkpoint.load(tmp_path / "saved.safetensors").recipe) is Recipe


def test_a_run_that_held_nothing_out_is_not_calibrated(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "saved.safetensors")
    back = Checkpoint.load(tmp_path / "saved.safetensors")
    assert (back.calibration, back.risk) == (Calibration(), None)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_comes_back_with_its_batch_statistics(checkpoint, tmp_path, name):
    network = build_network(name)
    frames = torch.randint(0, 256, (16, 28, 28), dtype=torch.uint8)
    for _ in range(3):
        network(frames)
    saved = Checkpoint(replace(checkpoint.recipe, network=name), (), network.state_dict())
    saved.save(tmp_path / "saved.safetensors")
    back = Checkpoint.load(tmp_path / "saved.safetensors")
    assert digest(back.weights) == digest(network.state_dict())
    torch.testing.assert_close(back.network()(frames), network.eval()(frames))


def test_a_checkpoint_holds_all_that_training_needs(checkpoint):
    assert checkpoint.is_complete
    assert [epoch.epoch for epoch in checkpoint.history] == [1, 2]
    assert {tuple(state) for state in checkpoint.optimizer["state"].values()} == {("momentum_buffer",)}
    assert len(checkpoint.optimizer["state"]) == len(checkpoint.weights) == 8
    assert len(checkpoint.random_state["cpu"]) > 1000


def test_a_saved_checkpoint_is_the_same_bytes_every_time(checkpoint, tmp_path, content):
    checkpoint.save(tmp_path / "saved.safetensors")
    assert (tmp_path / "saved.safetensors").read_bytes() == content


def test_what_ships_is_the_weights_without_what_training_needs(checkpoint, tmp_path, content):
    path = tmp_path / "model.safetensors"
    checkpoint.weights_only().save(path)
    shipped = Checkpoint.load(path)
    assert digest(shipped.weights) == digest(checkpoint.weights)
    assert (shipped.recipe, shipped.history) == (checkpoint.recipe, checkpoint.history)
    assert path.stat().st_size < len(content) / 2


def test_the_network_answers_as_the_one_that_was_saved(checkpoint, test_digits):
    network = checkpoint.network()
    assert not network.training
    frames = torch.from_numpy(test_digits.frames)
    right = (network(frames).argmax(dim=1).numpy() == test_digits.labels).sum()
    assert right == checkpoint.history[-1].correct


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.7, 0.999999])
def test_a_truncated_checkpoint_is_refused(tmp_path, content, share):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    assert "is damaged or not a checkpoint of edgedigits" in _refused(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), mask=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_changes_nothing(tmp_path_factory, content, checkpoint, data, mask):
    header = 8 + int.from_bytes(content[:8], "little")
    position = data.draw(st.integers(0, header - 1) | st.integers(0, len(content) - 1), label="position")
    flipped = bytearray(content)
    flipped[position] ^= mask
    path = tmp_path_factory.mktemp("flipped") / "checkpoint.safetensors"
    path.write_bytes(flipped)
    with suppress(CheckpointError):
        assert _contents(Checkpoint.load(path)) == _contents(checkpoint)


def test_a_changed_recipe_is_refused(tmp_path, content):
    path = tmp_path / "checkpoint.safetensors"
    assert b'\\"learning_rate\\": 0.01' in content
    path.write_bytes(content.replace(b'\\"learning_rate\\": 0.01', b'\\"learning_rate\\": 0.91'))
    assert "is damaged" in _refused(path)


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        (b'\\"temperature\\": 1.33', b'\\"temperature\\": 1.34'),
        (b'\\"errors\\": [0, 1, 3]', b'\\"errors\\": [0, 0, 3]'),
        (b'\\"method\\": \\"temp', b'\\"method\\": \\"tomp'),
    ],
    ids=["temperature", "errors", "method"],
)
def test_a_changed_calibration_is_refused(calibrated, tmp_path, was, is_now):
    path = tmp_path / "checkpoint.safetensors"
    calibrated.save(path)
    before = path.read_bytes()
    assert before.count(was) == 1
    path.write_bytes(before.replace(was, is_now))
    assert "is damaged" in _refused(path)


def test_an_unknown_network_is_refused(checkpoint, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    replace(checkpoint, recipe=replace(checkpoint.recipe, network="none")).save(path)
    _refused(path)


def test_weights_of_another_network_are_refused(checkpoint, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    replace(checkpoint, weights={"conv1.weight": torch.zeros(3)}).save(path)
    _refused(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"edgedigits": "{}"}, {"edgedigits": "[1]"}], ids=str)
def test_a_foreign_safetensors_file_is_refused(tmp_path, metadata):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path, metadata)
    assert "not a checkpoint of edgedigits" in _refused(path)


class _Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def _pickled(trap, path, protocol):
    path.write_bytes(pickle.dumps(trap, protocol))


WRITERS = {
    "torch.save": lambda trap, path: torch.save({"weights": trap}, path),
    "torch.save before 1.6": lambda trap, path: torch.save(trap, path, _use_new_zipfile_serialization=False),
    **{
        f"pickle protocol {i}": lambda trap, path, i=i: _pickled(trap, path, i)
        for i in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_carries_code_is_refused_and_the_code_not_run(tmp_path, writer):
    marker, path = tmp_path / "it ran", tmp_path / "checkpoint"
    WRITERS[writer](_Trap(marker), path)
    _refused(path)
    assert not marker.exists()
    torch.load(path, weights_only=False) if "torch" in writer else pickle.loads(path.read_bytes())
    assert marker.exists(), "the trap is none"


def test_a_pickle_is_called_what_it_is(tmp_path):
    torch.save({}, tmp_path / "model.pt")
    assert "is a pickle, which may carry code" in _refused(tmp_path / "model.pt")


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "No such file" in _refused(tmp_path / "absent.safetensors")
    _refused(tmp_path)


def test_a_checkpoint_that_cannot_be_written_is_an_output_error(checkpoint, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        checkpoint.save(tmp_path / "file" / "checkpoint.safetensors")


def test_digests_tell_names_shapes_types_and_bits_apart():
    tensors = {"a": torch.zeros(4), "b": torch.ones(2)}
    others = [
        {"a": torch.zeros(4)},
        {"a": torch.zeros(4), "c": torch.ones(2)},
        {"a": torch.zeros(2, 2), "b": torch.ones(2)},
        {"a": torch.zeros(4, dtype=torch.int32), "b": torch.ones(2)},
        {"a": -torch.zeros(4), "b": torch.ones(2)},
    ]
    assert digest(dict(reversed(tensors.items()))) == digest(tensors)
    assert len({digest(tensors), *map(digest, others)}) == 6


def test_a_header_whose_length_begins_as_a_pickle_does_is_read(checkpoint, tmp_path):
    """The first bytes of a safetensors file are its header's length, and may be any."""
    path = tmp_path / "model.safetensors"
    checkpoint.save(path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    wanted = length + (0x0280 - length) % 0x10000
    path.write_bytes(wanted.to_bytes(8, "little") + content[8 : 8 + length].ljust(wanted) + content[8 + length :])
    assert path.read_bytes().startswith(b"\x80\x02")
    assert digest(Checkpoint.load(path).weights) == digest(checkpoint.weights)

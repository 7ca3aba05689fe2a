"""The artifact of torch.export, and files that would have torch run something."""

import io
import json
import pickle
import struct
import sys
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import edgedigits
from edgedigits.errors import ArtifactError
from edgedigits.export import pt2 as exporter
from edgedigits.export.deployable import Deployable

MODEL, SAMPLES, CARD = "archive/models/model.json", "archive/data/sample_inputs/model.pt", "archive/extra/edgedigits"

WEIGHTS = "archive/data/weights/model_weights_config.json"


class Touch:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def paths(checkpoint, trusted_checkpoint, card_for, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pt2")
    for name, trained in (("paper", checkpoint), ("nano", trusted_checkpoint)):
        exporter.write(Deployable(trained.network(), 1.5).folded(), card_for("pt2"), folder / f"{name}.pt2")
    return {name: folder / f"{name}.pt2" for name in ("paper", "nano")}


@pytest.fixture
def changed(paths, tmp_path):
    """A copy whose members were changed; what is given as None is left out."""
    with zipfile.ZipFile(paths["nano"]) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def make(*, compression=zipfile.ZIP_STORED, **changes):
        path = tmp_path / "model.pt2"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in {**members, **changes}.items():
                if content is not None:
                    archive.writestr(name, content)
        return path

    make.members = members
    return make


@pytest.fixture
def touched(tmp_path):
    return tmp_path / "touched"


def _refused(path):
    with pytest.raises(ArtifactError) as refused:
        exporter.load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def _replaced(content, key, value):
    """The JSON `content` with the first `key` in it set to `value`."""
    fields = json.loads(content)

    def replace(node):
        if isinstance(node, dict) and key in node:
            node[key] = value
            return True
        return any(map(replace, node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()))

    assert replace(fields)
    return json.dumps(fields)


@pytest.mark.parametrize("name", ["paper", "nano"])
@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_any_batch_is_answered_with_the_probabilities_of_the_checkpoint(request, paths, test_digits, name, batch):
    trained = request.getfixturevalue("checkpoint" if name == "paper" else "trusted_checkpoint")
    frames = test_digits.frames[:batch]
    answered = exporter.load(paths[name]).run(frames)
    assert (answered.shape, answered.dtype) == ((batch, 10), np.float32)
    np.testing.assert_allclose(answered, Deployable(trained.network(), 1.5).run(frames), atol=1e-5)


def test_the_card_is_inside(paths, card_for):
    assert exporter.load(paths["nano"]).card == card_for("pt2")


def test_torch_needs_nothing_of_ours_to_run_it(paths, test_digits):
    program = torch.export.load(io.BytesIO(paths["paper"].read_bytes()))
    probabilities = program.module()(torch.from_numpy(test_digits.frames)).detach()
    np.testing.assert_allclose(probabilities.sum(dim=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["paper", "nano"])
def test_nothing_of_the_machine_and_no_pickle_is_in_the_file(paths, name):
    content = paths[name].read_bytes()
    places = (Path(edgedigits.__file__).parents[1], Path.home(), Path(sys.prefix), paths[name].parent)
    for trace in (*map(str, places), "site-packages", ".py", "Traceback"):
        assert trace.encode() not in content
    with zipfile.ZipFile(paths[name]) as archive:
        # Weights may begin with any byte: a pickle begins with its protocol's number, too.
        starts = (b"PK", *(bytes([0x80, protocol]) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)))
        assert not any(archive.read(name).startswith(starts) for name in archive.namelist())
        assert archive.read(SAMPLES) == b""


def test_a_copy_with_nothing_changed_is_loaded(changed):
    exporter.load(changed())


def test_a_pickle_among_the_samples_is_refused_and_not_loaded(changed, touched):
    buffer = io.BytesIO()
    torch.save(Touch(touched), buffer)
    for content in (pickle.dumps(Touch(touched)), buffer.getvalue()):
        assert "could run code" in _refused(changed(**{SAMPLES: content}))
    assert not touched.exists()
    pickle.loads(pickle.dumps(Touch(touched)))
    assert touched.exists()


@pytest.mark.parametrize("member", [WEIGHTS, "archive/data/constants/model_constants_config.json"])
@pytest.mark.parametrize("value", [True, 1, None, "false"])
def test_a_weight_that_says_it_is_a_pickle_is_refused_and_not_loaded(changed, touched, member, value):
    config = json.loads(changed.members[WEIGHTS])
    next(iter(config["config"].values()))["use_pickle"] = value
    weight = pickle.dumps(Touch(touched))
    path = changed(**{member: json.dumps(config), "archive/data/weights/weight_0": weight})
    assert "could run code" in _refused(path)
    assert not touched.exists()


@pytest.mark.parametrize("expression", ["__import__('pathlib').Path('{}').touch()", "Symbol('s0') + 1", "s0\n1"])
def test_an_expression_is_refused_and_not_evaluated(changed, touched, expression):
    model = changed.members[MODEL]
    assert b"expr_str" in model
    assert "could run code" in _refused(changed(**{MODEL: _replaced(model, "expr_str", expression.format(touched))}))
    assert not touched.exists()


@pytest.mark.parametrize(
    "target", ["torch.ops.aten.relu.default.__class__", "torch.ops.prim.x.y", "os.system", "torch.hub.load", 5, None]
)
def test_an_operator_outside_of_aten_is_refused(changed, target):
    assert "could run code" in _refused(changed(**{MODEL: _replaced(changed.members[MODEL], "target", target)}))


@pytest.mark.parametrize(
    "member", ["archive/more", "archive/data/aotinductor/model/model.so", "archive/models/other.json", "../outside"]
)
def test_a_member_that_ours_do_not_have_is_refused(changed, member):
    assert "could run code" in _refused(changed(**{member: b"content"}))


def test_compressed_members_are_refused(changed):
    assert "compressed members" in _refused(changed(compression=zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("content", [b"", b"some text", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_program_is_refused(tmp_path, content):
    path = tmp_path / "model.pt2"
    path.write_bytes(content)
    assert "export it again" in _refused(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(paths, tmp_path, share):
    path = tmp_path / "model.pt2"
    content = paths["nano"].read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "is damaged" in _refused(path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[" * 100_000, b"\xff", b'{"a": 1}'])
def test_a_model_that_is_missing_or_damaged_is_refused(changed, content):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "is damaged" in _refused(changed(**{MODEL: content}))


def test_torch_logs_nothing_of_a_file_that_is_refused(changed, caplog):
    _refused(changed(**{MODEL: b"{}"}))
    assert caplog.records == []


@pytest.mark.parametrize("content", [None, b"", b"abc"])
def test_a_weight_that_is_missing_or_too_short_is_refused(changed, content):
    assert "is damaged" in _refused(changed(**{"archive/data/weights/weight_0": content}))


def test_torch_is_given_the_members_that_were_looked_at_where_a_file_has_two_directories(changed, touched, tmp_path):
    config = json.loads(changed.members[WEIGHTS])
    name, about = next(iter(config["config"].items()))
    config["config"][name] = {**about, "use_pickle": True}
    buffer = io.BytesIO()
    torch.save((bytes(5000), Touch(touched)), buffer)
    harmful = {WEIGHTS: json.dumps(config), f"archive/data/weights/{about['path_name']}": buffer.getvalue()}
    harmful = _parted(changed(**harmful).read_bytes())
    harmless = _parted(changed().read_bytes())
    directory = bytearray(harmless.directory)
    # Python looks right before the end, and moves all offsets by how far that is from where the end says it is.
    shift, at = len(harmful.before) - len(harmless.before), 0
    while at < len(directory):
        (offset,) = struct.unpack_from("<I", directory, at + 42)
        struct.pack_into("<I", directory, at + 42, offset + shift)
        at += 46 + sum(struct.unpack_from("<3H", directory, at + 28))
    end = bytearray(harmless.end)
    struct.pack_into("<I", end, 16, len(harmful.before))
    path = tmp_path / "both.pt2"
    path.write_bytes(harmful.before + harmful.directory + harmless.before + directory + end)
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == changed.members
    exporter.load(path)
    assert not touched.exists()


class Parts(NamedTuple):
    """A ZIP archive: its members, its directory, and its end, which says where the directory is."""

    before: bytes
    directory: bytes
    end: bytes


def _parted(content):
    end = content.rindex(b"PK\x05\x06")
    (directory,) = struct.unpack_from("<I", content, end + 16)
    return Parts(content[:directory], content[directory:end], content[end:])


def test_a_program_without_our_card_is_not_one_of_ours(changed):
    assert "has no edgedigits card" in _refused(changed(**{CARD: None}))


@pytest.mark.parametrize(
    ("old", "new"), [(b'"frames"', b'"pictures"'), (b'"schema":3', b'"schema":2'), (b'"labels":["0"', b'"labels":["1"')]
)
def test_a_card_that_lies_about_the_interface_is_refused(changed, old, new):
    card = changed.members[CARD]
    assert old in card
    _refused(changed(**{CARD: card.replace(old, new)}))


def test_a_program_with_another_input_is_no_digit_model(tmp_path, card_for):
    class Picture(torch.nn.Module):
        def forward(self, picture):
            return picture.float()

    path = tmp_path / "other.pt2"
    program = torch.export.export(Picture(), (torch.zeros(2, 28, 28, dtype=torch.uint8),))
    program.example_inputs = None
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"edgedigits": card_for("pt2").to_json()})
    path.write_bytes(buffer.getvalue())
    assert "has the inputs ['picture'], not ['frames']" in _refused(path)

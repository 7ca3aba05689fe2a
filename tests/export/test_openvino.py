"""The OpenVINO artifact, and files that are none."""

import zipfile

import numpy as np
import openvino
import pytest

from edgedigits.errors import ArtifactError
from edgedigits.export import openvino as exporter
from edgedigits.export.archive import write_archive
from edgedigits.export.deployable import Deployable
from edgedigits.export.quantisation import quantise

XML, BIN = "model.xml", "model.bin"


@pytest.fixture(scope="module")
def networks(checkpoint, trusted_checkpoint):
    return {"paper": Deployable(checkpoint.network(), 1.5), "nano": Deployable(trusted_checkpoint.network(), 1.5)}


@pytest.fixture(scope="module")
def paths(networks, card_for, tmp_path_factory):
    folder = tmp_path_factory.mktemp("openvino")
    for name, network in networks.items():
        exporter.write(network.folded(), card_for("openvino"), folder / f"{name}.openvino.zip")
    return {name: folder / f"{name}.openvino.zip" for name in networks}


@pytest.fixture(scope="module")
def quantised_path(networks, card_for, train_digits, tmp_path_factory):
    def make(name):
        path = tmp_path_factory.mktemp("int8") / "model.openvino.zip"
        exporter.write(quantise(networks[name].folded(), train_digits.frames[:100]), card_for("openvino", "int8"), path)
        return path

    return make


@pytest.fixture(scope="module")
def members(paths):
    with zipfile.ZipFile(paths["paper"]) as archive:
        return {name: archive.read(name) for name in (XML, BIN)}


@pytest.fixture
def changed(members, card_for, tmp_path):
    """A file whose members were changed; what is given as None is left out."""

    def make(**changes):
        path = tmp_path / "model.openvino.zip"
        kept = {**members, **{{"xml": XML, "bin": BIN}.get(name, name): value for name, value in changes.items()}}
        write_archive(path, card_for("openvino"), {name: value for name, value in kept.items() if value is not None})
        return path

    return make


def _refused(path):
    with pytest.raises(ArtifactError) as refused:
        exporter.load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", ["paper", "nano"])
@pytest.mark.parametrize("batch", [1, 2, 100])
def test_any_batch_is_answered_with_the_probabilities_of_the_checkpoint(paths, networks, test_digits, name, batch):
    frames = test_digits.frames[:batch]
    answered = exporter.load(paths[name]).run(frames)
    assert (answered.shape, answered.dtype) == ((batch, 10), np.float32)
    np.testing.assert_allclose(answered, networks[name].run(frames), atol=1e-5)


@pytest.mark.parametrize("name", ["paper", "nano"])
def test_int8_reads_digits_as_the_checkpoint_does(networks, quantised_path, test_digits, name):
    artifact = exporter.load(quantised_path(name))
    assert artifact.card.precision == "int8"
    answered, expected = artifact.run(test_digits.frames), networks[name].run(test_digits.frames)
    assert (answered.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.97
    np.testing.assert_allclose(artifact.run(test_digits.frames[:1]), answered[:1], atol=1e-6)


def test_an_answer_is_not_overwritten_by_the_next(paths, test_digits):
    artifact = exporter.load(paths["paper"])
    first = artifact.run(test_digits.frames[:2])
    kept = first.copy()
    artifact.run(test_digits.frames[2:4])
    np.testing.assert_array_equal(first, kept)


def test_openvino_reads_what_any_unzip_program_takes_out(paths, test_digits, tmp_path):
    with zipfile.ZipFile(paths["paper"]) as archive:
        assert sorted(archive.namelist()) == ["card.json", BIN, XML]
        archive.extractall(tmp_path)
    model = openvino.Core().compile_model(tmp_path / XML, "CPU")
    np.testing.assert_allclose(model({"frames": test_digits.frames})["probabilities"].sum(axis=1), 1, atol=1e-2)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_same_network_is_the_same_bytes(networks, card_for, train_digits, tmp_path, precision):
    network = networks["nano"].folded()
    for name in ("a", "b"):
        made = quantise(network, train_digits.frames[:30]) if precision == "int8" else network
        exporter.write(made, card_for("openvino", precision), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_nothing_of_the_machine_is_in_the_file(paths):
    content = paths["paper"].read_bytes()
    for trace in ("/tmp", "/home", str(paths["paper"].parent), "site-packages", ".py"):
        assert trace.encode() not in content


@pytest.mark.parametrize("content", [b"", b"some text", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "model.openvino.zip"
    path.write_bytes(content)
    assert "export it again" in _refused(path)


def test_a_copy_with_nothing_changed_is_loaded(changed):
    exporter.load(changed())


@pytest.mark.parametrize("changes", [{"xml": None}, {"bin": None}, {"more": b""}], ids=["no xml", "no bin", "more"])
def test_other_members_are_refused(changed, changes):
    assert "besides its card" in _refused(changed(**changes))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("member", ["xml", "bin"])
def test_a_truncated_member_is_refused(changed, members, member, share):
    content = members[XML if member == "xml" else BIN]
    assert "damaged" in _refused(changed(**{member: content[: int(share * len(content))]}))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"<net/>", b"<a>" * 10_000, b"{}"], ids=range(4))
def test_what_is_no_ir_is_refused(changed, content):
    assert "damaged" in _refused(changed(xml=content))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'offset="8"', b'offset="800000000"'),
        (b'size="1000"', b'size="1000000000000"'),
        (b'shape="10, 1, 5, 5"', b'shape="100000, 10000, 5, 5"'),
        (b'strides="1, 1"', b'strides="0, 0"'),
        (b'type="ReLU"', b'type="Nope"'),
        (b'from-layer="3"', b'from-layer="999"'),
    ],
)
def test_a_model_that_does_not_fit_together_is_refused(changed, members, old, new):
    assert old in members[XML]
    assert "damaged" in _refused(changed(xml=members[XML].replace(old, new, 1)))


def test_a_model_with_another_input_is_no_digit_model(changed, members):
    xml = members[XML].replace(b'names="frames"', b'names="pictures"')
    assert "not frames [?,28,28]" in _refused(changed(xml=xml))

"""The ncnn artifact, and files that are none."""

import subprocess
import sys
import zipfile

import ncnn
import numpy as np
import pytest

from edgedigits.errors import ArtifactError, ParityError
from edgedigits.export import ncnn as exporter
from edgedigits.export.archive import write_archive
from edgedigits.export.deployable import Deployable

PARAM, BIN = "model.param", "model.bin"
TRY = """
import sys
from pathlib import Path
import numpy as np
from edgedigits.errors import ArtifactError
from edgedigits.export import ncnn
for path in sys.argv[1:]:
    try:
        ncnn.load(Path(path)).run(np.zeros((2, 28, 28), np.uint8))
        print("answered", flush=True)
    except ArtifactError as error:
        print("refused", error, flush=True)
"""


@pytest.fixture(scope="module")
def networks(checkpoint, trusted_checkpoint):
    return {"paper": Deployable(checkpoint.network(), 1.5), "nano": Deployable(trusted_checkpoint.network(), 1.5)}


@pytest.fixture(scope="module")
def paths(networks, card_for, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ncnn")
    made = {
        (name, precision): folder / f"{name}.{precision}.ncnn.zip"
        for name in networks
        for precision in ("fp32", "fp16")
    }
    for (name, precision), path in made.items():
        exporter.write(networks[name].folded(), card_for("ncnn", precision), path)
    return made


@pytest.fixture(scope="module")
def members(paths):
    with zipfile.ZipFile(paths["paper", "fp32"]) as archive:
        return {name: archive.read(name) for name in (PARAM, BIN)}


@pytest.fixture
def changed(members, card_for, tmp_path):
    """A file whose members were changed; what is given as None is left out."""

    def make(number=0, **changes):
        path = tmp_path / f"{number}.ncnn.zip"
        kept = {**members, **{{"param": PARAM, "bin": BIN}.get(name, name): value for name, value in changes.items()}}
        write_archive(path, card_for("ncnn"), {name: value for name, value in kept.items() if value is not None})
        return path

    return make


def _refused(path):
    with pytest.raises(ArtifactError) as refused:
        exporter.load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ["paper", "nano"])
def test_every_digit_is_answered_as_the_checkpoint_does(paths, networks, test_digits, name, precision):
    artifact = exporter.load(paths[name, precision])
    tolerance = 1e-5 if precision == "fp32" else 1e-2
    for batch in (1, 2, 100):
        frames = test_digits.frames[:batch]
        answered = artifact.run(frames)
        assert (answered.shape, answered.dtype) == ((batch, 10), np.float32)
        np.testing.assert_allclose(answered, networks[name].run(frames), atol=tolerance)


def test_halves_are_half_the_size(paths):
    sizes = {precision: paths["paper", precision].stat().st_size for precision in ("fp32", "fp16")}
    assert sizes["fp16"] < 0.6 * sizes["fp32"]


def test_a_client_gives_it_bytes_as_the_documentation_says(paths, networks, test_digits, tmp_path):
    with zipfile.ZipFile(paths["nano", "fp32"]) as archive:
        assert sorted(archive.namelist()) == ["card.json", BIN, PARAM]
        archive.extractall(tmp_path)
    net = ncnn.Net()
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    assert (net.load_param(str(tmp_path / PARAM)), net.load_model(str(tmp_path / BIN))) == (0, 0)
    frame = test_digits.frames[0]
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat.from_pixels(frame, ncnn.Mat.PixelType.PIXEL_GRAY, 28, 28))
    _, answer = extractor.extract("out0")
    np.testing.assert_allclose(np.array(answer), networks["nano"].run(frame[np.newaxis])[0], atol=1e-5)


def test_the_same_network_is_the_same_bytes(paths, networks, card_for, tmp_path):
    exporter.write(networks["nano"].folded(), card_for("ncnn"), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == paths["nano", "fp32"].read_bytes()


def test_nothing_of_the_machine_is_in_the_file(paths):
    for path in paths.values():
        content = path.read_bytes()
        for trace in ("/tmp", "/home", str(path.parent), "site-packages", ".py"):
            assert trace.encode() not in content


@pytest.mark.parametrize("content", [b"", b"some text", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "model.ncnn.zip"
    path.write_bytes(content)
    assert "export it again" in _refused(path)


@pytest.mark.parametrize("changes", [{"param": None}, {"bin": None}, {"more": b""}], ids=["no param", "no bin", "more"])
def test_other_members_are_refused(changed, changes):
    assert "besides its card" in _refused(changed(**changes))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"7767517", b"7767518"),
        (b"11 11", b"1000000000 1000000000"),
        (b"11 11", b"-1 -1"),
        (b"ReLU ", b"Exp  "),
        (b"ReLU ", b"MemoryData "),
        (b" 4=0", b" 4=1000000"),
        (b" 3=1", b" 3=0"),
        (b" 5=1 6=", b" 19=1 5=1 6="),
        (b" 5=1 6=", b" 8=1 5=1 6="),
        (b"0=10", b"0=1000000000"),
        (b" 1 1 2 3\n", b" 1 1 2 3 Exp more 1 1 3 33\n"),
        (b" 1 1 2 3\n", b" 1 1000000000 2 3\n"),
        (b" relu_7 ", b" " + b"c" * 300 + b" "),
        (b"in0", b"in1"),
        (b"ReLU", "ＲeLU".encode()),
    ],
)
def test_a_model_that_says_what_no_digit_model_does_is_refused(changed, members, old, new):
    assert old in members[PARAM]
    assert "not a digit model of ncnn" in _refused(changed(param=members[PARAM].replace(old, new, 1)))


def test_damage_never_ends_the_process(changed, members):
    param, weights = members[PARAM], members[BIN]
    made = [changed(0)]
    shares = (0.0, 0.001, 0.3, 0.5, 0.7, 0.9)
    made += [changed(len(made) + i, bin=weights[: int(share * len(weights))]) for i, share in enumerate(shares)]
    made += [changed(len(made) + i, param=param[: int(share * len(param))]) for i, share in enumerate(shares)]
    lies = [
        (b" 6=250", b" 6=10"),
        (b" 6=250", b" 6=9999999"),
        (b" 1=5 11=5", b" 1=7 11=7"),
        (b"0=10", b"0=999"),
        (b" 1 1 2 3", b" 1 1 77 3"),
        (b" 1 1 2 3", b" 1 1 3 3"),
        (b"11 11", b"5 5"),
        (b"11 11", b"11 1"),
        (b"out0", b"out1"),
    ]
    made += [changed(len(made) + i, param=param.replace(*lie, 1)) for i, lie in enumerate(lies)]
    command = [sys.executable, "-W", "error", "-c", TRY, *map(str, made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first == "answered"
    assert len(others) == len(made) - 1
    assert [line for line in others if not line.startswith("refused")] == []


def test_a_model_whose_answer_is_not_ten_probabilities_fails_when_it_is_run(members, changed):
    shorter = members[PARAM].replace(b"11 11", b"9 9").replace(b" 7 8 ", b" 7 out0 ")
    artifact = exporter.load(changed(param=shorter))
    with pytest.raises(ArtifactError, match="fails when it is run"):
        artifact.run(np.zeros((1, 28, 28), np.uint8))


def test_a_converter_that_fails_is_no_model(card_for, tmp_path, monkeypatch, networks):
    broken = tmp_path / "pnnx"
    broken.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("pnnx.EXEC_PATH", str(broken))
    with pytest.raises(ParityError, match="pnnx did not convert"):
        exporter.write(networks["nano"].folded(), card_for("ncnn"), tmp_path / "model")
    assert not (tmp_path / "model").exists()

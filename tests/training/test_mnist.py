"""MNIST through torchvision: read, fetched from a server of ours, repaired, refused."""

import gc
import gzip
import hashlib
import json
import socketserver
import struct
import threading
import warnings
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from edgedigits.errors import DatasetError, EdgeDigitsError
from edgedigits.training import mnist
from edgedigits.training.synthetic import synthetic_digits

COUNTS = {"train": 30, "t10k": 20}


def _idx_files():
    files = {}
    for seed, (prefix, count) in enumerate(COUNTS.items()):
        frames, labels = synthetic_digits(count, seed)
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4i", 2051, count, 28, 28) + frames.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">2i", 2049, count) + labels.astype(np.uint8).tobytes()
    return files


class _Server(ThreadingHTTPServer):
    """Serves `files` by name and remembers what it was asked for."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.asked = dict(files), []

    @property
    def mirror(self):
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.removeprefix("/")
        self.server.asked.append(name)
        content = self.server.files.get(name)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


class _HangsUp(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(1)


@pytest.fixture
def serve():
    """Run a server until the test ends."""
    servers = []

    def start(server):
        threading.Thread(target=partial(server.serve_forever, poll_interval=0.02)).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # torchvision forgets to close what a server refused
        gc.collect()


@pytest.fixture
def files():
    return _idx_files()


@pytest.fixture
def archives(files):
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


@pytest.fixture
def server(serve, files, archives, monkeypatch):
    """A mirror of a small MNIST, which torchvision and we take for the true one."""
    server = serve(_Server(archives))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    dataset = mnist.torchvision_mnist()
    monkeypatch.setattr(dataset, "mirrors", [server.mirror])
    _believe(monkeypatch, archives)
    for name, content in files.items():
        monkeypatch.setitem(mnist.SHA256, name, hashlib.sha256(content).hexdigest())
    return server


def _believe(monkeypatch, archives):
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in archives.items()]
    monkeypatch.setattr(mnist.torchvision_mnist(), "resources", resources)


@pytest.fixture
def fetched(server, tmp_path):
    mnist.fetch(tmp_path)
    server.asked.clear()
    return tmp_path


def _assert_whole(root, files):
    assert {path.name: path.read_bytes() for path in (root / "MNIST" / "raw").iterdir()} == files
    assert [path.name for path in root.iterdir()] == ["MNIST"]


def test_torchvision_is_at_hand_beside_this_torch():
    from torch.utils.data import Dataset

    assert issubclass(mnist.torchvision_mnist(), Dataset)
    assert mnist.torchvision_mnist() is mnist.torchvision_mnist()


def test_fetch_puts_all_files_in_place_and_nothing_else(server, tmp_path, files):
    assert {path.name for path in mnist.fetch(tmp_path)} == set(files)
    _assert_whole(tmp_path, files)


@pytest.mark.parametrize(("split", "prefix", "seed"), [("train", "train", 0), ("test", "t10k", 1)])
def test_what_was_fetched_is_loaded(fetched, split, prefix, seed):
    frames, labels = mnist.load(fetched, split)
    expected_frames, expected_labels = synthetic_digits(COUNTS[prefix], seed)
    np.testing.assert_array_equal(frames, expected_frames)
    np.testing.assert_array_equal(labels, expected_labels)
    assert (frames.dtype, labels.dtype) == (np.uint8, np.int64)


def test_a_second_fetch_fetches_nothing(fetched, server):
    assert mnist.fetch(fetched) == []
    assert server.asked == []


@pytest.mark.parametrize("damage", ["gone", "half", "flipped"])
def test_a_fetch_mends_what_is_damaged(fetched, files, damage):
    path = fetched / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "half":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[-1] ^= 1
        path.write_bytes(content)
    assert mnist.fetch(fetched) == [path]
    _assert_whole(fetched, files)


def test_an_interrupted_fetch_is_taken_up_again(server, tmp_path, files, archives):
    staging = tmp_path / "MNIST.partial" / "MNIST" / "raw"
    staging.mkdir(parents=True)
    whole, half = sorted(archives)[:2]
    (staging / whole).write_bytes(archives[whole])
    (staging / half).write_bytes(archives[half][:20])
    for name, content in files.items():
        (staging / name).write_bytes(content[: len(content) // 2])
    assert len(mnist.fetch(tmp_path)) == 4
    _assert_whole(tmp_path, files)
    assert half in server.asked
    assert whole not in server.asked


def test_a_fetch_that_failed_half_way_is_taken_up_again(server, tmp_path, files, archives):
    *_, last = archives
    content = server.files.pop(last)
    with pytest.raises(DatasetError, match=r"MNIST could not be fetched, try again: .*404"):
        mnist.fetch(tmp_path)
    assert not (tmp_path / "MNIST").exists()
    server.files[last] = content
    server.asked.clear()
    assert len(mnist.fetch(tmp_path)) == 4
    _assert_whole(tmp_path, files)
    assert set(server.asked) == {last}


def test_another_mirror_is_asked_when_the_first_fails(server, serve, tmp_path, files, monkeypatch):
    empty = serve(_Server({}))
    monkeypatch.setattr(mnist.torchvision_mnist(), "mirrors", [empty.mirror, server.mirror])
    mnist.fetch(tmp_path)
    _assert_whole(tmp_path, files)


@pytest.mark.parametrize("wrong", [b"", b"<html>log in first</html>", gzip.compress(b"another file")])
def test_wrong_bytes_are_not_put_in_place(server, tmp_path, wrong):
    server.files["t10k-images-idx3-ubyte.gz"] = wrong
    with pytest.raises(DatasetError, match="MNIST could not be fetched, try again") as refused:
        mnist.fetch(tmp_path)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "MNIST").exists()


def test_a_file_that_torchvision_believes_in_and_we_do_not_is_not_put_in_place(server, tmp_path, monkeypatch):
    name = "t10k-labels-idx1-ubyte"
    others = struct.pack(">2i", 2049, COUNTS["t10k"]) + bytes(COUNTS["t10k"])
    server.files[f"{name}.gz"] = gzip.compress(others)
    _believe(monkeypatch, server.files)
    with pytest.raises(DatasetError, match=name):
        mnist.fetch(tmp_path)
    assert not (tmp_path / "MNIST" / "raw" / name).exists()


def test_a_server_that_hangs_up_is_not_mistaken_for_a_full_disk(server, serve, tmp_path, monkeypatch):
    silent = serve(socketserver.TCPServer(("127.0.0.1", 0), _HangsUp))
    monkeypatch.setattr(mnist.torchvision_mnist(), "mirrors", [f"http://127.0.0.1:{silent.server_address[1]}/"])
    with pytest.raises(DatasetError, match="MNIST could not be fetched, try again"):
        mnist.fetch(tmp_path)


def test_no_server_at_all(server, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist.torchvision_mnist(), "mirrors", ["http://127.0.0.1:1/"])
    with pytest.raises(DatasetError, match=r"MNIST could not be fetched, try again: .*refused"):
        mnist.fetch(tmp_path)


def test_a_folder_below_a_file_cannot_be_fetched_to(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EdgeDigitsError, match="file"):
        mnist.fetch(tmp_path / "file")


def test_the_command_says_what_it_fetched(server, edgedigits, files):
    ran = edgedigits("data", "fetch", "--data-dir", "here", "--json")
    assert ran.code == 0
    assert {path.rpartition("/")[2] for path in json.loads(ran.out)["fetched"]} == set(files)
    again = edgedigits("data", "fetch", "--data-dir", "here")
    assert (again.code, again.err) == (0, "MNIST is whole in here\n")


@pytest.mark.parametrize("prefix", COUNTS)
def test_half_of_the_files_is_not_mnist(fetched, prefix):
    for path in (fetched / "MNIST" / "raw").glob(f"{prefix}-*"):
        path.unlink()
    for split in ("train", "test"):
        with pytest.raises(DatasetError, match=f"run `edgedigits data fetch --data-dir {fetched}`"):
            mnist.load(fetched, split)


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_damaged_mnist_is_refused_with_the_command_that_mends_it(mnist_root, tmp_path, damage):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in mnist.SHA256:
        (raw / name).symlink_to(mnist_root / "MNIST" / "raw" / name)
    assert len(mnist.load(tmp_path, "test")[1]) == 10_000
    path = raw / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flipped":
        content[5_000_000] ^= 1
        path.write_bytes(content)
    with pytest.raises(
        DatasetError, match=rf"{path.name} is (missing|damaged): run `edgedigits data fetch --data-dir {tmp_path}`"
    ):
        mnist.load(tmp_path, "test")


def test_the_training_digits_are_those_of_the_paper(mnist_root):
    frames, labels = mnist.load(mnist_root, "train")
    assert frames.shape == (60_000, 28, 28)
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]

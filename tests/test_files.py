import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedigits.errors import OutputError
from edgedigits.files import remove_staged, staged, write_file

FULL_DISK = """
import resource, sys
from pathlib import Path
from edgedigits.errors import OutputError
from edgedigits.files import write_file

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(Path(sys.argv[1]), b"new" * 1000)
except OutputError as error:
    print(error)
"""


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(content=st.binary() | st.text())
def test_what_was_written_is_read_back(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "written"
    write_file(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_the_new_file_takes_the_place_of_the_old(old):
    write_file(old, b"new")
    assert contents(old.parent) == {"model.onnx": b"new"}


def test_folders_on_the_way_are_made(tmp_path):
    path = tmp_path / "runs" / "1" / "curve.png"
    write_file(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_half_written_file_stands_beside_its_place_and_is_not_taken_for_it(old):
    with staged(old) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.parent == old.parent
        assert temporary.name.startswith(".")
        assert temporary.suffix != old.suffix
        assert old.read_bytes() == b"old"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(old, error):
    def block():
        with staged(old) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        block()
    assert contents(old.parent) == {"model.onnx": b"old"}


def test_a_block_that_writes_nothing_leaves_the_old_file(old):
    with pytest.raises(OutputError), staged(old):
        pass
    assert contents(old.parent) == {"model.onnx": b"old"}


def test_two_writers_do_not_share_a_half_written_file(old):
    with staged(old) as first, staged(old) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        assert first != second
    assert contents(old.parent) == {"model.onnx": b"first"}


def test_a_place_below_a_file_cannot_be_written(old):
    with pytest.raises(OutputError, match=r"\Acannot write .*below: .+\Z"):
        write_file(old / "below", b"new")
    assert contents(old.parent) == {"model.onnx": b"old"}


def test_the_place_of_a_folder_cannot_be_written(tmp_path):
    folder = tmp_path / "model.onnx"
    folder.mkdir()
    with pytest.raises(OutputError, match=r"\Acannot write .+\Z"):
        write_file(folder, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(old, program):
    done = program(sys.executable, "-c", FULL_DISK, old)
    assert done.out.startswith(f"cannot write {old}: "), done.err
    assert contents(old.parent) == {"model.onnx": b"old"}


def test_what_a_killed_writer_left_is_removed_and_nothing_else(old):
    with staged(old) as temporary:
        left = temporary.name
        temporary.write_bytes(b"half")
    others = {"model.onnx", ".hidden", "notes.tmp", ".notes.backup.tmp"}
    for name in (left, *others):
        old.with_name(name).write_bytes(b"")
    remove_staged(old.parent)
    assert set(contents(old.parent)) == others


def test_a_link_stays_and_what_it_leads_to_is_replaced(old, tmp_path):
    link = tmp_path / "elsewhere" / "latest.onnx"
    link.parent.mkdir()
    link.symlink_to(old)
    write_file(link, b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"
    assert list(link.parent.iterdir()) == [link]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are those of POSIX")
def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(pipe, b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert pipe.is_fifo()

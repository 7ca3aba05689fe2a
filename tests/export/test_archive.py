"""Model files that are ZIP archives, and archives that are something else."""

import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedigits.errors import ArtifactError
from edgedigits.export.archive import CARD_FILE, read_archive, read_members, write_archive

names = st.text("abcxyz._-0123", min_size=1, max_size=12).filter(lambda name: name != CARD_FILE)


@pytest.fixture
def card(card_for):
    return card_for("ncnn")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.zip"


def _refused(call, *arguments):
    with pytest.raises(ArtifactError) as refused:
        call(*arguments)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@settings(max_examples=30, deadline=None)
@given(members=st.dictionaries(names, st.binary(max_size=300), min_size=1, max_size=4))
def test_what_is_written_is_read_again_and_is_the_same_bytes(tmp_path_factory, card_for, members):
    card, path = card_for("ncnn"), tmp_path_factory.mktemp("archive") / "model.zip"
    write_archive(path, card, members)
    assert read_archive(path, set(members)) == (card, members)
    first = path.read_bytes()
    write_archive(path, card, members)
    assert path.read_bytes() == first


def test_any_unzip_program_finds_members_that_are_stored(card, path):
    write_archive(path, card, {"a.bin": b"a" * 1000, "b.txt": b""})
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [CARD_FILE, "a.bin", "b.txt"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused(card, path, kind):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD_FILE, card.to_json())
        archive.writestr("a", b"0" * 10_000_000, kind)
    assert path.stat().st_size < 100_000
    assert "compressed members" in _refused(read_archive, path, {"a"})


def test_a_size_larger_than_the_archive_is_refused(card, path):
    write_archive(path, card, {"a": b"0123456789"})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (2**31).to_bytes(4, "little")
    assert "export it again" in _refused(read_members, bytes(content), "model.zip")


def test_a_size_a_little_too_large_is_refused(card, path):
    write_archive(path, card, {"a": b"0123456789"})
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 20 : entry + 28] = (12).to_bytes(4, "little") * 2
    assert "is damaged" in _refused(read_members, bytes(content), "model.zip")


def test_two_members_of_one_name_are_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"two")
    assert "two members of one name" in _refused(read_members, path.read_bytes(), "model.zip")


def test_an_encrypted_member_is_refused(card, path):
    write_archive(path, card, {"a": b"0123456789"})
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    content[content.rindex(b"PK\x03\x04") + 6] |= 1
    assert "is damaged" in _refused(read_members, bytes(content), "model.zip")


@pytest.mark.parametrize("content", [b"PK", b"some text", b"PK\x03\x04 and no more", b"\x00" * 100])
def test_what_is_no_archive_is_refused(path, content):
    path.write_bytes(content)
    assert "is no model archive" in _refused(read_archive, path, {"a"})


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_changes_nothing_that_was_asked_for(tmp_path_factory, card_for, data):
    path = tmp_path_factory.mktemp("damaged") / "model.zip"
    members = {"a": bytes(range(100)), "b": b"text"}
    write_archive(path, card_for("ncnn"), members)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        assert read_archive(path, {"a", "b"})[1] == members
    except ArtifactError as error:
        assert "\n" not in str(error)  # noqa: PT017  both outcomes are allowed


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0.001, 0.999))
def test_a_truncated_archive_is_refused(tmp_path_factory, card_for, share):
    path = tmp_path_factory.mktemp("truncated") / "model.zip"
    write_archive(path, card_for("ncnn"), {"a": b"0123456789"})
    content = path.read_bytes()
    path.write_bytes(content[: max(1, int(share * len(content)))])
    _refused(read_archive, path, {"a"})


@pytest.mark.parametrize("name", ["../outside", "/outside", "..\\outside", "a/../../outside"])
def test_a_name_is_never_taken_for_a_path(card, path, name):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD_FILE, card.to_json())
        archive.writestr(name, b"content")
    _refused(read_archive, path, {"outside"})
    assert list(read_members(path.read_bytes(), "model.zip").values())[1:] == [b"content"]
    assert [found for found in path.parent.parent.rglob("*outside*") if found.is_file()] == []


@pytest.mark.parametrize(
    ("members", "told"), [({}, "holds nothing"), ({"b": b""}, "holds b"), ({"a": b"", "b": b""}, "holds a, b")]
)
def test_other_members_than_asked_for_are_refused(card, path, members, told):
    write_archive(path, card, members)
    assert f"{told} besides its card, not a" in _refused(read_archive, path, {"a"})


def test_an_archive_without_a_card_is_not_one_of_ours(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"")
    assert "has no edgedigits card" in _refused(read_archive, path, {"a"})


@pytest.mark.parametrize("card_text", [b"", b"\xff\xfe", b"{}", b"[1]"])
def test_a_damaged_card_is_refused(path, card_text):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CARD_FILE, card_text)
        archive.writestr("a", b"")
    assert "damaged card" in _refused(read_archive, path, {"a"})


def test_a_file_that_is_not_there_is_named(path):
    assert "No such file" in _refused(read_archive, path, {"a"})

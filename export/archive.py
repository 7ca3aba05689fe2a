"""Model files that are archives: ZIP, stored and not compressed, the same bytes from the same members."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from edgedigits.artifact import read_artifact
from edgedigits.card import Card
from edgedigits.errors import ArtifactError

__all__ = ["CARD_FILE", "packed", "read_archive", "read_members", "write_archive"]

CARD_FILE = "card.json"
"""Member of an archive that holds the card."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time a ZIP can tell."""


def write_archive(path: Path, card: Card, members: Mapping[str, bytes]) -> None:
    """Write `members` and the card to `path`. Any unzip program takes them out again."""
    path.write_bytes(packed({CARD_FILE: card.to_json().encode(), **members}))


def packed(members: Mapping[str, bytes]) -> bytes:
    """An archive of `members`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return buffer.getvalue()


def read_archive(path: Path, names: set[str]) -> tuple[Card, dict[str, bytes]]:
    """The card and the members `names`, which have to be all there is. Raises `ArtifactError`."""
    members = read_members(read_artifact(path), str(path))
    if CARD_FILE not in members:
        raise ArtifactError(
            f"{path} has no edgedigits card, so it is not one of ours: make one with `edgedigits export`"
        )
    card = Card.from_json(members.pop(CARD_FILE).decode(errors="replace"), str(path))
    if set(members) != names:
        raise ArtifactError(
            f"{path} holds {', '.join(sorted(members)) or 'nothing'} besides its card, not {', '.join(sorted(names))}: "
            "export it again"
        )
    return card, members


def read_members(content: bytes, name: str) -> dict[str, bytes]:
    """What an archive `name` holds, read in memory, its names never taken for paths. Raises `ArtifactError`.

    What is stored is no larger than the archive, so none can claim to be: compressed members are refused.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(content) for entry in entries):
                raise ArtifactError(f"{name} holds compressed members, as none of ours does: export it again")
            members = {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError) as error:
        raise ArtifactError(f"{name} is no model archive, or is damaged: export it again") from error
    if len(members) != len(entries):
        raise ArtifactError(f"{name} holds two members of one name: export it again")
    return members

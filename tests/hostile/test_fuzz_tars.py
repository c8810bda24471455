"""Tars of anything: reading one ends, with pictures, with lines for the quarantine, or with one line that says what is wrong with it."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from pathlib import Path

from hostile.fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st

from milvise.adapter.rows import row_problem
from milvise.adapter.schema import VISUAL
from milvise.errors import ImageError
from milvise.ingest.quarantine import printable
from milvise.ingest.rows import scalars
from milvise.ingest.sources import Item, Rejected, open_source
from milvise.ingest.sources.places import content_at, place_of

NAMES = st.sampled_from(
    ["a.png", "a.txt", "a.json", "b.jpg", "b.cls", "../x.png", "/etc/x.png", "./c.png", "d/e.png", "x" * 300 + ".png"]
) | st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
KINDS = st.sampled_from(
    [tarfile.REGTYPE] * 6
    + [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.DIRTYPE,
        tarfile.CHRTYPE,
        tarfile.GNUTYPE_SPARSE,
        b"x",
        b"g",
        b"L",
        b"Z",
    ]
)
FORMATS = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
MEMBERS = st.lists(
    st.tuples(NAMES, KINDS, st.binary(max_size=40) | st.sampled_from([b'{"a": 1}', b"[", b"cat"])), max_size=6
)


def tar_of(members: list[tuple[str, bytes, bytes]], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "target", len(data)
            try:
                archive.addfile(info, io.BytesIO(data))
            except (UnicodeError, ValueError):
                continue
    return buffer.getvalue()


def read(content: bytes) -> list[Item | Rejected]:
    """Read a tar to its end, and check what a run would do with each entry."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.tar")
        path.write_bytes(content)
        found: list[Item | Rejected] = []
        for entry in open_source(str(path)):
            printable(entry.uri).encode()
            if isinstance(entry, Item):
                row_problem(scalars(entry, "", None), VISUAL)
                json.dumps(dict(entry.meta), allow_nan=False).encode()
                entry.label.encode()
                name = entry.uri.removeprefix("x.tar/")
                assert not name.startswith("/")
                assert ".." not in name.split("/")
                try:
                    with content_at(place_of(entry.content)).opened() as (file, length):
                        assert len(file.read()) == length
                except ImageError:
                    pass
            else:
                assert entry.reason
            found.append(entry)
            assert len(found) < 100
        return found


@fuzzed
@given(MEMBERS, FORMATS)
def test_tars_of_any_members(members: list[tuple[str, bytes, bytes]], form: int) -> None:
    read(tar_of(members, form))


@fuzzed
@given(MEMBERS, FORMATS, st.data())
def test_tars_with_any_bytes_changed(members: list[tuple[str, bytes, bytes]], form: int, data: st.DataObject) -> None:
    content = bytearray(tar_of(members, form))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content), 4_096) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(content)))
    read(mended(content)[:cut])


def mended(content: bytearray) -> bytes:
    """Return a tar whose first header has the sum that it should have, so that reading goes on behind it."""
    if len(content) >= 512:
        content[148:156] = b"        "
        content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


@fuzzed
@given(st.binary(max_size=2_000))
def test_any_bytes(content: bytes) -> None:
    found = read(content)
    assert all(isinstance(entry, Rejected) for entry in found)

"""A source that is no folder on this machine goes through a whole load: it is read, pruned, quarantined and searched."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from small_world import paint

from milvise.adapter import Store
from milvise.embeddings.pictures.files import MOST_BYTES
from milvise.errors import ImageError, InputError
from milvise.ingest.sources import BytesContent, Item, LocalFile, Rejected, Skipped, Source, open_source
from milvise.ingest.summary import Summary
from milvise.queries.database import Database

Load = Callable[..., Summary]


class Zip:
    """The pictures in a zip file, each labelled by its folder; it says what it skips."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.location = f"zip:{path}"
        self.skipped = Skipped()
        self.read: list[str] = []
        self.encrypted: set[str] = set()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Item | Rejected]:
        self.skipped = Skipped()
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                if info.filename in self.encrypted:
                    yield Rejected(info.filename, "it is encrypted")
                elif info.filename.endswith(".heic"):
                    self.skipped.passed_over[".heic"] += 1
                else:
                    content = BytesContent(
                        f"{self.location}!{info.filename}",
                        partial(self.bytes_of, info.filename),
                        (info.file_size, info.CRC),
                    )
                    yield Item(info.filename, content, info.filename.partition("/")[0], {"zip": self.path.name})

    def bytes_of(self, name: str) -> bytes:
        with self._lock:
            self.read.append(name)
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name)


def picture(seed: int, folder: Path) -> bytes:
    return paint(folder / "painted.png", seed).read_bytes()


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return {f"{'cat' if number % 2 else 'dog'}/{number}.png": picture(number, tmp_path) for number in range(6)}


@pytest.fixture
def source(tmp_path: Path, files: dict[str, bytes]) -> Zip:
    return Zip(write_zip(tmp_path / "album.zip", files))


def stored(store: Store, room: str = "visual") -> dict[str, dict[str, object]]:
    live = store.live(f"g_{room}")
    assert live is not None
    return {row["uri"]: row for row in live.scan([*live.room.fields, "vector"])}


def test_pictures_of_a_zip_file_are_loaded_as_those_of_a_folder_and_found(
    load: Load, own_store: Store, source: Zip, files: dict[str, bytes], tmp_path: Path
) -> None:
    summary = load(source)
    assert (summary.seen, summary.embedded, summary.rows) == (6, 6, 6)
    from_zip, joint = stored(own_store), stored(own_store, "joint")
    assert {uri: row["label"] for uri, row in from_zip.items()} == {uri: uri[:3] for uri in files}
    assert from_zip["cat/1.png"]["meta"] == {"zip": "album.zip"}
    live = own_store.live("g_visual")
    assert live is not None
    assert live.manifest.sources == (f"zip:{tmp_path / 'album.zip'}",)
    hits = Database(own_store).gallery("g").search("cat", limit=6, by="meaning")
    assert {hit.uri for hit in hits} == set(files)
    for uri, data in files.items():
        (tmp_path / "folder" / uri).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / uri).write_bytes(data)
    own_store.drop("g_visual")
    own_store.drop("g_joint")
    load(tmp_path / "folder")
    for uri, row in stored(own_store).items():
        assert {**row, "meta": None} == {**from_zip[uri], "meta": None}
        assert stored(own_store, "joint")[uri]["vector"] == joint[uri]["vector"]


def test_what_a_version_says_is_unchanged_is_not_read_again(load: Load, source: Zip, tmp_path: Path) -> None:
    load(source)
    assert len(source.read) == 6
    again = load(source)
    assert (again.unchanged, again.embedded, len(source.read)) == (6, 0, 6)
    assert load(source, verify_content=True).unchanged == 6
    assert len(source.read) == 12


def test_a_source_without_versions_is_read_and_compared(load: Load, files: dict[str, bytes]) -> None:
    memory = InMemory(files)
    load(memory)
    again = load(memory)
    assert (again.unchanged, again.embedded) == (6, 0)
    assert memory.read == 12


class InMemory:
    """Pictures in a dictionary: the least that a source can be."""

    location = "memory:test"

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.read = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Item | Rejected]:
        for uri in self.files:
            yield Item(uri, BytesContent(f"{self.location}/{uri}", partial(self.bytes_of, uri)))

    def bytes_of(self, uri: str) -> bytes:
        with self._lock:
            self.read += 1
        if uri not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[uri]


def test_changed_pictures_are_replaced_and_those_that_are_gone_are_pruned(
    load: Load, own_store: Store, source: Zip, files: dict[str, bytes], tmp_path: Path
) -> None:
    load(source)
    before = stored(own_store)
    del files["cat/1.png"]
    write_zip(source.path, {**files, "cat/3.png": picture(99, tmp_path), "dog/new.png": picture(7, tmp_path)})
    source.encrypted = {"dog/0.png"}
    summary = load(source, prune=True)
    assert (summary.replaced, summary.embedded, summary.removed, summary.quarantined) == (1, 2, 1, 1)
    after = stored(own_store)
    assert set(after) == (set(before) - {"cat/1.png"}) | {"dog/new.png"}
    assert after["cat/3.png"]["sha256"] != before["cat/3.png"]["sha256"]
    assert set(after) == set(stored(own_store, "joint"))


def test_what_cannot_be_read_is_quarantined_with_its_reason(
    load: Load, source: Zip, files: dict[str, bytes], tmp_path: Path
) -> None:
    broken = {"dog/broken.png": files["dog/0.png"][:40], "dog/empty.png": b"", "dog/film.heic": b"x"}
    write_zip(source.path, {**files, **broken})
    source.encrypted = {"cat/1.png"}
    summary = load(source)
    report = [json.loads(line) for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    reasons = {entry["uri"]: entry["reason"] for entry in report}
    assert set(reasons) == {"dog/broken.png", "dog/empty.png", "cat/1.png"}
    assert reasons["dog/empty.png"] == "the file is empty"
    assert reasons["cat/1.png"] == "it is encrypted"
    assert (summary.embedded, summary.quarantined, summary.passed_over) == (5, 3, {".heic": 1})


def test_a_reader_that_fails_rejects_one_picture(load: Load, files: dict[str, bytes], tmp_path: Path) -> None:
    memory = InMemory(dict(files))
    entries = list(memory)
    del memory.files["cat/1.png"]
    memory.__class__ = type("Lost", (InMemory,), {"__iter__": lambda self: iter(entries)})
    assert load(memory).quarantined == 1
    assert "No such file or directory" in (tmp_path / "quarantine.jsonl").read_text()


def test_a_picture_of_a_folder_is_not_overwritten_by_one_from_elsewhere(
    load: Load, own_store: Store, source: Zip, tmp_path: Path
) -> None:
    paint(tmp_path / "folder/cat/1.png", 50)
    load(tmp_path / "folder")
    before = stored(own_store)["cat/1.png"]
    summary = load(source)
    assert (summary.embedded, summary.quarantined) == (5, 1)
    assert stored(own_store)["cat/1.png"] == before
    (tmp_path / "folder/cat/1.png").unlink()
    assert load(source).replaced == 1


def test_an_empty_source_is_an_error_that_names_it(load: Load) -> None:
    with pytest.raises(InputError, match="the source 'memory:test' holds no pictures"):
        load(InMemory({}))


def test_content_says_what_it_is(tmp_path: Path) -> None:
    path = paint(tmp_path / "a.png", 1)
    local, elsewhere = LocalFile(path), BytesContent("zip:a!b", lambda: b"12", (2, 7))
    assert (str(local), local.path, str(elsewhere), elsewhere.path) == (str(path), path, "zip:a!b", None)
    assert elsewhere.state() == BytesContent("zip:a!b", lambda: b"12", (2, 7)).state()
    assert BytesContent("zip:a!b", lambda: b"12").state() is None
    with elsewhere.opened() as (file, length):
        assert (file.read(), length) == (b"12", 2)
    with pytest.raises(ImageError, match="larger than"), BytesContent("x", lambda: bytes(MOST_BYTES + 1)).opened():
        pass


def test_folders_manifests_and_others_are_sources(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("uri\na.png\n")
    assert isinstance(open_source(str(tmp_path)), Source)
    assert isinstance(open_source(str(tmp_path / "m.csv")), Source)
    assert isinstance(InMemory({}), Source)
    assert not isinstance([Item("a.png", LocalFile(tmp_path / "a.png"))], Source)


def test_large_content_from_elsewhere_is_decoded_and_hashed(load: Load, own_store: Store, tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.new("RGB", (3_600, 3_200), (9, 200, 30)).save(data, "BMP")
    assert len(data.getvalue()) > 2**25, "larger than what is read into memory whole"
    assert load(InMemory({"large.bmp": data.getvalue()})).embedded == 1
    assert stored(own_store)["large.bmp"]["width"] == 3_600

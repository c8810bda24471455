"""Tars of WebDataset, as img2dataset writes them, here and in a store; and tars that somebody made to do harm."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store import BUCKET, ObjectStore, object_store
from small_world import paint

from milvise.adapter import Store
from milvise.errors import ImageError, InputError
from milvise.ingest.sources import Item, Rejected, open_source, reads_much
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.held_bytes import ROOM
from milvise.ingest.sources.places import content_at, place_of
from milvise.ingest.sources.tar_members import members
from milvise.ingest.summary import Summary

Load = Callable[..., Summary]


def picture(seed: int, folder: Path) -> bytes:
    return paint(folder / "painted.png", seed).read_bytes()


def write_tar(
    path: Path, files: dict[str, bytes], *more: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=kind) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info, data in more:
            archive.addfile(info, io.BytesIO(data))
    return path


def sample(number: int, folder: Path, **more: Any) -> dict[str, bytes]:
    """Return the members of one sample in the order in which img2dataset's writer has them: sorted by their endings."""
    key = f"{number:09}"
    said = {
        "caption": f"a photo {number}", "url": f"https://host/{number}.jpg", "key": key, "status": "success",
        "error_message": None, "width": 24, "height": 24, "original_width": 24, "original_height": 24, "exif": "{}",
        "sha256": "0" * 64, **more,
    }  # fmt: skip
    return {
        f"{key}.json": json.dumps(said).encode(), f"{key}.png": picture(number, folder), f"{key}.txt": f"a photo {number}".encode(),
    }  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """As img2dataset's folder looks: shards with their figures and their tables."""
    folder = tmp_path / "laion"
    for shard in range(2):
        files: dict[str, bytes] = {}
        for number in range(3):
            files |= sample(10 * shard + number, tmp_path)
        write_tar(folder / f"{shard:05}.tar", files)
        (folder / f"{shard:05}_stats.json").write_text("{}")
        (folder / f"{shard:05}.parquet").write_bytes(b"not read")
    return folder


def items(source: str | Path) -> list[Item]:
    found = list(open_source(str(source)))
    assert all(isinstance(entry, Item) for entry in found), found
    return found  # type: ignore[return-value]


def test_a_folder_of_img2dataset_gives_pictures_captions_and_metadata(dataset: Path, tmp_path: Path) -> None:
    found = items(dataset)
    assert [item.uri for item in found] == [
        f"{shard:05}.tar/{10 * shard + number:09}.png" for shard in range(2) for number in range(3)
    ]
    assert [item.label for item in found] == [f"a photo {number}" for number in (0, 1, 2, 10, 11, 12)]
    assert found[0].meta["url"] == "https://host/0.jpg"
    assert "error_message" not in found[0].meta
    with found[4].content.opened() as (file, length):
        assert (file.read(), length) == (picture(11, tmp_path), len(picture(11, tmp_path)))
    assert open_source(str(dataset)).location == str(dataset)
    assert reads_much(open_source(str(dataset)))


def test_one_tar_and_a_pattern_name_the_same_pictures(dataset: Path) -> None:
    every = [item.uri for item in items(dataset)]
    assert [item.uri for item in items(dataset / "00001.tar")] == every[3:]
    assert [item.uri for item in items(dataset / "*.tar")] == every
    assert [item.uri for item in items(dataset / "0000[0].tar")] == every[:3]
    with pytest.raises(InputError, match="holds no pictures"):
        from milvise.ingest.sources import require_pictures

        require_pictures([open_source(str(dataset / "9*.tar"))])


def test_a_folder_with_tars_of_something_else_is_a_folder(tmp_path: Path) -> None:
    write_tar(tmp_path / "photos/backup.tar", {"a.png": b"x"})
    paint(tmp_path / "photos/b.png", 1)
    assert [item.uri for item in items(tmp_path / "photos")] == ["b.png"]


def test_keys_are_those_of_webdataset(tmp_path: Path) -> None:
    path = write_tar(
        tmp_path / "a.tar",
        {
            "./dir.v1/a.PNG": b"1", "./dir.v1/a.seg.png": b"mask", "./dir.v1/a.cls": b"7", "b.jpg": b"2", "b.json": b'{"label": "cat", "n": 1}',
            "c.txt": b"only a text", "d.jpg": b"3", ".hidden.jpg": b"4", "dotless": b"5", "d.txt": b"\xff" + b" word" * 400,
        },
    )  # fmt: skip
    found = {item.uri: item for item in items(path)}
    assert list(found) == ["a.tar/dir.v1/a.PNG", "a.tar/b.jpg", "a.tar/d.jpg"]
    assert (found["a.tar/dir.v1/a.PNG"].label, found["a.tar/b.jpg"].label, dict(found["a.tar/b.jpg"].meta)) == (
        "7",
        "cat",
        {"n": 1},
    )
    # A hidden file between two members of a key does not part them.
    label = found["a.tar/d.jpg"].label
    assert label.startswith("\\xff word")
    assert label.endswith("word…")
    assert len(label.encode()) <= 1_024


def test_places_lead_back_to_members(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(dataset)
    for item in items("00001.tar"):
        place = place_of(item.content)
        assert place.endswith(f":{dataset}/00001.tar")
        monkeypatch.chdir(tmp_path)
        with content_at(place).opened() as (there, length), item.content.opened() as (here, _):
            assert there.read() == here.read()
            assert length > 0


def test_a_tar_is_loaded_again_without_reading_pictures(
    load: Load, own_store: Store, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert items(dataset)[0].content.state() is None, (
        "a tar that was written just now may change within the tick of the clock"
    )
    for path in dataset.glob("*.tar"):
        os.utime(path, (1, 1))
    first = load(dataset)
    assert (first.embedded, first.rows, first.quarantined) == (6, 6, 0)
    monkeypatch.setattr(FileAnywhere, "read", lambda *_: pytest.fail("a picture was read again"))
    again = load(dataset)
    assert (again.unchanged, again.embedded) == (6, 0)


def link(name: str, kind: bytes, target: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def test_a_hostile_tar_gives_quarantine_lines_and_its_good_pictures(
    load: Load, own_store: Store, tmp_path: Path
) -> None:
    good, bad = picture(1, tmp_path), picture(2, tmp_path)
    huge = tarfile.TarInfo("huge.png")
    huge.size = 2**31
    files = {
        "good.png": good, "../../escape.png": bad, "/etc/absolute.png": bad, "a/../b.png": bad, "broken.png": b"no picture",
        "empty.png": b"", "twice.png": picture(3, tmp_path), "other.json": b"{", "other.png": bad, "list.json": b"[1]", "list.png": bad,
        "deep.json": b"[" * 100_000, "deep.png": bad,
    }  # fmt: skip
    path = write_tar(
        tmp_path / "h/hostile.tar", files, link("link.png", tarfile.SYMTYPE, "/etc/passwd"), link("hard.png", tarfile.LNKTYPE, "good.png"),
        link("device.png", tarfile.CHRTYPE, ""), (named("twice.png", bad), bad),
    )  # fmt: skip
    summary = load(path)
    reasons = {
        entry["uri"].removeprefix("hostile.tar/"): entry["reason"]
        for entry in map(json.loads, (tmp_path / "quarantine.jsonl").read_text().splitlines())
    }
    live = own_store.live("g_visual")
    assert live is not None
    loaded = {row["uri"] for row in live.scan(["uri"])}
    assert loaded == {"hostile.tar/good.png", "hostile.tar/twice.png"}
    assert summary.embedded == len(loaded)
    for name in ("../../escape.png", "/etc/absolute.png", "a/../b.png"):
        assert "leads elsewhere" in reasons[name]
    for name in ("link.png", "hard.png"):
        assert "a link in the tar" in reasons[name]
    assert "no regular file" in reasons["device.png"]
    assert "the file is empty" in reasons["empty.png"]
    assert "not JSON" in reasons["other.png"]
    assert "holds no object" in reasons["list.png"]
    assert "deep.png" in reasons
    assert "same source-relative URI" in reasons["twice.png"]
    huge_tar = write_tar(tmp_path / "huge.tar", {"good.png": good})
    data = bytearray(huge_tar.read_bytes())
    huge_tar.write_bytes(huge.tobuf() + bytes(data))
    with huge_tar.open("rb") as file:
        assert next(members(file, huge_tar.stat().st_size)).problem.startswith("the file is larger than")


def named(name: str, data: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info


@pytest.mark.parametrize("cut", [700, 1_500, -1, -600])
def test_a_tar_that_is_cut_off_is_told_and_nothing_of_it_is_pruned(
    cut: int, load: Load, own_store: Store, dataset: Path
) -> None:
    load(dataset)
    whole = (dataset / "00000.tar").read_bytes()
    end = len(whole.rstrip(b"\0")) if cut < 0 else 0
    (dataset / "00000.tar").write_bytes(whole[: end + cut if cut < 0 else cut])
    summary = load(dataset, prune=True)
    assert (summary.removed, summary.rows) == (0, 6)
    assert summary.quarantined >= 1
    assert summary.kept_unseen + summary.unchanged + summary.quarantined >= 6


def noise(size: int) -> bytes:
    return bytes((7 * number + number // 256) % 251 for number in range(size))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no tar at all" * 100, noise(20_000), bytes(512), bytes(2_048),
        # A name that takes more than a header may.
        tarfile.TarInfo("x" * 3_000_000).tobuf(tarfile.GNU_FORMAT),
        # Headers of headers, deeper than the stack.
        tarfile.TarInfo("y" * 200).tobuf(tarfile.GNU_FORMAT)[:1_024] * 2_000,
    ],
)  # fmt: skip
def test_what_is_no_tar_is_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    entries = list(open_source(str(tmp_path / "x.tar")))
    assert all(isinstance(entry, Rejected) and entry.uri == "x.tar" for entry in entries)
    assert len(entries) == (0 if data in (bytes(512), bytes(2_048)) else 1)


def test_a_size_below_zero_does_not_go_round(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.png")
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"\xff" * 11 + b"\x00"  # -256 in base 256
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head)
    (tmp_path / "x.tar").write_bytes(bytes(head) * 4)
    entries = list(open_source(str(tmp_path / "x.tar")))
    assert [type(entry) for entry in entries][-1] is Rejected
    assert len(entries) < 5


def test_a_tar_that_becomes_shorter_is_told_while_pictures_are_read(dataset: Path) -> None:
    found = items(dataset / "00000.tar")
    (dataset / "00000.tar").write_bytes(b"x" * 600)
    with pytest.raises(ImageError), found[2].content.opened():
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


def test_tars_in_a_store_are_read_once(load: Load, own_store: Store, dataset: Path, server: ObjectStore) -> None:
    for path in sorted(dataset.iterdir()):
        server.put(f"laion/{path.name}", path.read_bytes())
    server.faults.plan = ["503", "ok", "half"]
    server.faults.hits = lambda method, path: method == "GET" and path.endswith(".tar")
    source = open_source(f"s3://{BUCKET}/laion")
    assert [entry for entry in source if isinstance(entry, Rejected)] == []
    assert [item.uri for item in source if isinstance(item, Item)] == [item.uri for item in items(dataset)]
    server.faults.asked.clear()
    summary = load(source)
    assert (summary.embedded, summary.quarantined) == (6, 0)
    # Two looks at the first picture, then each tar once: what came along is not asked for again.
    assert server.faults.count("GET", ".tar") == 2 + 2
    assert ROOM.taken == 0, "what came along is given back"
    again = load(source)
    assert (again.unchanged, again.embedded) == (6, 0)
    place = place_of(next(item.content for item in source if isinstance(item, Item)))
    assert place.startswith("bytes:")
    assert place.endswith(f":s3://{BUCKET}/laion/00000.tar")
    with content_at(place).opened() as (file, _):
        assert file.read(4) == b"\x89PNG"


def test_a_tar_that_cannot_be_had_hides_what_is_in_it(load: Load, dataset: Path, server: ObjectStore) -> None:
    source = open_source(f"s3://{BUCKET}/laion")
    load(source)
    server.faults.hits = lambda method, path: path.endswith("00001.tar")
    server.faults.plan = ["503"] * 100
    summary = load(source, prune=True)
    assert (summary.removed, summary.kept_unseen, summary.quarantined, summary.rows) == (0, 3, 1, 6)

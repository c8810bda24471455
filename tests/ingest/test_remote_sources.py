"""Pictures of a store of objects: listed page by page, loaded, and loaded again, while connections are lost and requests refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from object_store import BUCKET, ObjectStore, object_store
from small_world import paint

from milvise.adapter import Store
from milvise.errors import ImageError, InputError
from milvise.ingest.sources import Item, Rejected, open_source
from milvise.ingest.sources.places import content_at
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.remote.traffic import TRAFFIC, Traffic
from milvise.ingest.summary import Summary

Load = Callable[..., Summary]


@pytest.fixture(scope="module")
def one_server() -> Iterator[ObjectStore]:
    with object_store() as server:
        yield server


@pytest.fixture
def server(one_server: ObjectStore) -> ObjectStore:
    one_server.clear()
    return one_server


def picture(seed: int, folder: Path) -> bytes:
    return paint(folder / "painted.png", seed).read_bytes()


@pytest.fixture
def source(server: ObjectStore, tmp_path: Path) -> str:
    for number in range(6):
        server.put(f"2019/{'cat' if number % 2 else 'dog'}/{number}.png", picture(number, tmp_path))
    server.put("2019/film.mov", b"x")
    server.put("2019/.hidden/1.png", b"x")
    server.put("2019/notes.txt", b"x")
    server.put("2019/empty/", b"")
    server.put("20190/other.png", b"x")
    return f"s3://{BUCKET}/2019"


def stored(store: Store) -> dict[str, dict[str, object]]:
    live = store.live("g_visual")
    assert live is not None
    return {row["uri"]: row for row in live.scan(live.room.fields)}


def quarantined(folder: Path) -> dict[str, str]:
    path = folder / "quarantine.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {entry["uri"]: entry["reason"] for entry in map(json.loads, lines)}


def test_a_prefix_is_read_as_a_folder(source: str) -> None:
    found = open_source(source + "/")
    items = [entry for entry in found if isinstance(entry, Item)]
    assert [(item.uri, item.label) for item in items] == [
        (f"{'cat' if number % 2 else 'dog'}/{number}.png", "cat" if number % 2 else "dog")
        for number in (1, 3, 5, 0, 2, 4)
    ]
    assert str(items[0].content) == f"{source}/cat/1.png"
    assert found.location == source
    assert dict(found.skipped.passed_over) == {".mov": 1}  # type: ignore[attr-defined]
    assert {item.label for item in open_source(source, labels=False) if isinstance(item, Item)} == {""}


def test_folder_by_folder_finds_what_page_by_page_does(source: str) -> None:
    files, path = stores._store(source)
    by_folder = {entry.url: entry.size for entry in stores._folders(files, path, source)}
    assert by_folder == {entry.url: entry.size for entry in stores.listing(source)}


def test_a_listing_streams(server: ObjectStore) -> None:
    for number in range(2_300):
        server.put(f"many/{number:05}.jpg", b"x")
    source = open_source(f"s3://{BUCKET}/many")
    server.faults.asked.clear()
    assert len(list(islice(source, 500))) == 500
    assert server.faults.count("GET", "list-type=2") == 1, "the first page is enough for the first pictures"
    assert sum(1 for _ in source) == 2_300
    assert server.faults.count("GET", "list-type=2") == 1 + 3


def test_pictures_of_a_store_are_loaded_and_unchanged_ones_are_not_read_again(
    load: Load, own_store: Store, server: ObjectStore, source: str, tmp_path: Path
) -> None:
    first = load(open_source(source))
    assert (first.seen, first.embedded, first.rows, first.quarantined) == (6, 6, 6, 0)
    live = own_store.live("g_visual")
    assert live is not None
    assert live.manifest.sources == (source,)
    assert server.faults.count("GET", ".png") == 6
    again = load(open_source(source))
    assert (again.unchanged, again.embedded, server.faults.count("GET", ".png")) == (6, 0, 6)
    server.put("2019/cat/1.png", picture(99, tmp_path))
    server.delete("2019/dog/0.png")
    third = load(open_source(source), prune=True)
    assert (third.replaced, third.embedded, third.removed, third.rows) == (1, 1, 1, 5)


@pytest.mark.parametrize("fault", ["503", "429", "500", "cut", "half"])
def test_passing_failures_are_survived(
    fault: str, load: Load, server: ObjectStore, source: str, tmp_path: Path
) -> None:
    server.faults.plan = [fault, "ok", fault, fault, "ok", fault]
    before = TRAFFIC.retries
    summary = load(open_source(source))
    assert (summary.embedded, summary.quarantined) == (6, 0)
    assert server.faults.happened == [fault] * 4
    # A library may ask again by itself where a connection that it had kept is closed.
    assert TRAFFIC.retries - before == 4 if fault != "cut" else TRAFFIC.retries > before
    assert quarantined(tmp_path) == {}


def test_a_picture_that_cannot_be_had_is_quarantined_and_not_pruned(
    load: Load, own_store: Store, server: ObjectStore, source: str, tmp_path: Path
) -> None:
    load(open_source(source))
    for name in ("cat/1.png", "cat/3.png", "dog/0.png"):
        server.put(f"2019/{name}", picture(50, tmp_path))
    server.faults.hits = lambda method, path: path.endswith(("cat/1.png", "cat/3.png"))
    server.faults.plan = ["403"] + ["503"] * 20
    summary = load(open_source(source), prune=True)
    assert (summary.replaced, summary.quarantined, summary.removed, summary.rows) == (1, 2, 0, 6)
    reasons = quarantined(tmp_path)
    assert "access was refused (HTTP 403)" in " ".join(reasons.values())
    assert "HTTP 503; it was tried 6 times" in " ".join(reasons.values())


@pytest.mark.parametrize("fault", ["503", "cut", "403"])
def test_a_listing_that_breaks_off_is_an_error_and_removes_nothing(
    fault: str, load: Load, own_store: Store, server: ObjectStore, source: str, tmp_path: Path
) -> None:
    load(open_source(source))
    for number in range(1_100):
        server.put(f"2019/a/{number}.txt", b"x")
    opened = open_source(source)
    server.faults.hits = lambda method, path: path.rstrip("/") == f"/{BUCKET}"
    server.faults.plan = ["ok"] + [fault] * 200
    with pytest.raises(
        InputError, match=r"listing of s3://photos/2019 broke off after 1,000 objects.*What is stored stays"
    ):
        list(opened)
    # The first picture stands on the second page, and is looked at twice before the load itself begins.
    server.faults.plan = ["ok"] * 5 + [fault] * 200
    with pytest.raises(InputError, match=r"broke off after 1,000 objects"):
        load(opened, prune=True)
    assert len(stored(own_store)) == 6


def test_what_is_not_there_is_an_error(server: ObjectStore, source: str, load: Load) -> None:
    with pytest.raises(InputError, match="cannot be read.*it is not there"):
        open_source("s3://no-such-bucket/x")
    with pytest.raises(InputError, match=r"holds no pictures that can be read. Is the address right\?"):
        load(open_source(f"s3://{BUCKET}/nothing"))
    with pytest.raises(ImageError, match="it is not there"), content_at(f"s3://{BUCKET}/no.png").opened():
        pass
    server.put("empty.png", b"")
    with pytest.raises(ImageError, match="the file is empty"), content_at(f"s3://{BUCKET}/empty.png").opened():
        pass


def test_a_picture_that_changed_since_it_was_listed_is_told(server: ObjectStore, source: str) -> None:
    item = next(entry for entry in open_source(source) if isinstance(entry, Item))
    server.put("2019/cat/1.png", b"another one")
    with pytest.raises(ImageError, match="written to while it was read"), item.content.opened():
        pass


def test_large_objects_are_read_in_pieces(server: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("milvise.ingest.sources.spooled.IN_MEMORY", 1_000)
    data = bytes(range(256)) * 10
    url = server.put("large.png", data)
    for content in (content_at(url), next(iter(stores_items(f"s3://{BUCKET}")))):
        server.faults.asked.clear()
        with content.opened() as (file, length):
            assert (file.read(), length) == (data, len(data))
        assert server.faults.count("GET", "large.png") == 3
    monkeypatch.setattr("milvise.ingest.sources.spooled.MOST_BYTES", 2_000)
    with pytest.raises(ImageError, match="larger than"), content_at(url).opened():
        pass


def stores_items(url: str) -> Iterator[object]:
    return (entry.content for entry in open_source(url) if isinstance(entry, Item))


def test_manifests_list_urls_and_what_lies_below_their_folder(
    load: Load, own_store: Store, server: ObjectStore, source: str, tmp_path: Path
) -> None:
    local = paint(tmp_path / "local.png", 77)
    rows = [
        f"{source}/cat/1.png", f"{server.address}/web/3.png", local.as_uri(), "local.png", "ftp://host/a.png",
        f"https://user:secret@host/{BUCKET}/a.png", "https://host/a.png?X-Amz-Signature=secret", f"{source}/cat/none.png",
    ]  # fmt: skip
    server.pages["/web/3.png"] = picture(3, tmp_path)
    (tmp_path / "m.csv").write_text("uri,label\n" + "".join(f"{uri},seen\n" for uri in rows))
    summary = load(tmp_path / "m.csv")
    reasons = quarantined(tmp_path)
    assert set(stored(own_store)) == set(rows[:4])
    assert "secret" not in json.dumps(reasons)
    assert "holds a user or a password" in reasons[f"https://host/{BUCKET}/a.png"]
    assert "holds a credential (X-Amz-Signature)" in reasons["https://host/a.png"]
    assert "URLs of these schemes are read" in reasons["ftp://host/a.png"]
    assert "it is not there" in reasons[f"{source}/cat/none.png"]
    assert (summary.embedded, summary.quarantined) == (4, 4)
    live = own_store.live("g_visual")
    assert live is not None
    assert live.manifest.sources == (str(tmp_path), f"s3://{BUCKET}")


def test_pictures_that_no_listing_tells_of_are_compared_several_at_a_time(
    load: Load, server: ObjectStore, source: str, tmp_path: Path
) -> None:
    names = [f"{'cat' if number % 2 else 'dog'}/{number}.png" for number in range(6)]
    (tmp_path / "m.csv").write_text("uri\n" + "".join(f"{source}/{name}\n" for name in names))
    load(tmp_path / "m.csv")
    server.put("2019/cat/3.png", picture(70, tmp_path))
    server.delete("2019/dog/4.png")
    most = 0

    def hits(method: str, path: str) -> bool:
        nonlocal most
        if path.endswith(".png"):
            most = max(most, sum(one.name.startswith("milvise-hash") for one in threading.enumerate()))
        return False

    server.faults.plan, server.faults.hits = ["ok"], hits
    again = load(tmp_path / "m.csv")
    assert (again.unchanged, again.replaced, again.quarantined) == (4, 1, 1)
    assert most > 1
    assert "it is not there" in quarantined(tmp_path)[f"{source}/dog/4.png"]


def test_a_manifest_in_a_store_names_no_file_of_this_machine(server: ObjectStore, source: str, tmp_path: Path) -> None:
    secret = paint(tmp_path / "secret.png", 1)
    lines = ["cat/1.png", "../other.png", str(secret), secret.as_uri(), f"{source}/cat/3.png"]
    server.put("2019/m.jsonl", "".join(json.dumps({"uri": uri}) + "\n" for uri in lines).encode())
    found = open_source(f"{source}/m.jsonl")
    entries = list(found)
    assert [type(entry) for entry in entries] == [Item, Rejected, Rejected, Rejected, Item]
    assert found.location == source
    assert str(entries[0].content) == f"{source}/cat/1.png"  # type: ignore[union-attr]


def test_a_web_server_is_read_no_further_than_a_picture_may_be_long(
    server: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.ingest.sources.spooled.IN_MEMORY", 2**20)
    monkeypatch.setattr("milvise.ingest.sources.spooled.MOST_BYTES", 2**20)
    server.pages["/web/endless.png"] = b""
    with pytest.raises(ImageError, match="larger than"), content_at(f"{server.address}/web/endless.png").opened():
        pass
    server.pages["/web/a.png"] = b"0123456789"
    url = f"{server.address}/web/a.png"
    assert (stores.read(url, 2, 5), stores.look(url).size) == (b"234", 10)
    server.ranges = False
    with pytest.raises(RemoteError, match="does not send parts of a file"):
        stores.read(url, 2, 5)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://key:secret@photos/a", "credentials come from the environment"),
        ("https://host/m.csv?sig=secret", "holds a credential"),
        ("https://host/photos", "no folders that can be listed"),
        ("ftp://host/a", "URLs of these schemes"),
        ("s3://", "no bucket or host"),
    ],
)
def test_urls_that_are_refused(url: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        open_source(url)
    assert "secret" not in str(error.value)


def test_connections_and_rate_are_bounded() -> None:
    traffic = Traffic(3, per_second=100)
    lock, now, most = threading.Lock(), 0, 0

    def call() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1

    started = time.monotonic()
    threads = [threading.Thread(target=traffic.request, args=(call, "x")) for _ in range(21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3
    assert time.monotonic() - started >= 0.2, "21 requests begin in no less than 20 hundredths of a second"
    with traffic.at_most(1_000_000):
        traffic.request(lambda: None, "x")
    assert traffic.requests == 22


def test_what_will_not_pass_is_not_tried_again() -> None:
    traffic, calls = Traffic(1), []

    def call() -> None:
        calls.append(1)
        raise PermissionError("no")

    with pytest.raises(RemoteError, match="url: access was refused") as error:
        traffic.request(call, "url")
    assert (len(calls), error.value.passing) == (1, False)

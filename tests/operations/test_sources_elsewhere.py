"""Python and the command line load a gallery from a store; another version of it is built from there as well."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store import BUCKET, ObjectStore, object_store
from small_world import paint, save_net

import milvise
from milvise.cli.main import app
from milvise.errors import MissingExtraError, UsageError
from milvise.ingest.sources import open_source
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.traffic import TRAFFIC
from milvise.operations.progress import Count


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


@pytest.fixture
def source(server: ObjectStore, folder: Path) -> str:
    server.clear()
    for number in range(20):
        data = paint(folder / "painted.png", number).read_bytes()
        server.put(f"2019/{'cat' if number % 2 else 'dog'}/{number}.png", data)
    return f"s3://{BUCKET}/2019"


def test_a_gallery_of_a_store_is_loaded_and_rebuilt_from_there(
    db: milvise.Database,
    source: str,
    how: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
    server: ObjectStore,
) -> None:
    db.ingest_words("words.txt", components=0, index="flat")
    told: list[Any] = []
    before = TRAFFIC.requests
    summary = db.ingest_images(source, progress=told.append, requests_per_second=10_000, **how)
    assert (summary.embedded, summary.rows) == (20, 20)
    assert TRAFFIC.requests > before
    counts = [one for one in told if isinstance(one, Count)]
    assert {one.total for one in counts} == {None}, "a store is not listed only to count"
    assert str(counts[-1]) == "20 pictures"
    other = save_net(tmp_path_factory.mktemp("net") / "other.keras", 1)
    server.faults.plan = ["ok", "503", "ok", "cut"]
    gallery = db.gallery("g")
    done = gallery.rebuild(backbone=str(other), classes="classes.txt", engine="keras", accept_worse=True)
    assert (done.is_live, done.rows, done.embedded, done.lost) == (True, 20, 20, 0)
    (file,) = gallery.files(["dog/2.png"])
    with file.opened() as (opened, _):
        assert opened.read(4) == b"\x89PNG"


def test_the_command_line_loads_from_a_store(
    source: str, how: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> dict[str, Any]:
        with pytest.raises(SystemExit) as ended:
            app(["--uri", "cli.db", "--json", "-q", *arguments])
        assert not ended.value.code
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    run("ingest", "words", "words.txt", "--remove-components", "0")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in how.items()]
    summary = run("ingest", "images", source, *options, "--requests-per-second", "5000")
    assert (summary["embedded"], summary["quarantined"]) == (20, 0)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_refused(rate: float, db: milvise.Database, how: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="requests_per_second must be more than 0"):
        db.ingest_images("pictures", requests_per_second=rate, **how)


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_opened", {})
    with pytest.raises(MissingExtraError, match=r"reading gs:// \(with the package gcsfs"):
        open_source("gs://bucket/photos")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"reading s3:// needs packages that are not installed.*(s3fs|remote)"):
        open_source("s3://bucket/photos")

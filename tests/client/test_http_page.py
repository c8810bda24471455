"""The commands and the Python of ``docs/http.md`` are run against a service on a port, and are of every route that it has."""

from __future__ import annotations

import dataclasses
import io
import logging
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from small_world import paint, put_words

import milvise
from milvise.adapter import Store
from milvise.client.database import RemoteDatabase
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.encoder import Devise
from milvise.errors import DeniedError, NotFoundError, UnavailableError
from milvise.gallery.plan import make_plan
from milvise.ingest.pipeline import ingest_images
from milvise.ingest.sources import open_source
from milvise.operations.database import Database
from milvise.service.guards.key_file import add_key
from milvise.service.serve import Service
from milvise.service.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
ADDRESS, KEY = "http://127.0.0.1:8000", "milvise_the_key_that_you_were_given"
NO_JSON = {"/", "/static/{path:path}"}
"""The page for people, which has its own tests."""

needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="curl or bash is not installed"
)


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))


@pytest.fixture
def holiday(
    own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """The gallery of the page, from a manifest file with owners and dates, on a small network."""
    monkeypatch.setattr("milvise.gallery.models._encoder", lambda recipe, name: Devise(nets[0]))
    names = ["cat", "dog", *(f"picture {number}" for number in range(22))]
    lines = ["uri,label,owner,date"]
    for number, name in enumerate(names):
        paint(tmp_path / "photos" / "beach" / f"{name}.jpg", number)
        lines.append(f"beach/{name}.jpg,{name.split()[0]},{'Ann' if number % 2 else 'Ben'},2024-0{number % 9 + 1}-02")
    manifest = tmp_path / "photos" / "photos.csv"
    manifest.write_text("\n".join(lines) + "\n")
    put_words(own_store, tmp_path)
    plan = make_plan(
        own_store, gallery="holiday", backbone=nets[0], head="conse", recipe={"backbone": "net"}, names=class_names
    )
    assert ingest_images(own_store, [open_source(str(manifest))], plan, quarantine=tmp_path / "q.jsonl").embedded == 24
    paint(tmp_path / "work" / "mine.jpg", 99)
    return Database(own_store)


@pytest.fixture
def service(holiday: Database, tmp_path: Path) -> Iterator[tuple[Service, str]]:
    """The service on a free port, and a key that may do all."""
    keys = tmp_path / "keys"
    key = add_key(keys, "reader", "write")
    running = Service(holiday, Settings(port=0, api_keys=keys))
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running, key
    running.stop()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def asked() -> Iterator[set[tuple[str, str]]]:
    """The method and route of each request that was answered with success."""
    found: set[tuple[str, str]] = set()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.__dict__["status"] < 300:
                found.add((record.__dict__["method"], record.__dict__["route"]))

    log, handler = logging.getLogger("milvise.service.access"), Noting()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield found
    log.removeHandler(handler)
    log.setLevel(level)


@needs_curl
def test_the_commands_are_answered_and_are_of_every_route(
    service: tuple[Service, str], asked: set[tuple[str, str]], tmp_path: Path
) -> None:
    running, key = service
    script = "set -euo pipefail\n" + blocks("sh").replace(ADDRESS, running.address).replace(KEY, key)
    done = subprocess.run(
        ["bash", "-x"], input=script, cwd=tmp_path / "work", capture_output=True, text=True, timeout=120, check=False
    )
    last = [line for line in done.stderr.splitlines() if line.startswith("+")][-1:]
    assert done.returncode == 0, f"{last}\n{done.stdout[-2_000:]}"
    described = running.app.openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in described.items() for method in methods}
    assert {route for route in routes - asked if route[1] not in NO_JSON} == set()
    assert (tmp_path / "work" / "cat.jpg").read_bytes() == (tmp_path / "photos" / "beach" / "cat.jpg").read_bytes()
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"mine.jpg", "cat.jpg", "cat.webp", "cats.zip"}


def test_the_python_runs(service: tuple[Service, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, key = service
    monkeypatch.chdir(tmp_path / "work")
    names: dict[str, object] = {}
    code = blocks("python").replace(ADDRESS, running.address).replace(KEY, key)
    exec(compile(code, str(PAGE), "exec"), names)
    hits = names["hits"]
    assert isinstance(hits, list)
    assert len(hits) == 5
    assert isinstance(hits[0], milvise.Hit)
    with Image.open(io.BytesIO(names["thumbnail"])) as small:  # type: ignore[arg-type]
        assert (small.format, small.size) == ("WEBP", (24, 24))


def test_pictures_and_their_files_are_those_of_python(service: tuple[Service, str], holiday: Database) -> None:
    running, key = service
    here = holiday.gallery("holiday")
    with milvise.connect(running.address, api_key=key) as db:
        there = db.gallery("holiday")
        assert there.browse('label == "cat"') == here.browse('label == "cat"')
        assert there.browse(limit=5, offset=3) == here.browse(limit=5, offset=3)
        assert (
            there.picture("beach/cat.jpg") == here.picture("beach/cat.jpg") == there.picture(record_id("beach/cat.jpg"))
        )
        assert db.galleries() == holiday.galleries()
        assert db.status("holiday") == [dataclasses.asdict(one) for one in holiday.galleries("holiday")]
        for found, expected in zip(
            *(one.files(["beach/cat.jpg", "beach/dog.jpg"]) for one in (there, here)), strict=True
        ):
            with found.opened() as (file, length), expected.opened() as (same, same_length):
                assert (file.read(), length) == (same.read(), same_length)
        with pytest.raises(NotFoundError):
            there.picture("beach/nobody.jpg")


def test_threads_share_a_client_and_a_wrong_key_is_denied(service: tuple[Service, str], holiday: Database) -> None:
    running, key = service
    expected = holiday.gallery("holiday").search("dog", limit=5)
    answers: list[object] = []
    with milvise.connect(running.address, api_key=key) as db:
        assert isinstance(db, RemoteDatabase)
        gallery = db.gallery("holiday")
        threads = [threading.Thread(target=lambda: answers.append(gallery.search("dog", limit=5))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert answers == [expected] * 16
    for wrong in ("", "milvise_wrong"):
        with milvise.connect(running.address, api_key=wrong) as db, pytest.raises(DeniedError):
            db.gallery("holiday").search("dog")


def test_a_service_that_is_not_there_is_said() -> None:
    with (
        milvise.connect("http://127.0.0.1:9", api_key="") as db,
        pytest.raises(UnavailableError, match="cannot be reached"),
    ):
        db.words.similar("dog")

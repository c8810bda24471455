"""A user with the privileges of docs/readers.md makes every request that reads, and no write."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymilvus import MilvusClient
from read_and_write import reads, writes
from reference_world import reference_gallery
from small_world import paint

from milvise.adapter import Store, connect
from milvise.embeddings.devise.backbones import Backbone
from milvise.errors import DeniedError, StoreError
from milvise.gallery.plan import make_plan
from milvise.ingest.pipeline import ingest_images
from milvise.ingest.sources import open_source
from milvise.operations.database import Database

PAGE = Path(__file__).parent.parent.parent / "docs" / "readers.md"
ADMINISTRATOR, READER = "root:Milvus", "viewer:change-me-1"


def commands() -> str:
    """The first block of Python on the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


@pytest.fixture(scope="module")
def administered(guarded_uri: str) -> Iterator[Store]:
    """A gallery on a server on which the page's commands were run, and nobody has a privilege but by them."""
    connection = connect(guarded_uri, token=ADMINISTRATOR)
    gallery = reference_gallery(Store(connection))
    next(gallery)
    for granted in connection.client.describe_role("public")["privileges"]:
        connection.client.revoke_privilege(
            "public", granted["object_type"], granted["privilege"], "*", db_name=granted["db_name"]
        )
    exec(commands().replace("http://localhost:19530", guarded_uri), {})
    yield Store(connection)
    list(gallery)
    connection.client.drop_user("viewer")
    connection.close()


@pytest.fixture
def reader(guarded_uri: str, administered: Store) -> Iterator[Database]:
    with Database(Store(connect(guarded_uri, token=READER))) as db:
        yield db


def test_a_reader_makes_every_request_that_reads(reader: Database, tmp_path: Path) -> None:
    for name, request in reads(reader, tmp_path).items():
        assert request(), name


def test_a_reader_makes_no_write(
    reader: Database, administered: Store, nets: list[Backbone], tmp_path: Path, class_names: Path
) -> None:
    before = Database(administered).status()
    for name, request in writes(reader).items():
        with pytest.raises(DeniedError):
            request()
            pytest.fail(f"{name} was not refused")
    plan = make_plan(
        reader.store, gallery="new", backbone=nets[0], head=None, recipe={"backbone": "net"}, names=class_names
    )
    paint(tmp_path / "pictures" / "1.png", 1)
    source = open_source(str(tmp_path / "pictures"))
    with pytest.raises(DeniedError):
        ingest_images(reader.store, [source], plan, quarantine=tmp_path / "quarantine.jsonl")
    assert Database(administered).status() == before


@pytest.mark.parametrize(
    ("kind", "privilege"),
    [
        ("Global", "DescribeAlias"),
        ("Global", "DescribeCollection"),
        ("Global", "ShowCollections"),
        ("Collection", "IndexDetail"),
        ("Collection", "Query"),
        ("Collection", "Search"),
    ],
)
def test_no_privilege_is_granted_that_is_not_needed(
    administered: Store, guarded_uri: str, kind: str, privilege: str
) -> None:
    assert f'("{kind}", "{privilege}")' in commands()
    client: MilvusClient = administered.connection.client
    client.revoke_privilege("milvise_readers", kind, privilege, "*")
    try:
        with Database(Store(connect(guarded_uri, token=READER))) as db, pytest.raises(DeniedError, match=privilege):
            db.gallery("r").search("cat")
            db.verify("r")
    finally:
        client.grant_privilege("milvise_readers", kind, privilege, "*")


def test_a_reader_is_told_that_a_collection_is_not_loaded(reader: Database, administered: Store) -> None:
    name = next(found.collection for found in administered.manifests() if found.alias == "r_joint")
    administered.connection.client.release_collection(name)
    try:
        with pytest.raises(StoreError, match="not in the server's memory(.|\n)*try again in a minute"):
            reader.gallery("r").search("cat", space="joint")
    finally:
        # As a server does after a restart: meanwhile the reader asks again and again.
        threading.Timer(3, lambda: administered.connection.client.load_collection(name)).start()
    assert reader.gallery("r").search("cat", space="joint")

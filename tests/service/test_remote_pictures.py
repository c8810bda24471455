"""Pictures over HTTP whose gallery was loaded from a store, from tars or from a table: given out as files are, and no further."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from object_store import BUCKET, ObjectStore, object_store
from picture_world import GALLERY, load, row
from PIL import Image
from pyarrow import parquet

from milvise.adapter import Store
from milvise.core.disk_cache import DiskCache
from milvise.core.records import record_id
from milvise.ingest.sources.remote import stores
from milvise.operations.files import Thumbnails
from milvise.service.app import make_app
from milvise.service.settings import Settings

AT = f"/api/v1/galleries/{GALLERY}/pictures"


@pytest.fixture(scope="module")
def one_server() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


@pytest.fixture
def server(one_server: ObjectStore) -> ObjectStore:
    one_server.clear()
    return one_server


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (600, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def tarred(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{name}.png")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def client_of(store: Store, sources: tuple[str, ...], pictures: dict[str, bytes], **settings: bool) -> TestClient:
    db = load(store, sources, [row(uri, data) for uri, data in pictures.items()])
    app = make_app(db, Settings(**settings))
    app.state.context.thumbnails = Thumbnails(DiskCache("tested", 2**20))
    return TestClient(app, raise_server_exceptions=False)


def test_objects_are_given_out_as_files_are(own_store: Store, server: ObjectStore) -> None:
    data = picture("red")
    server.put("2019/beach/a.png", data)
    client = client_of(own_store, (f"s3://{BUCKET}/2019",), {"beach/a.png": data})
    at = f"{AT}/{record_id('beach/a.png')}"
    original = client.get(f"{at}/original")
    assert (original.status_code, original.content, original.headers["content-type"]) == (200, data, "image/png")
    assert original.headers["content-length"] == str(len(data))
    thumbnail = client.get(f"{at}/thumbnail")
    assert Image.open(io.BytesIO(thumbnail.content)).size == (256, 13)
    asked = server.faults.count("GET", "a.png")
    assert client.get(f"{at}/thumbnail").content == thumbnail.content
    assert server.faults.count("GET", "a.png") == asked, "a thumbnail that was made is kept"
    answer = client.post(f"/api/v1/galleries/{GALLERY}/zip", json={"ids": [record_id("beach/a.png")]})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.read("a.png") == data
    without = client_of(own_store, (f"s3://{BUCKET}/2019",), {"beach/a.png": data}, originals=False)
    assert without.get(f"{at}/original").json()["code"] == "no_originals"
    assert without.get(f"{at}/thumbnail").status_code == 200


def test_a_url_of_a_manifest_is_given_out_where_its_bucket_is_a_source(own_store: Store, server: ObjectStore) -> None:
    data = picture("red")
    uri = server.put("far/a.png", data)
    at = f"{AT}/{record_id(uri)}/original"
    assert client_of(own_store, ("/somewhere",), {uri: data}).get(at).json()["code"] == "no_file"
    own_store.drop(f"{GALLERY}_visual")
    assert client_of(own_store, ("/somewhere", f"s3://{BUCKET}"), {uri: data}).get(at).content == data


@pytest.mark.parametrize("where", ["here", "there"])
def test_members_of_tars_are_given_out(where: str, own_store: Store, server: ObjectStore, tmp_path: Path) -> None:
    red, blue = picture("red"), picture("blue")
    whole = tarred(a=red, b=blue)
    (tmp_path / "0.tar").write_bytes(whole)
    server.put("d/0.tar", whole)
    source = str(tmp_path) if where == "here" else f"s3://{BUCKET}/d"
    pictures = {"0.tar/a.png": red, "0.tar/b.png": blue, "0.tar/none.png": red, "0.tar/../0.tar/a.png": red}
    client = client_of(own_store, (source,), pictures)
    assert client.get(f"{AT}/{record_id('0.tar/b.png')}/original").content == blue
    assert client.get(f"{AT}/{record_id('0.tar/a.png')}/thumbnail").status_code == 200
    for uri in ("0.tar/none.png", "0.tar/../0.tar/a.png"):
        assert client.get(f"{AT}/{record_id(uri)}/original").json()["code"] == "no_file"
    (tmp_path / "0.tar").write_bytes(tarred(a=blue, b=blue, c=red))
    server.put("d/0.tar", tarred(a=blue, b=blue, c=red))
    changed = client.get(f"{AT}/{record_id('0.tar/a.png')}/original")
    assert (changed.status_code, "changed" in changed.json()["detail"]) == (404, True)


def test_a_tar_here_is_reached_by_no_link_out_of_the_source(own_store: Store, tmp_path: Path) -> None:
    data = picture("red")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/0.tar").write_bytes(tarred(a=data))
    parquet.write_table(pa.table({"image": [data]}), tmp_path / "outside/t.parquet")
    (tmp_path / "source").mkdir()
    for name in ("0.tar", "t.parquet"):
        (tmp_path / "source" / name).symlink_to(tmp_path / "outside" / name)
    client = client_of(own_store, (str(tmp_path / "source"),), {"0.tar/a.png": data, "t.parquet/0": data})
    for uri in ("0.tar/a.png", "t.parquet/0"):
        assert client.get(f"{AT}/{record_id(uri)}/original").json()["code"] == "no_file"


def test_rows_of_a_table_are_given_out(own_store: Store, tmp_path: Path) -> None:
    data = picture("red")
    parquet.write_table(pa.table({"image": [b"other", data], "label": ["x", "y"]}), tmp_path / "t.parquet")
    rows = {"t.parquet/1": data, "t.parquet/0": data, "t.parquet/7": data, "t.parquet/x": data}
    client = client_of(own_store, (str(tmp_path),), rows)
    assert client.get(f"{AT}/{record_id('t.parquet/1')}/original").content == data
    for uri in ("t.parquet/0", "t.parquet/7", "t.parquet/x"):
        assert client.get(f"{AT}/{record_id(uri)}/original").json()["code"] == "no_file"


def test_nothing_else_is_asked_for(own_store: Store, server: ObjectStore) -> None:
    data = picture("orange")  # of which no thumbnail is kept
    server.put("secret/a.png", data)
    server.put("2019 other/a.png", data)
    server.pages["/web/a.png"] = data
    sources = (f"s3://{BUCKET}/2019", f"{server.address}/web", f"s3://key:word@{BUCKET}/secret", "relative")
    uris = [
        "../secret/a.png", "a/../../secret/a.png", "./secret/a.png", f"s3://{BUCKET}/secret/a.png", f"{server.address}/web/a.png",
        f"s3://{BUCKET}/2019 other/a.png", f"s3://{BUCKET}/2019/../secret/a.png", "/secret/a.png",
    ]  # fmt: skip
    client = client_of(own_store, sources, dict.fromkeys(uris, data))
    server.faults.asked.clear()
    for uri in uris:
        for kind in ("original", "thumbnail"):
            answer = client.get(f"{AT}/{record_id(uri)}/{kind}")
            assert (answer.status_code, answer.json()["code"]) == (404, "no_file"), uri
    assert [path for _, path, _ in server.faults.asked if "secret" in path or "web" in path or "other" in path] == []


def test_without_the_packages_there_is_no_file(own_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_opened", {})
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    client = client_of(own_store, (f"s3://{BUCKET}/2019",), {"a.png": picture("pink")})
    answer = client.get(f"{AT}/{record_id('a.png')}/original")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_file")
    assert "pip" not in answer.text


def test_what_has_another_content_is_not_given_out(own_store: Store, server: ObjectStore) -> None:
    server.put("2019/a.png", picture("blue"))
    client = client_of(own_store, (f"s3://{BUCKET}/2019",), {"a.png": picture("red")})
    answer = client.get(f"{AT}/{record_id('a.png')}/original")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_file")


def test_a_store_that_does_not_answer_is_told_without_its_name(own_store: Store, server: ObjectStore) -> None:
    data = picture("red")
    server.put("2019/a.png", data)
    client = client_of(own_store, (f"s3://{BUCKET}/2019",), {"a.png": data})
    at = f"{AT}/{record_id('a.png')}/original"
    server.faults.plan = ["503"] * 6
    answer = client.get(at)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
    assert "Retry-After" in answer.headers
    assert answer.json()["detail"] == "The store that has the picture does not answer. Try again in a moment."
    assert client.get(at).content == data

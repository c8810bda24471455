"""Pictures over HTTP: small ones, originals, how long they may be kept, and what is never given out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from picture_world import GALLERY, load, picture_gallery, row
from PIL import Image

from milvise.adapter import Store
from milvise.core.disk_cache import DiskCache
from milvise.core.records import record_id
from milvise.operations.database import Database
from milvise.operations.files import Thumbnails
from milvise.service.app import make_app
from milvise.service.settings import Settings

AT = f"/api/v1/galleries/{GALLERY}/pictures"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def files(store: Store, folder: Path) -> Iterator[Database]:
    yield from picture_gallery(store, folder)


@pytest.fixture
def client(files: Database) -> TestClient:
    return client_of(files)


def client_of(db: Database, settings: Settings | None = None) -> TestClient:
    return TestClient(make_app(db, settings or Settings()), raise_server_exceptions=False)


def links_of(client: TestClient, uri: str) -> dict[str, str]:
    answer = client.get(f"{AT}/{record_id(uri)}")
    assert answer.status_code == 200, answer.text
    links: dict[str, str] = answer.json()["links"]
    return links


def test_a_picture_is_described_with_links(client: TestClient) -> None:
    key = record_id("beach/turned.jpg")
    told = client.get(f"{AT}/{key}").json()
    assert {name: told[name] for name in ("id", "uri", "label", "width", "height", "meta")} == {
        "id": key, "uri": "beach/turned.jpg", "label": "beach/turned", "width": 40, "height": 30, "meta": {},
    }  # fmt: skip
    assert told["links"]["thumbnail"].startswith(f"{AT}/{key}/thumbnail?v=")


@pytest.mark.parametrize(
    ("uri", "size", "expected"),
    [
        ("beach/turned.jpg", 256, (128, 256)),
        ("beach/turned.jpg", 512, (256, 512)),
        ("clear.png", 256, (64, 32)),
        ("scan.tiff", 512, (512, 256)),
        ("thin.webp", 256, (256, 1)),
    ],
)
def test_a_thumbnail_keeps_proportions(client: TestClient, uri: str, size: int, expected: tuple[int, int]) -> None:
    answer = client.get(f"{AT}/{record_id(uri)}/thumbnail", params={"size": size})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == ("WEBP", expected)


def test_a_thumbnail_is_turned_as_exif_says_and_transparency_is_white(client: TestClient) -> None:
    turned = Image.open(io.BytesIO(client.get(links_of(client, "beach/turned.jpg")["thumbnail"]).content)).convert(
        "RGB"
    )
    (top_red, _, top_blue), (bottom_red, _, bottom_blue) = turned.getpixel((64, 20)), turned.getpixel((64, 236))
    assert top_blue > 200 > 50 > top_red
    assert bottom_red > 200 > 50 > bottom_blue
    clear = Image.open(io.BytesIO(client.get(links_of(client, "clear.png")["thumbnail"]).content)).convert("RGB")
    assert min(clear.getpixel((5, 5))) > 250


@pytest.mark.parametrize("size", ["0", "255", "100000", "-1", "x"])
def test_other_sizes_are_refused(client: TestClient, size: str) -> None:
    assert client.get(f"{AT}/{record_id('clear.png')}/thumbnail", params={"size": size}).status_code == 422


@pytest.mark.parametrize("kind", ["thumbnail", "original"])
def test_who_has_a_picture_is_not_sent_it_again(client: TestClient, kind: str) -> None:
    link = links_of(client, "beach/turned.jpg")[kind]
    first = client.get(link)
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = client.get(link, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get(link, headers={"If-None-Match": '"other"'}).status_code == 200


def test_only_a_link_that_names_the_content_is_kept_for_ever(client: TestClient) -> None:
    link = links_of(client, "clear.png")["thumbnail"]
    for other in (link.partition("?")[0], link[:-1], f"{link[:-1]}x", link.partition("=")[0] + "="):
        assert client.get(other).headers["cache-control"] == "public, max-age=300"


def test_behind_keys_nobody_between_may_keep_a_picture(files: Database, tmp_path: Path) -> None:
    app = make_app(files)
    app.state.context.settings = replace(Settings(), api_keys=tmp_path / "keys")
    client = TestClient(app)
    kept = client.get(f"{AT}/{record_id('clear.png')}/thumbnail").headers["cache-control"]
    assert kept == "private, max-age=300"


@pytest.mark.parametrize(
    ("uri", "kind", "shown"),
    [
        ("beach/turned.jpg", "image/jpeg", "inline"),
        ("clear.png", "image/png", "inline"),
        ("thin.webp", "image/webp", "inline"),
        ("scan.tiff", "application/octet-stream", "attachment"),
    ],
)
def test_an_original_is_the_file(client: TestClient, folder: Path, uri: str, kind: str, shown: str) -> None:
    answer = client.get(links_of(client, uri)["original"])
    name = uri.rpartition("/")[2]
    assert answer.content == (folder / uri).read_bytes()
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == f"{shown}; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_without_originals_thumbnails_are_all_there_is(files: Database) -> None:
    client = client_of(files, Settings(originals=False))
    key = record_id("clear.png")
    assert client.get(f"{AT}/{key}").json()["links"]["original"] is None
    refused = client.get(f"{AT}/{key}/original")
    assert (refused.status_code, refused.json()["code"]) == (403, "no_originals")
    assert client.get(f"{AT}/{key}/thumbnail").status_code == 200
    assert list(zipped(client, "clear.png")) == ["clear.webp"]


def test_a_picture_or_gallery_that_is_not_there(client: TestClient) -> None:
    for kind in ("", "/thumbnail", "/original"):
        unknown = client.get(f"{AT}/{'0' * 32}{kind}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert client.get(f"/api/v1/galleries/nowhere/pictures/{'0' * 32}/thumbnail").status_code == 404


def test_files_that_are_gone_or_changed_are_not_given_out(own_store: Store, tmp_path: Path) -> None:
    rows = []
    for name in ("gone.png", "changed.png", "empty.png", "text.png"):
        Image.new("RGB", (20, 20), "red").save(tmp_path / name)
        rows.append(row(name, (tmp_path / name).read_bytes()))
    (tmp_path / "gone.png").unlink()
    Image.new("RGB", (20, 20), "blue").save(tmp_path / "changed.png")
    (tmp_path / "empty.png").write_bytes(b"")
    client = client_of(load(own_store, (str(tmp_path),), rows))
    client.app.state.context.thumbnails = Thumbnails(DiskCache("tested", 2**20))  # type: ignore[attr-defined]
    for name in ("gone.png", "changed.png", "empty.png"):
        for kind in ("thumbnail", "original"):
            answer = client.get(f"{AT}/{record_id(name)}/{kind}")
            assert (answer.status_code, answer.json()["code"]) == (404, "no_file"), name
            assert str(tmp_path) not in answer.text
    assert "changed" in client.get(f"{AT}/{record_id('changed.png')}/original").json()["detail"]


def test_what_is_no_picture_has_an_original_and_no_thumbnail(own_store: Store, tmp_path: Path) -> None:
    page = b"<html><script>alert(1)</script></html>"
    (tmp_path / "page.jpg").write_bytes(page)
    client = client_of(load(own_store, (str(tmp_path),), [row("page.jpg", page)]))
    answer = client.get(f"{AT}/{record_id('page.jpg')}/original")
    assert (answer.content, answer.headers["content-type"]) == (page, "application/octet-stream")
    assert answer.headers["content-disposition"].startswith("attachment")
    refused = client.get(f"{AT}/{record_id('page.jpg')}/thumbnail")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_picture")


def test_a_thumbnail_is_made_once_and_stays_when_the_file_is_gone(own_store: Store, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), "purple").save(tmp_path / "a.png")
    client = client_of(load(own_store, (str(tmp_path),), [row("a.png", (tmp_path / "a.png").read_bytes())]))
    cache = DiskCache("tested", 2**20)
    client.app.state.context.thumbnails = Thumbnails(cache)  # type: ignore[attr-defined]
    at = f"{AT}/{record_id('a.png')}/thumbnail"
    first = client.get(at).content
    (tmp_path / "a.png").unlink()
    assert client.get(at).content == first
    assert (cache.hits, cache.misses) == (1, 1)


def zipped(client: TestClient, *uris: str) -> dict[str, bytes]:
    answer = client.post(f"/api/v1/galleries/{GALLERY}/zip", json={"ids": [record_id(uri) for uri in uris]})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_zip_holds_the_files(client: TestClient, folder: Path) -> None:
    found = zipped(client, "thin.webp", "beach/turned.jpg", "thin.webp")
    assert found == {
        "thin.webp": (folder / "thin.webp").read_bytes(),
        "turned.jpg": (folder / "beach" / "turned.jpg").read_bytes(),
    }


def test_a_zip_lists_what_is_missing_and_has_safe_names(own_store: Store, tmp_path: Path) -> None:
    uris = ["a/x.png", "b/X.png", "c/..", "e\u202egnp.exe", "gone.png"]
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ("x.png", "X.png")[number]).write_bytes(b"picture")
    (tmp_path / uris[3]).write_bytes(b"picture")
    client = client_of(load(own_store, (str(tmp_path),), [row(uri, b"picture") for uri in uris]))
    found = zipped(client, *uris)
    assert list(found) == ["x.png", "X (2).png", "e_gnp.exe", "missing.txt"]
    assert found["missing.txt"].decode().splitlines() == ["'c/..'", "'gone.png'"]


@pytest.mark.parametrize("ids", [[], ["x"], ["0" * 32] * 501, "0" * 32])
def test_a_zip_of_nothing_or_too_much_is_refused(client: TestClient, ids: object) -> None:
    assert client.post(f"/api/v1/galleries/{GALLERY}/zip", json={"ids": ids}).status_code == 422


def test_a_zip_of_an_unknown_picture_is_refused(client: TestClient) -> None:
    assert client.post(f"/api/v1/galleries/{GALLERY}/zip", json={"ids": ["0" * 32]}).status_code == 404

"""Problems are told in HTTP's terms: no command, no option, nothing of the machine behind the service."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from milvise import errors
from milvise.service.bodies.problems import STATUS, status_of
from milvise.service.bodies.wording import detail_of, in_http_terms


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "the word 'soffa' is not in the vocabulary glove (400 words). Close spellings: sofa. To search for the first of"
            " them: --fix (Python: fix=True).",
            "the word 'soffa' is not in the vocabulary glove (400 words). Close spellings: sofa. To search for the first of"
            " them: fix=true.",
        ),
        (
            "there is no gallery 'x'. Galleries here: r, s and 3 more (milvise status). Load another: milvise ingest images F",
            "there is no gallery 'x'.",
        ),
        ("no words are loaded. Load some, such as: milvise ingest words glove-6b-50d", "no words are loaded."),
        (
            "confidence is about cosines.\nExpected: --space joint, fused or ranked\nReceived: visual",
            "confidence is about cosines.\nExpected: space joint, fused or ranked\nReceived: visual",
        ),
        (
            "made with other words.\nExpected: {'words': '/home/bob/glove.txt'}\nReceived: {'words': 'x'}\nProject them:"
            " milvise project --gallery r --head conse",
            "made with other words.",
        ),
        ("Milvus cannot read the filter: at column 3\n  label ==\n        ^", "Milvus cannot read the filter: at column 3\n  label ==\n        ^"),
        ("no answer from http://10.0.0.3:19530.", "Ask who runs this service."),
        ("no answer from 10.0.0.3. Try again.", "Try again."),
    ],
)  # fmt: skip
def test_what_is_for_who_runs_the_service_is_left_out(text: str, told: str) -> None:
    assert in_http_terms(text) == told


@pytest.mark.parametrize(
    "error",
    [
        errors.StoreError("Milvus at http://bob:secret@10.0.0.3:19530 answered with code 5"),
        errors.UnavailableError("no answer from /home/bob/milvise.db"),
        errors.WeightsError("/home/bob/weights.h5 belongs to another network"),
        errors.MissingExtraError("computing vectors", "ingest"),
        errors.FingerprintError("Expected: {'head': '/home/bob/head.keras'}"),
        errors.InputError("cannot read /home/bob/feedback.jsonl"),
        errors.NotFoundError("'/home/bob/cat.jpg' is not there"),
        errors.UsageError("give it as PictureFile(path)."),
        errors.MilviseError("run milvise verify --repair"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_error_tells_of_the_machine(error: errors.MilviseError) -> None:
    told = detail_of(error)
    assert told and told[0].isupper()
    for inside in ("bob", "10.0.0.3", "milvise ", "--", "pip", "PictureFile", ".venv"):
        assert inside not in told


def test_every_error_has_a_status() -> None:
    def below(kind: type[errors.MilviseError]) -> list[type[errors.MilviseError]]:
        return [kind, *(one for each in kind.__subclasses__() for one in below(each))]

    for kind in below(errors.MilviseError):
        error = kind.__new__(kind)
        assert status_of(error) in set(STATUS.values())
    assert status_of(errors.ImageError("x")) == 422 and status_of(errors.ReplacedError("x")) == 503


def test_remarks_are_told_so_too(client: TestClient) -> None:
    document = {"words": "a soffa with cats", "fix": "true"}
    remarks = client.get("/api/v1/galleries/r/read", params=document).json()["remarks"]
    assert remarks and not any("--" in remark or "Python" in remark for remark in remarks)


def test_a_missing_picture_and_gallery_are_told_plainly(client: TestClient) -> None:
    picture = client.post("/api/v1/galleries/r/similar", json={"id": "no.jpg"})
    assert (picture.status_code, picture.json()["code"]) == (404, "not_found")
    assert picture.json()["detail"].startswith("'no.jpg' is not a picture of the gallery 'r'.")
    assert "PictureFile" not in picture.text and "this machine" not in picture.text
    gallery = client.get("/api/v1/galleries/nothing/search", params={"words": "cat"})
    assert (gallery.status_code, gallery.json()["code"]) == (404, "not_found")
    assert "ingest" not in gallery.text and gallery.json()["detail"].startswith("there is no gallery 'nothing'.")
    path = client.post("/api/v1/galleries/r/similar", json={"id": "/etc/passwd"})
    assert (path.status_code, path.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("content", "media", "status", "code"),
    [
        (b"\xff\xfe", "application/json", 422, "invalid_request"),
        (b'{"\\ud800": 1, "id": "a"}', "application/json", 422, "invalid_request"),
        (b'{"id": "\\ud800"}', "application/json", 422, "invalid_request"),
        (b'{"id": "a", "data": "aGk="}', "application/json", 422, "invalid_request"),
        (b"{}", "application/json", 422, "invalid_request"),
        (b'{"data": "%%%"}', "application/json", 422, "invalid_request"),
        (b"[" * 50_000, "application/json", 422, "invalid_request"),
        (b"id=a", "application/x-www-form-urlencoded", 415, "wrong_type"),
    ],
)
def test_what_cannot_be_read_is_a_problem(
    client: TestClient, content: bytes, media: str, status: int, code: str
) -> None:
    answer = client.post("/api/v1/galleries/r/similar", content=content, headers={"Content-Type": media})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code and answer.json()["request_id"] == answer.headers["x-request-id"]

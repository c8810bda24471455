"""What is sent, what is sent again, and what is not."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

import milvise
from milvise.client.database import RemoteDatabase, connect_to_service
from milvise.errors import DeniedError, MissingExtraError, StoreError, UnavailableError, UsageError

Answer = httpx.Response | Exception
HITS = httpx.Response(200, json={"hits": []})


def busy(retry_after: str | None = "2") -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return httpx.Response(503, json={"code": "unavailable", "detail": "Milvus does not answer."}, headers=headers)


class Script:
    """A service that gives some answers in turn; it notes the requests, and the seconds that were waited."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waited: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[RemoteDatabase, Script]]:
    def make(*answers: Answer) -> tuple[RemoteDatabase, Script]:
        script = Script(*answers)
        monkeypatch.setattr("milvise.client.connection.time.sleep", script.waited.append)
        http = httpx.Client(base_url="https://pictures.example/of/us", transport=httpx.MockTransport(script))
        return RemoteDatabase(http), script

    return make


Talk = Callable[..., tuple[RemoteDatabase, Script]]


@pytest.mark.parametrize("status", [503, 429])
def test_a_request_is_sent_again_when_the_service_says(talk: Talk, status: int) -> None:
    first, second = busy("2"), busy("0.5")
    first.status_code = second.status_code = status
    db, script = talk(first, second, HITS)
    assert db.gallery("r").search("dog") == []
    assert [request.url.path for request in script.requests] == ["/of/us/api/v1/galleries/r/search"] * 3
    assert 2 <= script.waited[0] <= 2.5
    assert 0.5 <= script.waited[1] <= 0.625


def test_a_post_that_changes_nothing_is_sent_again_with_its_body(talk: Talk) -> None:
    db, script = talk(busy(), HITS)
    assert db.gallery("r").mixed(["beach/cat.jpg"]) == []
    assert script.requests[0].content == script.requests[1].content != b""


def test_a_date_says_when_too(talk: Talk) -> None:
    db, script = talk(busy(email.utils.formatdate(time.time() + 5, usegmt=True)), HITS)
    db.gallery("r").search("dog")
    assert 3 <= script.waited[0] <= 6.25


@pytest.mark.parametrize("retry_after", [None, "60", "soon", "nan"])
def test_nobody_waits_for_long_or_for_what_was_not_said(talk: Talk, retry_after: str | None) -> None:
    db, script = talk(busy(retry_after))
    with pytest.raises(UnavailableError, match="Milvus does not answer"):
        db.gallery("r").search("dog")
    assert script.waited == []


def test_it_is_given_up_at_last(talk: Talk) -> None:
    db, script = talk(*[busy()] * 9)
    with pytest.raises(UnavailableError):
        db.gallery("r").search("dog")
    assert len(script.requests) == 4


def test_what_writes_is_sent_once(talk: Talk) -> None:
    db, script = talk(HITS, busy(), HITS)
    with pytest.raises(UnavailableError):
        db.gallery("r").refine(words="dog", liked=["beach/cat.jpg"], log="milvus")
    assert [request.url.path.rpartition("/")[2] for request in script.requests] == ["refine", "feedback"]


@pytest.mark.parametrize(
    ("failure", "match"),
    [
        (httpx.ReadTimeout("slow"), "did not answer in time"),
        (httpx.ConnectError("refused"), "cannot be reached: refused"),
        (httpx.RemoteProtocolError("cut off"), "cannot be reached: cut off"),
    ],
)
def test_no_answer_is_said_with_the_address(talk: Talk, failure: Exception, match: str) -> None:
    db, _ = talk(failure)
    with pytest.raises(UnavailableError, match=rf"https://pictures\.example/of/us/ {match}"):
        db.words.similar("dog")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"hits": [{"id": "1"}]}),
        httpx.Response(200, json={"hits": 3}),
    ],
)
def test_an_answer_that_is_none_of_milvise_is_said(talk: Talk, answer: httpx.Response) -> None:
    db, _ = talk(answer)
    with pytest.raises(StoreError, match=r"answer from https://pictures\.example cannot be read"):
        db.gallery("r").search("dog")


def test_a_key_is_sent_to_the_service_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(httpx.Response(302, headers={"Location": "https://elsewhere.example/"}), HITS)
    made = httpx.Client

    def client(**kwargs: object) -> httpx.Client:
        return made(**kwargs, transport=httpx.MockTransport(script))  # type: ignore[arg-type]

    monkeypatch.setattr(httpx, "Client", client)
    with connect_to_service("https://pictures.example", api_key="secret") as db, pytest.raises(StoreError, match="302"):
        db.gallery("r").search("dog")
    (request,) = script.requests
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["User-Agent"] == f"milvise/{milvise.__version__}"


def test_a_name_is_one_part_of_a_path(talk: Talk) -> None:
    db, script = talk()
    for name in ("../words", "a/b", "a?b", ""):
        with pytest.raises(UsageError):
            db.gallery(name)
        with pytest.raises(UsageError):
            db.status(name or "?")
    assert script.requests == []


@pytest.mark.parametrize(
    "uri",
    [
        "photos.db",
        "",
        "ftp://pictures.example",
        "https://",
        "https://me:secret@pictures.example",
        "https://a/?key=secret",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_password(uri: str) -> None:
    with pytest.raises(UsageError, match="Expected: https://host") as refused:
        milvise.connect(uri, api_key="")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"api_key": "a b"}, "cannot be sent"),
        ({"api_key": "schlüssel"}, "cannot be sent"),
        ({"api_key": "a\nb: c"}, "cannot be sent"),
        ({"api_key": "", "timeout": 0}, "more than 0"),
        ({"api_key": "", "token": "a:b"}, "token and create are for Milvus"),
        ({"api_key": "", "create": True}, "token and create are for Milvus"),
        ({"timeout": 5}, "a timeout is for a service"),
        ({"uri": None, "api_key": ""}, "which service"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        milvise.connect(**{"uri": "https://pictures.example", **given})  # type: ignore[call-overload]


@pytest.fixture
def without_httpx(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    monkeypatch.delitem(__import__("sys").modules, "milvise.client.database", raising=False)
    yield


def test_a_client_without_httpx_says_what_to_install(without_httpx: None) -> None:
    with pytest.raises(MissingExtraError, match="asking a service needs packages.*httpx"):
        milvise.connect("https://pictures.example", api_key="")


def test_a_wrong_key_is_denied(talk: Talk) -> None:
    problem = {"code": "unauthorized", "detail": "This needs a key."}
    db, _ = talk(httpx.Response(401, json=problem))
    with pytest.raises(DeniedError, match="needs a key"):
        db.gallery("r").search("dog")

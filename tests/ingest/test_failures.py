"""What libraries of stores raise, and what becomes of it: tried again or not, after how long, and told in which words."""

from __future__ import annotations

import errno
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from fsspec.exceptions import FSTimeoutError

from milvise.ingest.sources.remote import traffic
from milvise.ingest.sources.remote.failures import RemoteError, is_passing, reason_of, wait_of
from milvise.ingest.sources.remote.traffic import Traffic


def amazons(status: int, **headers: str) -> OSError:
    """Return what s3fs raises: an error of the system, caused by one of botocore."""
    response = {"Error": {"Code": "x"}, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}
    error = OSError(errno.EBUSY, "x")
    error.__cause__ = ClientError(response, "GetObject")  # type: ignore[arg-type]
    return error


def googles(code: int) -> Exception:
    """Return what gcsfs raises, which the tests do not install."""
    kind = type("HttpError", (Exception,), {"__module__": "gcsfs.retry", "code": code})
    return kind("x")  # type: ignore[no-any-return]


def azures(status: int) -> Exception:
    """Return what azure-core raises."""
    kind = type("HttpResponseError", (Exception,), {"status_code": status})
    return kind("x")  # type: ignore[no-any-return]


def webs(status: int, **headers: str) -> Exception:
    info: Any = None
    return aiohttp.ClientResponseError(info, (), status=status, headers=headers)  # type: ignore[arg-type]


def lost_in_an_answer() -> Exception:
    """Return what aiohttp raises where an answer ends before its end: its cause has the code 400, which nobody answered."""
    error = aiohttp.ClientPayloadError("x")
    error.__cause__ = type("TransferEncodingError", (Exception,), {"code": 400})("x")
    return error


@pytest.mark.parametrize("store", [amazons, googles, azures, webs])
@pytest.mark.parametrize(
    ("status", "passing", "reason"),
    [
        (503, True, "answered with HTTP 503"), (429, True, "answered with HTTP 429"), (500, True, "HTTP 500"), (404, False, "it is not there"),
        (403, False, r"access was refused \(HTTP 403\)"), (401, False, "access was refused"), (400, False, "HTTP 400"),
    ],
)  # fmt: skip
def test_answers_with_a_status(store: Any, status: int, passing: bool, reason: str) -> None:
    error = store(status)
    assert is_passing(error) is passing
    with pytest.raises(RemoteError, match=reason):
        raise RemoteError(reason_of(error))


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (ConnectionResetError(), True), (TimeoutError(), True), (FSTimeoutError(), True), (aiohttp.ServerDisconnectedError(), True),
        (ConnectTimeoutError(endpoint_url="x"), True), (lost_in_an_answer(), True), (FileNotFoundError(), False), (PermissionError(), False),
        (NoCredentialsError(), False), (ValueError("x"), False), (OSError(errno.EINVAL, "x"), False),
    ],
)  # fmt: skip
def test_errors_without_an_answer(error: Exception, passing: bool) -> None:
    assert is_passing(error) is passing
    assert reason_of(error)


def test_no_credentials_are_told_as_that() -> None:
    assert reason_of(NoCredentialsError()) == "no credentials were found in the environment"


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (webs(429, **{"Retry-After": "7"}), 7.0), (amazons(503, **{"retry-after": "2.5"}), 2.5), (webs(503), None),
        (webs(503, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), None), (webs(503, **{"Retry-After": "86400"}), 30.0),
        (webs(503, **{"Retry-After": "-3"}), 0.0),
    ],
)  # fmt: skip
def test_a_store_is_waited_for_as_long_as_it_says(
    error: Exception, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wait_of(error) == seconds
    slept: list[float] = []
    monkeypatch.setattr(traffic.time, "sleep", slept.append)
    answers = [error, None]

    def call() -> str:
        if (one := answers.pop(0)) is not None:
            raise one
        return "done"

    assert Traffic(1).request(call, "url") == "done"
    (paused,) = slept
    assert paused == seconds if seconds is not None else traffic.PAUSES_S[0] / 2 <= paused <= traffic.PAUSES_S[0]


def test_an_error_that_stays_is_told_with_its_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(traffic.time, "sleep", slept.append)

    def call() -> None:
        raise ConnectionResetError

    with pytest.raises(
        RemoteError, match=r"url: the store cannot be reached \(ConnectionResetError\); it was tried 6 times"
    ):
        Traffic(1).request(call, "url")
    assert len(slept) == 5
    assert 8 < sum(slept) < 18

"""Every error of pymilvus and gRPC becomes an error of milvise, and only passing ones are tried again."""

from __future__ import annotations

import inspect

import grpc
import pymilvus.exceptions
import pytest
from pymilvus.exceptions import ErrorCode, MilvusException

from milvise.adapter.errors import BusyError, NotLoadedError, translate, translated
from milvise.adapter.retry import PAUSES_S, retrying
from milvise.errors import (
    DeniedError,
    FilterError,
    MilviseError,
    NotFoundError,
    StoreError,
    UnavailableError,
    UnsupportedError,
)

EXCEPTIONS = [
    found for _, found in inspect.getmembers(pymilvus.exceptions, inspect.isclass) if issubclass(found, MilvusException)
]


class RpcError(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "the details"


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_no_exception_of_pymilvus_is_missed(kind: type[MilvusException]) -> None:
    with pytest.raises(MilviseError), translated():
        raise kind(message="something")


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: code.name)
def test_no_status_of_grpc_is_missed(code: grpc.StatusCode) -> None:
    with pytest.raises(MilviseError, match="the details"), translated():
        raise RpcError(code)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (100, "collection not found", NotFoundError),
        (1600, "alias not found", NotFoundError),
        (101, "collection not loaded", NotLoadedError),
        (2, "Fail connecting to server", UnavailableError),
        (1, "service not ready[standalone]", BusyError),
        (503, "channel not available", BusyError),
        (1, "[Errno 28] No space left on device", StoreError),
        (65535, "cannot parse expression: a = b", FilterError),
        (6, "unknown field 'x' at column 1", FilterError),
        (65535, "PrivilegeInsert: permission deny", DeniedError),
        (int(ErrorCode.RATE_LIMIT), "rate limit exceeded", BusyError),
        (65535, "something else", StoreError),
    ],
)
def test_codes_and_messages_say_what_is_meant(code: int, message: str, kind: type[MilviseError]) -> None:
    assert type(translate(MilvusException(code=code, message=message))) is kind


def test_a_full_disk_is_named_and_not_tried_again() -> None:
    error = translate(MilvusException(code=1, message="[Errno 28] No space left on device"))
    assert type(error) is StoreError
    assert "disk is full" in str(error)


def test_a_call_that_the_server_lacks_is_unsupported() -> None:
    assert isinstance(translate(RpcError(grpc.StatusCode.UNIMPLEMENTED)), UnsupportedError)


@pytest.mark.parametrize("error", [UnavailableError("gone"), BusyError("busy")])
def test_a_passing_failure_is_tried_again_with_growing_pauses(error: MilviseError) -> None:
    failures = iter([error, error])
    pauses: list[float] = []

    def call() -> str:
        for failure in failures:
            raise failure
        return "answer"

    assert retrying(call, sleep=pauses.append) == "answer"
    assert pauses == list(PAUSES_S[:2])


def test_a_failure_that_lasts_is_raised_in_the_end() -> None:
    pauses: list[float] = []

    def call() -> None:
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError):
        retrying(call, sleep=pauses.append)
    assert pauses == list(PAUSES_S)


def test_patience_ends_when_the_server_stays_away() -> None:
    calls, times = [], iter([0.0, 30.0, 61.0])

    def call() -> None:
        calls.append(1)
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError):
        retrying(call, sleep=lambda pause: None, clock=lambda: next(times))
    assert len(calls) == 2


@pytest.mark.parametrize("error", [FilterError("x"), NotFoundError("x"), DeniedError("x"), StoreError("x")])
def test_other_failures_are_not_tried_again(error: MilviseError) -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        retrying(call, sleep=lambda pause: pytest.fail("it must not wait"))
    assert calls == [1]

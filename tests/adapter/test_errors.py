"""Every error of pymilvus and gRPC becomes an error of milvise."""

from __future__ import annotations

import inspect

import grpc
import pymilvus.exceptions
import pytest
from pymilvus.exceptions import ErrorCode, MilvusException

from milvise.adapter.errors import MilvusBusyError, NotDoneError, NotLoadedError, translate, translated
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
        (1, "service not ready[standalone]", MilvusBusyError),
        (503, "channel not available", MilvusBusyError),
        (1, "[Errno 28] No space left on device", StoreError),
        (65535, "cannot parse expression: a = b", FilterError),
        (6, "unknown field 'x' at column 1", FilterError),
        (6, f"unknown field '{'x' * 5_000}' at column 1", FilterError),
        (1, "maximum recursion depth exceeded", FilterError),
        (65535, "PrivilegeInsert: permission deny", DeniedError),
        (int(ErrorCode.RATE_LIMIT), "rate limit exceeded", MilvusBusyError),
        (1, "[flush] Retry timeout: 22s, message=wait for flush timeout, collection: x, flusht_ts: 1", NotDoneError),
        (1, "wait for loading collection timeout, collection: x", NotDoneError),
        (1, "[query] Retry timeout: 22s", UnavailableError),
        (grpc.StatusCode.UNAVAILABLE, "[query] Retry timeout: 22s, no connection", UnavailableError),
        (65535, "rpc error: code = Unknown desc = node not match[expectedNodeID=1][actualNodeID=2]", MilvusBusyError),
        (
            65535,
            "attempt #6: rpc error: code = Canceled desc = grpc: the client connection is closing",
            MilvusBusyError,
        ),
        (65535, "something else", StoreError),
    ],
)
def test_codes_and_messages_say_what_is_meant(
    code: int | grpc.StatusCode, message: str, kind: type[MilviseError]
) -> None:
    assert type(translate(MilvusException(code=code, message=message))) is kind


def test_a_full_disk_is_named_and_not_tried_again() -> None:
    error = translate(MilvusException(code=1, message="[Errno 28] No space left on device"))
    assert type(error) is StoreError
    assert "disk is full" in str(error)


def test_a_call_that_the_server_lacks_is_unsupported() -> None:
    assert isinstance(translate(RpcError(grpc.StatusCode.UNIMPLEMENTED)), UnsupportedError)


def test_the_stack_trace_of_a_server_is_left_out() -> None:
    trace = "attempt #0: stack trace: /w/trace.go:51 github.com/milvus-io/x.StackTrace\n"
    trace += "/w/services.go:116 github.com/milvus-io/milvus/internal/datacoord.(*Server).Flush: the disk hums"
    error = translate(MilvusException(code=65535, message=trace))
    assert str(error) == "Milvus answered with code 65535: the disk hums"
    assert len(str(translate(MilvusException(code=65535, message="x" * 10_000)))) < 700

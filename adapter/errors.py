"""The one place where errors of pymilvus and gRPC become errors of milvise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from pymilvus.exceptions import (
    ConnectError,
    DataNotMatchException,
    MilvusException,
    MilvusUnavailableException,
    ParamError,
)

from milvise.errors import (
    DeniedError,
    FilterError,
    MilviseError,
    NotFoundError,
    StoreError,
    UnavailableError,
    UnsupportedError,
    UsageError,
)

_UNAVAILABLE_CODE = 2
# Too many requests, internal, rate limit; then replicas, channels and nodes that are not there yet after a restart.
_BUSY_CODES = {4, 5, 8, 103, 401, 402, 501, 503, 901, 902, 903, 905}
_NOT_FOUND_CODES = {100, 1600}
_NOT_LOADED_CODE = 101
# pymilvus gives up on a call, or on waiting for what a call began, with code 1 and these words.
_NO_ANSWER = re.compile(r"Retry timeout|Retry run out", re.IGNORECASE)
_NOT_DONE = re.compile(r"wait for .* timeout", re.IGNORECASE)
# Code 1 is "not ready" of a server, but also pymilvus' and Milvus Lite's code for anything unexpected.
_NOT_READY = re.compile(r"not ready|not healthy", re.IGNORECASE)
# For a minute after a restart the parts of a server look for each other; what they say then carries any code.
_COMING_BACK = re.compile(
    r"node not (match|found)|session not found|connection refused|not serving|fail(ed)? to get shard leaders"
    r"|channel not available|no available (query|data) ?node|server (is )?id mismatch|context canceled|code = (Canceled|Unavailable)|connection is closing",
    re.IGNORECASE,
)
_LONGEST_MESSAGE = 600
_BAD_FILTER = re.compile(
    # The place is cut off where a name is long; the recursion is that of Milvus Lite's parser.
    r"cannot parse expression|at column \d+|create query plan|unknown field '|maximum recursion depth",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"Errno 28|No space left", re.IGNORECASE)
_DENIED = re.compile(r"permission deny|PrivilegeErr|auth check failure|unauthenticated", re.IGNORECASE)
_TRANSIENT_RPC = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED}
_DENIED_RPC = {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED}


class NotLoadedError(StoreError):
    """The collection is there but not in memory."""


class MilvusBusyError(StoreError):
    """The server asks to be called again later."""

    code = "busy"


class NotDoneError(StoreError):
    """The server answers, and what was asked for is not done yet."""


def translate(error: Exception) -> MilviseError:
    """Return the error of milvise that says what this error of pymilvus or gRPC means."""
    if isinstance(error, grpc.RpcError):
        return _translate_rpc(error)
    if isinstance(error, MilvusException):
        return _translate_status(error)
    return StoreError(f"pymilvus failed: {type(error).__name__}: {error}")


def _translate_rpc(error: grpc.RpcError) -> MilviseError:
    return _translate_code(error.code(), error.details())


def _translate_code(code: grpc.StatusCode, details: str | None) -> MilviseError:
    if code in _TRANSIENT_RPC:
        return UnavailableError(f"Milvus did not answer: {code.name}: {details}")
    if code in _DENIED_RPC:
        return DeniedError(f"Milvus refused this call: {details}. Check MILVISE_TOKEN and its privileges.")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return UnsupportedError(f"the connected Milvus does not have this call: {details}. Upgrade the server.")
    return StoreError(f"Milvus answered {code.name}: {details}")


def _translate_status(error: MilvusException) -> MilviseError:
    message = _without_trace(str(error.message))
    if isinstance(error.code, grpc.StatusCode):
        return _translate_code(error.code, message)
    if _DENIED.search(message):
        return DeniedError(f"Milvus refused this call: {message}. Check MILVISE_TOKEN and its privileges.")
    if _DISK_FULL.search(message):
        return StoreError(
            f"Milvus' disk is full: {message}. Free some space and run the command again; nothing is lost."
        )
    if error.code in _NOT_FOUND_CODES:
        return NotFoundError(f"Milvus does not have it: {message}")
    if error.code == _NOT_LOADED_CODE:
        return NotLoadedError(
            f"the collection is not in the server's memory: {message}. Where the server was started a moment ago, try again in"
            " a minute; else it was released, and any search by a user who may load it brings it back."
        )
    if _BAD_FILTER.search(message):
        return FilterError(f"Milvus cannot read the filter: {message}")
    if isinstance(error, (ParamError, DataNotMatchException)):
        return UsageError(f"Milvus cannot take this value: {message}")
    if isinstance(error, (ConnectError, MilvusUnavailableException)) or error.code == _UNAVAILABLE_CODE:
        return UnavailableError(f"no answer from Milvus: {message}")
    if error.code in _BUSY_CODES or _NOT_READY.search(message) or _COMING_BACK.search(message):
        return MilvusBusyError(f"Milvus is busy: {message}")
    if _NOT_DONE.search(message):
        return NotDoneError(f"Milvus is not done yet: {message}")
    if _NO_ANSWER.search(message):
        return UnavailableError(f"no answer from Milvus: {message}")
    if getattr(error, "retriable", False):
        return MilvusBusyError(f"Milvus is busy: {message}")
    return StoreError(f"Milvus answered with code {error.code}: {message}")


def _without_trace(message: str) -> str:
    """Return what a server says, without the stack trace of its own code that some answers begin with."""
    if "stack trace:" in message:
        message = re.sub(r"^\S*\s*github\.com/\S+?: ", "", message.splitlines()[-1])
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


@contextmanager
def translated() -> Iterator[None]:
    """Turn what pymilvus and gRPC raise inside this block into errors of milvise."""
    try:
        yield
    except (MilvusException, grpc.RpcError) as error:
        raise translate(error) from error

"""What went wrong with a request to a store, whatever library says it: whether to try again, and the reason in words."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from http.client import IncompleteRead

PASSING_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504))
MOST_WAIT_S = 30.0

_LOST: dict[str, tuple[str, ...]] = {
    "aiohttp": ("ClientConnectionError", "ClientPayloadError"),
    "botocore.exceptions": ("HTTPClientError", "ConnectionError"),
    "botocore.parsers": ("ResponseParserError",),
    "azure.core.exceptions": ("ServiceRequestError", "ServiceResponseError", "IncompleteReadError"),
}


class RemoteError(OSError):
    """A request that failed for good.

    Attributes
    ----------
    reason : str
        In words, for people.
    status : int, optional
        Of HTTP, if the store answered.
    passing : bool
        Whether it was tried several times, so that it may succeed later.
    """

    def __init__(self, reason: str, *, status: int | None = None, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.passing = passing


class CutShortError(ConnectionError):
    """An answer that ended before its end."""


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error, or what caused it, carries; None if nothing answered."""
    for one in _chain(error):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if isinstance(status, int):
                return status
        # aiohttp calls a connection that was lost in the middle of an answer code 400.
        for name in (
            ("status", "status_code", "code") if type(one).__module__.startswith("gcsfs") else ("status", "status_code")
        ):
            status = getattr(one, name, None)
            if isinstance(status, int) and 100 <= status < 600:
                return status
    return None


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may succeed in a moment: the connection was lost, or the store is too busy."""
    if isinstance(error, RemoteError):
        return error.passing
    status = status_of(error)
    if status is not None and status != 200:
        return status in PASSING_STATUS
    return any(isinstance(one, _lost_types()) for one in _chain(error))


def wait_of(error: BaseException) -> float | None:
    """Return the seconds that the store asks to wait (``Retry-After``), None if it asks for none."""
    for one in _chain(error):
        headers = getattr(one, "headers", None)
        response = getattr(one, "response", None)
        if headers is None and isinstance(response, dict):
            headers = response.get("ResponseMetadata", {}).get("HTTPHeaders")
        try:
            asked = (headers or {}).get("Retry-After") or (headers or {}).get("retry-after")
            if asked is not None:
                return min(MOST_WAIT_S, max(0.0, float(asked)))
        except (AttributeError, TypeError, ValueError):  # such as a date
            continue
    return None


def reason_of(error: BaseException) -> str:
    """Return in words why a request failed."""
    if isinstance(error, RemoteError):
        return error.reason
    status = status_of(error)
    if status == 404 or (status is None and isinstance(error, FileNotFoundError)):
        return "it is not there (any more)"
    if status in (401, 403) or (status is None and isinstance(error, PermissionError)):
        return f"access was refused{f' (HTTP {status})' if status else ''}"
    if type(error).__name__ in ("NoCredentialsError", "DefaultCredentialsError"):
        return "no credentials were found in the environment"
    if status is not None and status >= 400:
        return f"the store answered with HTTP {status}"
    if any(isinstance(one, _lost_types()) for one in _chain(error)):
        return f"the store cannot be reached ({type(error).__name__})"
    return f"{type(error).__name__}: {error}"


def _lost_types() -> tuple[type[BaseException], ...]:
    """Return what libraries that are loaded raise for a lost connection."""
    found: list[type[BaseException]] = [ConnectionError, TimeoutError, asyncio.TimeoutError, IncompleteRead]
    for module, names in _LOST.items():
        if module in sys.modules:
            found += [getattr(sys.modules[module], name) for name in names if hasattr(sys.modules[module], name)]
    return tuple(found)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__

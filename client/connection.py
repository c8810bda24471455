"""Requests to a service: pooled connections, timeouts, and another try where the service says when."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from milvise.client.problems import error_of, origin
from milvise.errors import StoreError, UnavailableError

Answer = TypeVar("Answer")
Parameter = str | int | float | bool | None
Read = Callable[[Any], Answer]
"""From the JSON of an answer to what it stands for."""

ATTEMPTS = 4
MOST_WAIT_S = 10.0
"""Where a service asks for more patience than that, the caller decides."""

_LATER = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Connection:
    """Sends requests and reads answers; threads may share it.

    Parameters
    ----------
    http : httpx.Client
        With the address of the service as its ``base_url``; closed by `close`.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, read: Read[Answer], *path: str, **parameters: Parameter) -> Answer:
        """Return what a GET answers; parameters that are None or ``""`` are left out."""
        return self._ask("GET", path, read, parameters=parameters)

    def post(self, read: Read[Answer], *path: str, body: Mapping[str, Any]) -> Answer:
        """Return what a POST of JSON answers that changes nothing, and may be sent again."""
        return self._ask("POST", path, read, body=body)

    def upload(self, read: Read[Answer], *path: str, data: bytes, media_type: str, **parameters: Parameter) -> Answer:
        """Return what a POST of a picture file answers; nothing is changed by it."""
        return self._ask("POST", path, read, parameters=parameters, data=data, media_type=media_type)

    def content(self, *path: str, **parameters: Parameter) -> bytes:
        """Return the bytes that a GET answers."""
        return self._repeated("GET", path, parameters).content

    def write(self, *path: str, body: Mapping[str, Any]) -> None:
        """Send what changes something, once."""
        _require_answered(self._sent("POST", path, {}, body, None, None))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        read: Read[Answer],
        *,
        parameters: Mapping[str, Parameter] | None = None,
        body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        media_type: str | None = None,
    ) -> Answer:
        answer = self._repeated(method, path, parameters or {}, body, data, media_type)
        try:
            return read(answer.json())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"the answer from {origin(answer)} cannot be read ({type(error).__name__}: {error}).\nExpected: a milvise service of"
                f" this version\nReceived: {answer.headers.get('content-type', 'no content type')}"
            ) from error

    def _repeated(
        self,
        method: str,
        path: tuple[str, ...],
        parameters: Mapping[str, Parameter],
        body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        media_type: str | None = None,
    ) -> httpx.Response:
        """Send a request until it is answered, or there is no reason to wait."""
        answer = self._sent(method, path, parameters, body, data, media_type)
        for _ in range(ATTEMPTS - 1):
            wait_s = _wait_s(answer)
            if wait_s is None:
                break
            # Clients that were refused together do not come back together.
            time.sleep(wait_s * random.uniform(1.0, 1.25))  # noqa: S311
            answer = self._sent(method, path, parameters, body, data, media_type)
        _require_answered(answer)
        return answer

    def _sent(
        self,
        method: str,
        path: tuple[str, ...],
        parameters: Mapping[str, Parameter],
        body: Mapping[str, Any] | None,
        data: bytes | None,
        media_type: str | None,
    ) -> httpx.Response:
        wanted = {name: value for name, value in parameters.items() if value is not None and value != ""}
        address = "/api/v1/" + "/".join(quote(part, safe="") for part in path)
        headers = {} if media_type is None else {"Content-Type": media_type}
        try:
            return self._http.request(method, address, params=wanted, json=body, content=data, headers=headers)
        except httpx.TimeoutException as error:
            raise UnavailableError(f"the service at {self._http.base_url} did not answer in time.") from error
        except httpx.TransportError as error:
            raise UnavailableError(f"the service at {self._http.base_url} cannot be reached: {error}") from error


def _require_answered(answer: httpx.Response) -> None:
    if not answer.is_success:
        raise error_of(answer)


def _wait_s(answer: httpx.Response) -> float | None:
    """Return how long to wait before the next try, None where there is to be none."""
    if answer.status_code not in _LATER:
        return None
    text = answer.headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    # Not a number is no time either.
    return max(seconds, 0.0) if seconds <= MOST_WAIT_S else None

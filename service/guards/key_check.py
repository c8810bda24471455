"""Who asks, and how often: decided before anything of a request's body is read."""

from __future__ import annotations

import math

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from milvise.service.bodies.problems import problem
from milvise.service.guards.buckets import Buckets, sender_of
from milvise.service.guards.key_file import KeyFile, hashed

GUARDED = ("/api/", "/metrics")
"""What begins so needs a key. The page, its files and whether the service runs do not: the page asks people for their key."""

WRONG_KEY_COST = 20
"""A wrong key counts as so many requests."""


class KeyCheck:
    """Middleware: notes the role of a request's key in its scope, as ``milvise.role``, or answers 401 or 429.

    The sender's address is counted first, by the connection alone: ``X-Forwarded-For`` is what anybody may write. A known key is counted
    by itself from then on, so that people behind one address do not share a limit.

    Parameters
    ----------
    app : ASGI application
    keys : KeyFile, optional
        Without one, all who reach the service may do all.
    requests_per_minute : int, optional
        Without one, nothing is counted.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None, requests_per_minute: int | None) -> None:
        self._app = app
        self._keys = keys
        self._buckets = None if requests_per_minute is None else Buckets(requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        sender = sender_of(scope["client"][0] if scope.get("client") else "")
        if wait_s := self._taken(sender):
            return _too_many(wait_s)
        if self._keys is None:
            scope["milvise.role"] = "write"
            return None
        if not scope["path"].startswith(GUARDED):
            return None
        given = Headers(scope=scope).getlist("Authorization")
        key = _key(given)
        role = None if key is None else self._keys.role_of(key)
        if key is None or role is None:
            if given and self._buckets is not None:
                self._buckets.charge(sender, WRONG_KEY_COST - 1)
            return _denied(is_given=bool(given))
        scope["milvise.role"] = role
        if self._buckets is not None:
            self._buckets.give_back(sender)
            if wait_s := self._taken(f"key {hashed(key)}"):
                return _too_many(wait_s)
        return None

    def _taken(self, sender: str) -> float:
        return 0.0 if self._buckets is None else self._buckets.take(sender)


def _key(given: list[str]) -> str | None:
    if len(given) != 1:
        return None
    scheme, _, key = given[0].partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _denied(*, is_given: bool) -> Response:
    told = "This key is not known." if is_given else "This needs a key: Authorization: Bearer KEY."
    challenge = 'Bearer error="invalid_token"' if is_given else "Bearer"
    return problem(401, "denied", told, headers={"WWW-Authenticate": challenge})


def _too_many(wait_s: float) -> Response:
    after = str(math.ceil(wait_s))
    return problem(
        429, "too_many_requests", f"Too many requests. Try again in {after} s.", headers={"Retry-After": after}
    )

"""The check of the key, before anything of a request's body is read."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from milvise.service.key_file import KeyFile
from milvise.service.keys import Role
from milvise.service.problems import problem

GUARDED = ("/api/", "/metrics")
"""What begins so needs a key. The page, its files and whether the service runs do not: the page asks people for their key."""


class KeyCheck:
    """Middleware: notes the role of a request's key in its scope, as ``milvise.role``, or answers 401.

    Parameters
    ----------
    app : ASGI application
    keys : KeyFile, optional
        Without one, all who reach the service may do all.
    """

    def __init__(self, app: ASGIApp, keys: KeyFile | None) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            if self._keys is None:
                scope["milvise.role"] = "write"
            elif scope["path"].startswith(GUARDED):
                headers = Headers(scope=scope)
                role = self._role(headers.getlist("Authorization"))
                if role is None:
                    is_given = "Authorization" in headers
                    await _refusal(is_given)(scope, receive, send)
                    return
                scope["milvise.role"] = role
        await self._app(scope, receive, send)

    def _role(self, given: list[str]) -> Role | None:
        assert self._keys is not None
        if len(given) != 1:
            return None
        scheme, _, key = given[0].partition(" ")
        return self._keys.role_of(key.strip()) if scheme.lower() == "bearer" else None


def _refusal(is_given: bool) -> ASGIApp:
    told = "This key is not known." if is_given else "This needs a key: Authorization: Bearer KEY."
    challenge = 'Bearer error="invalid_token"' if is_given else "Bearer"
    return problem(401, "denied", told, headers={"WWW-Authenticate": challenge})

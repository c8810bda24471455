"""From where a browser may ask: pages of strangers, and names that strangers point at this machine, are refused.

A service without keys trusts whoever reaches this machine's loopback. So does the browser of its owner, on behalf of any page: a page may send
forms there, and by DNS rebinding (its own name suddenly means 127.0.0.1) read the answers.

References
----------
Jackson et al. 2007, "Protecting Browsers from DNS Rebinding Attacks", CCS. W3C, "Fetch Metadata Request Headers".
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from milvise.service.bodies.problems import problem
from milvise.service.settings import is_loopback

_READING = ("GET", "HEAD", "OPTIONS")


class Origins:
    """Middleware: answers 421 to names that are not this machine's, and 403 to what pages of others would change.

    Parameters
    ----------
    app : ASGI application
    cors : collection of str
        Origins whose pages may do all.
    has_keys : bool
        Whether a key is asked for, which no browser sends by itself.
    """

    def __init__(self, app: ASGIApp, cors: Collection[str], has_keys: bool) -> None:
        self._app = app
        self._cors = frozenset(cors)
        self._has_keys = has_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refusal = self._refusal(scope) if scope["type"] == "http" and not self._has_keys else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("Host", "")
        reached = (scope.get("server") or ("", None))[0]
        if is_loopback(reached) and not _means_loopback(host):
            return problem(
                421, "wrong_host", "A service without keys is asked by the name localhost or a loopback address alone."
            )
        origin = headers.get("Origin")
        if scope["method"] in _READING or origin in self._cors:
            return None
        is_foreign = headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") or (
            origin is not None and urlsplit(origin).netloc != host
        )
        return problem(403, "wrong_origin", "A page of another site may not do this.") if is_foreign else None


@lru_cache(maxsize=100)
def _means_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.endswith(".localhost")

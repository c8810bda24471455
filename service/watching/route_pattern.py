"""The pattern of the route that answered a request, such as ``/api/v1/galleries/{gallery}/search``."""

from __future__ import annotations

from starlette.types import Scope

API = "/api/v1"
FILES = "/static"
"""The files of the page, which have no routes of their own."""


def route_pattern(scope: Scope) -> str | None:
    """Return the pattern, None where no route answered: the path is unknown, or the request was refused before."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return FILES if scope["path"].startswith(f"{FILES}/") else None
    # Some versions of FastAPI tell the pattern without the prefix under which the routes were included.
    return f"{API}{path}" if scope["path"].startswith(f"{API}/") and not path.startswith(f"{API}/") else path

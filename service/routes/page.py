"""The page: files that lie beside this code, nothing computed."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parents[1] / "page" / "static"

CACHED = "no-cache"
"""Browsers keep the files, and ask each time whether they are still the same: an upgrade shows at once."""

router = APIRouter(include_in_schema=False)


@router.get("/")
def page() -> FileResponse:
    """Answer with the page; what it shows comes from the routes below ``/api/v1``."""
    return FileResponse(STATIC / "index.html", media_type="text/html", headers={"Cache-Control": CACHED})


class PageFiles(StaticFiles):
    """The scripts, styles, drawings and messages of the page, and nothing else on this machine."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or with 404."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = CACHED
        return answer

"""The application: routes, what stands around them, and the page."""

from __future__ import annotations

from fastapi import FastAPI

from milvise import __version__
from milvise.operations.database import Database
from milvise.service.context import Context
from milvise.service.inference import Gate
from milvise.service.key_check import KeyCheck
from milvise.service.key_file import KeyFile
from milvise.service.problems import add_problems
from milvise.service.request_id import RequestIds
from milvise.service.routes import browse, health, page, searches
from milvise.service.settings import Settings

API = "/api/v1"


def make_app(db: Database, settings: Settings | None = None) -> FastAPI:
    """Return the application that answers for one Milvus.

    Parameters
    ----------
    db : Database
        Stays open for as long as the application is used; who opened it closes it.
    settings : Settings, optional
        By default open, for this machine alone.
    """
    app = FastAPI(
        title="milvise",
        version=__version__,
        description="Search collections of pictures by meaning.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    settings = settings or Settings()
    app.state.context = Context(db, settings, {})
    app.state.gate = Gate(settings.waiting)
    add_problems(app)
    app.include_router(health.router)
    app.include_router(page.router)
    app.mount("/static", page.PageFiles())
    app.include_router(searches.router, prefix=API)
    app.include_router(browse.router, prefix=API)
    # The last one added is the first to see a request.
    app.add_middleware(KeyCheck, keys=None if settings.api_keys is None else KeyFile(settings.api_keys))
    app.add_middleware(RequestIds)
    return app

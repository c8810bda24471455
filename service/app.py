"""The application: routes, what stands around them, and the page."""

from __future__ import annotations

from fastapi import FastAPI

from milvise import __version__
from milvise.operations.database import Database
from milvise.operations.shadow import Shadow
from milvise.service.bodies.openapi import describe
from milvise.service.bodies.problems import add_problems
from milvise.service.context import Context
from milvise.service.guards.add_guards import add_guards
from milvise.service.guards.inference import Gate
from milvise.service.guards.whole_gallery import MOST_WAITING, PATIENCE_S
from milvise.service.routes import (
    archives,
    briefs,
    browse,
    by_picture,
    explain,
    facets,
    feedback,
    galleries,
    page,
    pictures,
    searches,
    suggestions,
    tags,
    upkeep,
    words,
)
from milvise.service.routes.plain_searches import PlainSearches
from milvise.service.search_batch import BatchSearcher
from milvise.service.settings import Settings
from milvise.service.together import Together
from milvise.service.watching.instruments import add_instruments
from milvise.service.watching.request_id import RequestIds
from milvise.service.watching.route_pattern import API


def make_app(db: Database, settings: Settings | None = None, searcher: BatchSearcher | None = None) -> FastAPI:
    """Return the application that answers for one Milvus.

    Parameters
    ----------
    db : Database
        Stays open for as long as the application is used; who opened it closes it.
    settings : Settings, optional
        By default open, for this machine alone.
    searcher : BatchSearcher, optional
        What makes searches by words; by default threads of this process. Who made it closes it.
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
    app.state.context = Context(db, settings, {}, Together(searcher))
    app.state.gate = Gate(settings.waiting)
    app.state.whole_gallery_gate = Gate(MOST_WAITING, PATIENCE_S)
    add_problems(app)
    for routes in (
        searches, by_picture, briefs, browse, pictures, archives, explain, tags, galleries, upkeep, words, feedback, facets,
        suggestions,
    ):  # fmt: skip
        app.include_router(routes.router, prefix=API)
    app.router.routes.insert(0, PlainSearches(app.state.context))
    app.include_router(page.router)
    app.mount("/static", page.PageFiles())
    add_guards(app, settings)
    # What is refused before the routes is measured too.
    queues = {"network": app.state.gate, "whole_gallery": app.state.whole_gallery_gate}
    add_instruments(app, db, queues=queues, cache=app.state.context.thumbnails.cache)
    if settings.shadow:
        metrics = app.state.metrics
        app.state.context.shadow = Shadow(
            db, settings.shadow, metrics.compared, metrics.shadow_failed.labels("dropped").inc
        )
    app.add_middleware(RequestIds)
    describe(app)
    return app

"""What shows a service running: metrics, whether it is ready, and traces."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI

from milvise.operations.readiness import readiness
from milvise.queries.database import Database
from milvise.service.routes import health, metrics
from milvise.service.watching.measured import Measured
from milvise.service.watching.metrics import Metrics
from milvise.service.watching.sampled import Cache, CacheCollector, GalleryCollector, Queue, QueueCollector
from milvise.service.watching.traces import add_traces
from milvise.service.watching.watch import Watch


def add_instruments(app: FastAPI, db: Database, *, queues: Mapping[str, Queue], cache: Cache) -> None:
    """Measure the requests of an application, and answer ``/metrics``, ``/healthz`` and ``/readyz``.

    Call it after everything else that stands before the routes was added: what is refused there is measured too.

    Parameters
    ----------
    queues : mapping of str to Queue
        What requests wait in, by name.
    cache : Cache
        Where thumbnails are kept.
    """
    app.state.metrics, app.state.watch = Metrics(), Watch(lambda: readiness(db))
    registry = app.state.metrics.registry
    for collector in (QueueCollector(queues), CacheCollector(cache), GalleryCollector(app.state.watch)):
        registry.register(collector)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.add_middleware(Measured, metrics=app.state.metrics)
    add_traces(app)

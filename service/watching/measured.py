"""Each request is measured: its route, status and time, and what it does on the way."""

from __future__ import annotations

import time
from threading import Lock

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milvise.core.stages import Stage, watched
from milvise.service.watching.metrics import Metrics
from milvise.service.watching.route_pattern import route_pattern

STAGES_KEY = "milvise.stages"
"""Where a request's scope holds the seconds of its stages."""

_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")


class Measured:
    """Middleware: writes what a request took, and why, to the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started, recorder = 500, time.perf_counter(), Recorder(self._metrics)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        scope[STAGES_KEY] = recorder.seconds
        try:
            with self._metrics.http_in_progress.track_inprogress(), watched(recorder):
                await self._app(scope, receive, sending)
        finally:
            took = time.perf_counter() - started
            # Refused before a route was found, or there is none.
            route = route_pattern(scope) or "none"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.http_requests.labels(route, method, str(status)).inc()
            self._metrics.http_seconds.labels(route).observe(took)
            for stage, seconds in recorder.seconds.items():
                self._metrics.stage_seconds.labels(stage).observe(seconds)


class Recorder:
    """A watcher of one request, which adds up its stages; see `milvise.core.stages.Watcher`.

    Attributes
    ----------
    seconds : dict of str to float
        By stage.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.seconds: dict[Stage, float] = {}
        self._metrics = metrics
        self._lock = Lock()

    def stage(self, name: Stage, seconds: float) -> None:
        """Add the time of a stage."""
        with self._lock:
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def confidence(self, best: float) -> None:
        """Count a search by its best confidence."""
        self._metrics.judge(best)

    def request(self, kind: str, *, hits: int | None, error: str) -> None:
        """Count a question."""
        self._metrics.count(kind, hits=hits, error=error)

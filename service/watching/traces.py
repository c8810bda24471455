"""Traces for OpenTelemetry, where its packages are installed and its standard variables ask for them.

One span for each request, with its route, status, request id and the times of its stages. Words, filters and other text of people
are left out, as in the log.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from importlib.metadata import entry_points
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milvise.errors import MissingExtraError, UsageError
from milvise.service.watching.measured import STAGES_KEY
from milvise.service.watching.request_id import current_request_id
from milvise.service.watching.route_pattern import route_pattern

_ASKING = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PACKAGED = {"otlp": ("otlp", "otlp_proto_http", "otlp_proto_grpc")}
_PRIVATE = ("url.query", "url.full", "http.url", "http.target", "client.address", "net.peer.ip")


def are_wanted() -> bool:
    """Return whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(os.environ.get(name) for name in _ASKING)


def add_traces(app: FastAPI) -> None:
    """Send a span for each request, if the environment asks for it.

    ``OTEL_EXPORTER_OTLP_ENDPOINT`` says where to, ``OTEL_TRACES_EXPORTER`` what by (``otlp`` or ``console``), ``OTEL_SERVICE_NAME`` under which
    name, ``OTEL_TRACES_SAMPLER`` how many.

    Raises
    ------
    MissingExtraError
        If the packages of the extra ``otel`` are not installed.
    UsageError
        If there is no such exporter.
    """
    if not are_wanted():
        return
    try:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise MissingExtraError("sending traces", "otel") from None
    name = os.environ.get("OTEL_SERVICE_NAME", "milvise")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    app.state.traces = provider
    app.add_middleware(SpanStages)
    app.add_middleware(
        OpenTelemetryMiddleware, tracer_provider=provider, exclude_spans=["receive", "send"], server_request_hook=_without_texts,
        excluded_urls="healthz,readyz,metrics",
    )  # fmt: skip


class SpanStages:
    """Middleware: notes on the span of a request what was measured of it until its answer begins; the span ends with the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from opentelemetry import trace

        span = trace.get_current_span()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = route_pattern(scope)
                if route:
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
                span.set_attribute("milvise.request_id", current_request_id())
                for stage, seconds in scope.get(STAGES_KEY, {}).items():
                    span.set_attribute(f"milvise.stage.{stage}_ms", round(1000 * seconds, 3))
            await send(message)

        await self._app(scope, receive, sending)


def exporter() -> Any:
    """Return what sends spans, as the environment names it; errors as `add_traces`."""
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    for name in _PACKAGED.get(wanted, (wanted,)):
        for point in entry_points(group="opentelemetry_traces_exporter", name=name):
            return point.load()()
    if wanted == "otlp":
        raise MissingExtraError("sending traces", "otel")
    raise UsageError(
        f"there is no exporter of traces of this name.\nExpected: otlp or console\nReceived: OTEL_TRACES_EXPORTER={wanted}"
    )


def _without_texts(span: Any, _: MutableMapping[str, Any]) -> None:
    """Take out what people asked for, and who they are."""
    for name in _PRIVATE:
        if name in (span.attributes or {}):
            span.set_attribute(name, "")

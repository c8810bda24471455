"""What Prometheus reads."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client.exposition import choose_encoder

router = APIRouter(tags=["health"])

_READ = {
    "content": {
        "text/plain": {"schema": {"type": "string"}},
        "application/openmetrics-text": {"schema": {"type": "string"}},
    }
}


@router.get(
    "/metrics", response_class=Response, responses={200: {"description": "In the format of Prometheus.", **_READ}}
)
def metrics(request: Request) -> Response:
    """Show counters, histograms and gauges; a service with keys asks for one."""
    encode, media_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(request.app.state.metrics.registry), media_type=media_type)

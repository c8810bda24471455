"""Requests that read a whole gallery: one at a time, so that they do not take the threads that searches need."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from milvise.service.guards.inference import Gate

MOST_WAITING = 4
PATIENCE_S = 600.0


async def whole_gallery_gate_of(request: Request) -> Gate:
    """Return the gate before such requests of the service that a request came to."""
    gate: Gate = request.app.state.whole_gallery_gate
    return gate


WholeGallery = Annotated[Gate, Depends(whole_gallery_gate_of)]
"""A route that reads a whole gallery names this parameter type, and calls ``whole.run(lambda: …)``."""

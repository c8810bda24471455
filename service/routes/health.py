"""Whether the service runs, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process runs; nothing else is asked."""
    return {"status": "ok"}

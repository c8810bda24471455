"""Whether the service runs, and whether it can answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from milvise.operations.readiness import CheckName
from milvise.service.watching.watch import Watch

router = APIRouter(tags=["health"])

FRESH_S = 5.0
PATIENCE_S = 3.0
STALE_S = 15.0


class CheckBody(BaseModel):
    """One thing that was looked at."""

    name: CheckName
    ok: bool
    needed: bool = Field(description="Whether the service is not ready without it.")
    detail: str = Field(description="What there is, or what is missing.")


class ReadyBody(BaseModel):
    """Whether the service can answer."""

    status: Literal["ready", "not ready"]
    checks: list[CheckBody]


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process runs; nothing else is asked."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": ReadyBody, "description": "Something is missing that is needed."}})
def readyz(request: Request, response: Response) -> ReadyBody:
    """Say whether requests can be answered, and what is missing; Milvus is looked at once in five seconds at most."""
    watch: Watch = request.app.state.watch
    found = watch.look(fresh_s=FRESH_S, patience_s=PATIENCE_S, stale_s=STALE_S)
    if not found.is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = str(round(FRESH_S))
    checks = [CheckBody(name=one.name, ok=one.ok, needed=one.needed, detail=one.detail) for one in found.checks]
    return ReadyBody(status="ready" if found.is_ready else "not ready", checks=checks)

"""Which role a route asks for: each may do what those before it may, ``read``, ``feedback``, ``write``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from milvise.service.guards.key_file import ROLES, Role

_bearer = HTTPBearer(
    auto_error=False, description="A key that `milvise keys add` made; needed where the service has keys."
)


def require(role: Role) -> Callable[..., Awaitable[None]]:
    """Return a dependency that refuses whose key has a lower role: ``dependencies=[Depends(require("write"))]``.

    The key itself was checked before the body was read (`milvise.service.guards.key_check`), which notes its role in the scope of the request. Where
    a service has no keys, all who reach it may do all.
    """
    needed = ROLES.index(role)

    async def check(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        held: Role | None = request.scope.get("milvise.role")
        if held is None:
            raise HTTPException(401, "This needs a key: Authorization: Bearer KEY.", {"WWW-Authenticate": "Bearer"})
        if ROLES.index(held) < needed:
            raise HTTPException(403, f"This needs a key with the role {role}; this one has {held}.")

    return check

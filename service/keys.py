"""Who may ask for what: keys with roles, kept as hashes in a file.

A key is 256 random bits, so one round of SHA-256 hides it: a slow hash such as scrypt protects what people think of, and would let strangers
keep the processor busy with wrong keys. Whoever reads the file learns no key.

References
----------
Grassi et al. 2017, "Digital Identity Guidelines", NIST SP 800-63B, section 5.1.2.2: secrets of 112 bits and more need no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Annotated, Literal, get_args

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

Role = Literal["read", "feedback", "write"]
"""Each role may do what those before it may."""

ROLES: tuple[Role, ...] = get_args(Role)


def hashed(key: str) -> str:
    """Return what a file of keys holds of a key: its SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def role_of(key: str, roles: dict[str, Role]) -> Role | None:
    """Return the role of a key among hashes, or None; the time says nothing about where hashes differ.

    Parameters
    ----------
    key : str
    roles : dict of str to {"read", "feedback", "write"}
        By `hashed`.
    """
    given, found = hashed(key), None
    for known, role in roles.items():
        if hmac.compare_digest(given, known):
            found = role
    return found


_bearer = HTTPBearer(
    auto_error=False, description="A key that `milvise keys add` made; needed where the service has keys."
)


def require(role: Role) -> Callable[..., None]:
    """Return a dependency that refuses whose key has a lower role: ``dependencies=[Depends(require("write"))]``.

    The key itself was checked before the body was read (`milvise.service.key_check`), which notes its role in the scope of the request. Where
    a service has no keys, all who reach it may do all.
    """
    needed = ROLES.index(role)

    def check(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        held: Role | None = request.scope.get("milvise.role")
        if held is None:
            raise HTTPException(401, "This needs a key: Authorization: Bearer KEY.", {"WWW-Authenticate": "Bearer"})
        if ROLES.index(held) < needed:
            raise HTTPException(403, f"This needs a key with the role {role}; this one has {held}.")

    return check

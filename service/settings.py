"""What may be set of a service, checked before anything starts."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from milvise.errors import UsageError

MEBIBYTE = 2**20
REQUESTS_PER_MINUTE = 1_200

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service answers.

    Attributes
    ----------
    host : str
        The address that it listens on.
    port : int
        0 for any free one.
    api_keys : Path, optional
        A file of hashed keys with their roles, see `milvise.service.guards.keys`. Needed unless `host` is this machine's loopback.
    originals : bool
        Whether pictures are given out in full.
    upload_bytes : int
        The largest upload.
    waiting : int
        How many uploads may wait while another one goes through the network; more are answered with 503.
    requests_per_minute : int, optional
        Of one address or key; more are answered with 429. By default 1,200 where there are keys, and any number where this machine's user
        alone asks.
    cors : tuple of str
        Origins whose pages may call the service, such as ``https://photos.example``; none by default. ``*`` needs keys.
    shadow : float
        Which share of the searches by words is also asked of the version of a gallery that is to come, see `milvise.operations.shadow`.

    Raises
    ------
    UsageError
        If a value cannot be, or others than this machine could come in without a key.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: Path | None = None
    originals: bool = True
    upload_bytes: int = 10 * MEBIBYTE
    waiting: int = 16
    requests_per_minute: int | None = None
    cors: tuple[str, ...] = ()
    shadow: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.shadow <= 1:
            raise UsageError(f"the share of shadow searches is from 0 to 1.\nReceived: {self.shadow}")
        if not 0 <= self.port < 2**16:
            raise UsageError(f"there is no such port.\nExpected: 0 to 65535\nReceived: {self.port}")
        for name in ("upload_bytes", "waiting", "requests_per_minute"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be 1 or more.\nReceived: {value}")
        if self.api_keys is None and not is_loopback(self.host):
            raise UsageError(
                "a service that others can reach needs keys.\nExpected: --api-keys FILE, or a loopback address such as 127.0.0.1"
                f"\nReceived: --host {self.host} without keys"
            )
        for origin in self.cors:
            if not _ORIGIN.fullmatch(origin) and (origin != "*" or self.api_keys is None):
                raise UsageError(
                    f"this is no origin.\nExpected: https://HOST[:PORT]; with keys also *\nReceived: --cors {origin}"
                )

    @property
    def most_requests(self) -> int | None:
        """How many requests a minute one address or key may make; None for any number."""
        if self.requests_per_minute is None and self.api_keys is not None:
            return REQUESTS_PER_MINUTE
        return self.requests_per_minute


@lru_cache(maxsize=100)
def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

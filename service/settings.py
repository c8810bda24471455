"""What may be set of a service, checked before anything starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from milvise.errors import UsageError

MEBIBYTE = 2**20


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
        A file of hashed keys with their roles, see `milvise.service.keys`. Needed unless `host` is this machine's loopback.
    originals : bool
        Whether pictures are given out in full.
    upload_bytes : int
        The largest upload.
    waiting : int
        How many uploads may wait while another one goes through the network; more are answered with 503.
    requests_per_minute : int
        Of one address or key; more are answered with 429.
    cors : tuple of str
        Origins whose pages may call the service; none by default.

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
    requests_per_minute: int = 1_200
    cors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise UsageError(f"there is no such port.\nExpected: 0 to 65535\nReceived: {self.port}")
        for name in ("upload_bytes", "waiting", "requests_per_minute"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more.\nReceived: {getattr(self, name)}")
        if self.api_keys is None and not is_loopback(self.host):
            raise UsageError(
                "a service that others can reach needs keys.\nExpected: --api-keys FILE, or a loopback address such as 127.0.0.1"
                f"\nReceived: --host {self.host} without keys"
            )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

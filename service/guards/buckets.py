"""How many requests one sender may make: a token bucket for each, of bounded number.

References
----------
RFC 6585, section 4: 429 Too Many Requests. Turner 1986, "New directions in communications", IEEE Communications Magazine 24(10): the bucket.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

MOST_SENDERS = 10_000
"""Of more than so many, those that asked longest ago are forgotten: each takes some 200 bytes."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Buckets:
    """Each sender may make so many requests at once, and as many in each minute that follows; threads may share it.

    Parameters
    ----------
    per_minute : int
    clock : callable
        Returns seconds; for tests.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, sender: str, cost: float = 1.0) -> float:
        """Take what a request costs; return 0, or in how many seconds there is enough, and take nothing then."""
        with self._lock:
            bucket = self._filled(sender)
            if bucket.left < 1:
                return (1 - bucket.left) / self._per_second
            # What was done wrong may cost more than is left.
            bucket.left -= cost
            return 0.0

    def give_back(self, sender: str, cost: float = 1.0) -> None:
        """Give back what a request took."""
        with self._lock:
            bucket = self._filled(sender)
            bucket.left = min(self._most, bucket.left + cost)

    def charge(self, sender: str, cost: float) -> None:
        """Take more for a request that turned out to be wrong; at most two minutes' worth can be owed."""
        with self._lock:
            bucket = self._filled(sender)
            bucket.left = max(bucket.left - cost, -2 * self._most)

    def _filled(self, sender: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = _Bucket(self._most, now)
            while len(self._buckets) > MOST_SENDERS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(sender)
        bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket


@lru_cache(maxsize=1_000)
def sender_of(host: str) -> str:
    """Return under which name an address is counted: whoever has an IPv6 address mostly has 2**64 of them."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)).network_address) + "/64"
    return str(address)

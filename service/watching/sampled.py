"""What is looked at whenever the metrics are read: queues, kept thumbnails, galleries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from milvise.service.watching.watch import Watch

FRESH_S = 30.0
"""Milvus is asked for the galleries at most so often."""

PATIENCE_S = 2.0
"""Whoever reads the metrics waits no longer for Milvus."""

STALE_S = 90.0
"""So long what was known before is shown instead."""


class Queue(Protocol):
    """What requests wait in, such as `milvise.service.guards.inference.Gate`."""

    @property
    def inside(self) -> int:
        """How many run or wait."""

    @property
    def refused(self) -> int:
        """How many were refused so far."""


class Cache(Protocol):
    """What is kept of pictures, such as `milvise.core.disk_cache.DiskCache`."""

    hits: int
    misses: int
    most_bytes: int

    @property
    def held_bytes(self) -> int:
        """How much it holds."""


class QueueCollector(Collector):
    """Queues by their names, such as ``network``."""

    def __init__(self, queues: Mapping[str, Queue]) -> None:
        self._queues = dict(queues)

    def collect(self) -> Iterable[Metric]:
        """Return what there is now."""
        inside = GaugeMetricFamily(
            "milvise_queue_inside", "Requests that run or wait for their turn.", labels=["queue"]
        )
        refused = CounterMetricFamily(
            "milvise_queue_refused", "Requests that were refused because too many waited.", labels=["queue"]
        )
        for name, queue in self._queues.items():
            inside.add_metric([name], queue.inside)
            refused.add_metric([name], queue.refused)
        yield inside
        yield refused


class CacheCollector(Collector):
    """Kept thumbnails."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def collect(self) -> Iterable[Metric]:
        """Return what there is now."""
        looked = CounterMetricFamily(
            "milvise_picture_cache_lookups", "Thumbnails that were looked for, by whether they were kept.", labels=["result"]
        )  # fmt: skip
        looked.add_metric(["hit"], self._cache.hits)
        looked.add_metric(["miss"], self._cache.misses)
        yield looked
        yield GaugeMetricFamily("milvise_picture_cache_bytes", "Size of the kept thumbnails.", self._cache.held_bytes)
        yield GaugeMetricFamily("milvise_picture_cache_limit_bytes", "The most they may take.", self._cache.most_bytes)


class GalleryCollector(Collector):
    """Whether Milvus answers, and how large and how old its galleries are."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that Milvus is not asked when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return what the last look found."""
        found = self._watch.look(fresh_s=FRESH_S, patience_s=PATIENCE_S, stale_s=STALE_S)
        checks = GaugeMetricFamily(
            "milvise_check", "Whether what requests need is there, as /readyz says it: 1 if so.", labels=["check"]
        )
        for check in found.checks:
            checks.add_metric([check.name], float(check.ok))
        yield checks
        yield GaugeMetricFamily("milvise_ready", "Whether nothing is missing that is needed.", float(found.is_ready))
        pictures = GaugeMetricFamily("milvise_gallery_pictures", "Pictures in a gallery.", labels=["gallery"])
        age = GaugeMetricFamily(
            "milvise_gallery_age_seconds", "Since pictures were last added, replaced or removed.", labels=["gallery"]
        )
        for gallery in found.galleries:
            pictures.add_metric([gallery.name], gallery.pictures)
            if gallery.loaded_at is not None:
                age.add_metric([gallery.name], max(0.0, time.time() - gallery.loaded_at))
        yield pictures
        yield age

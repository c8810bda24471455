"""What Prometheus reads of a follower."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from milvise.errors import InputError, MissingExtraError
from milvise.ingest.follow.watch import Followed
from milvise.operations.progress import Event, Progress, Rate

SECONDS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

_PICTURES = ("embedded", "unchanged", "relabelled", "removed")
_EVENTS = ("settled", "rejected", "absent")


class _Metrics:
    def __init__(self, gallery: str) -> None:
        from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

        from milvise import __version__

        self.registry = CollectorRegistry()
        self._gallery = gallery
        self._now = Followed()
        ProcessCollector(registry=self.registry)
        build = Gauge("milvise_build_info", "Always 1; the labels say what runs.", ["version"], registry=self.registry)
        build.labels(__version__).set(1)
        self._seconds = Histogram(
            "milvise_follow_freshness_seconds", "From an event's time until the gallery had what it says.", ["gallery"],
            buckets=SECONDS, registry=self.registry,
        ).labels(gallery)  # fmt: skip
        self.registry.register(self)

    def note(self, now: Followed) -> None:
        self._now = now
        for seconds in now.took_s:
            self._seconds.observe(seconds)

    def collect(self) -> Iterator[Any]:
        """Yield what was counted, for a scrape."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        now, of = self._now, [self._gallery]
        events = CounterMetricFamily(
            "milvise_follow_events",
            "Events, by how they ended; rejected are dead letters.",
            labels=["gallery", "result"],
        )
        for name in _EVENTS:
            events.add_metric([*of, name], getattr(now, name))
        pictures = CounterMetricFamily(
            "milvise_follow_pictures", "Pictures, by what became of them.", labels=["gallery", "what"]
        )
        for name in _PICTURES:
            pictures.add_metric([*of, name], getattr(now.counts, name))
        yield from (events, pictures)
        for name, text, value in (
            ("milvise_follow_received", "Events that came, those that came again included.", now.received),
            ("milvise_follow_tried_again", "Pictures that could not be read, or were not there, and are looked at again.", now.tried_again),
            ("milvise_follow_held", "Pictures that are gone and were kept, because too many would have gone at once.", now.held),
        ):  # fmt: skip
            counter = CounterMetricFamily(name, text, labels=["gallery"])
            counter.add_metric(of, value)
            yield counter
        for name, text, waiting in (
            ("milvise_follow_under_way", "Events that were received and are not settled.", now.under_way),
            ("milvise_follow_backlog", "Events that wait in the stream; absent where it cannot tell.", now.backlog),
        ):
            gauge = GaugeMetricFamily(name, text, labels=["gallery"])
            if waiting is not None:
                gauge.add_metric(of, waiting)
            yield gauge


@contextmanager
def served(port: int | None, gallery: str, host: str = "127.0.0.1") -> Iterator[Callable[[Progress], Progress]]:
    """Answer ``/metrics`` on a port while the block runs, of this machine alone by default; without a port nobody is told anything.

    Yields
    ------
    callable
        From a progress callback to one that also counts.

    Raises
    ------
    MissingExtraError
        If prometheus-client is not installed.
    InputError
        If the port is taken.
    """
    if port is None:
        yield lambda progress: progress
        return
    try:
        from prometheus_client import start_http_server
    except ImportError:
        raise MissingExtraError("metrics for Prometheus", "service") from None
    metrics = _Metrics(gallery)
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise InputError(
            f"the port {port} of this machine cannot be listened on: {error.strerror}. Choose another one: --metrics-port"
        ) from error
    try:
        yield lambda progress: _counted(metrics, progress)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _counted(metrics: _Metrics, progress: Progress) -> Progress:
    def tell(event: Event) -> None:
        if isinstance(event, Rate):
            metrics.note(event.followed)
        progress(event)

    return tell

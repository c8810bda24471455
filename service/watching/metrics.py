"""What Prometheus reads: counters and histograms of one application, in a registry of its own.

No label holds what a stranger wrote: routes are patterns, kinds and results are names in the code. Names of galleries are labels of
galleries that stand.
"""

from __future__ import annotations

import platform
import threading

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from milvise import __version__, errors
from milvise.core.stages import STAGES
from milvise.operations.shadow import Compared

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The bounds of histograms."""

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

LOW_CONFIDENCE = 0.5
"""Below it the best picture of a search probably does not show what the words say."""


class Metrics:
    """The counters and histograms that requests write to; threads share them.

    Attributes
    ----------
    registry : CollectorRegistry
        What ``/metrics`` shows.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        ProcessCollector(registry=own)
        build = Gauge("milvise_build_info", "Always 1; the labels say what runs.", ["version", "python"], registry=own)
        build.labels(__version__, platform.python_version()).set(1)
        Gauge("milvise_threads", "Threads of Python.", registry=own).set_function(threading.active_count)
        self.http_requests = Counter(
            "milvise_http_requests", "Answered requests.", ["route", "method", "status"], registry=own
        )
        self.http_seconds = Histogram(
            "milvise_http_request_seconds", "From a request's headers to the end of its answer.", ["route"],
            buckets=SECONDS, registry=own,
        )  # fmt: skip
        self.http_in_progress = Gauge(
            "milvise_http_requests_in_progress", "Requests that are answered now.", registry=own
        )
        self.requests = Counter(
            "milvise_requests", "Questions to galleries and words, by the method and how it ended.", ["kind", "result"],
            registry=own,
        )  # fmt: skip
        self.stage_seconds = Histogram(
            "milvise_stage_seconds", "Time of one request in a stage, all its parts together.", ["stage"],
            buckets=SECONDS, registry=own,
        )  # fmt: skip
        self.judged = Counter(
            "milvise_searches_judged", "Searches whose best picture has a confidence; low is below one half.", ["confidence"],
            registry=own,
        )  # fmt: skip
        self.shadow_overlap = Histogram(
            "milvise_shadow_overlap", "What of the pictures that the live version found the version to come found too.", ["gallery"],
            buckets=SHARES, registry=own,
        )  # fmt: skip
        self.shadow_seconds = Histogram(
            "milvise_shadow_seconds",
            "Time of searches that both versions answered.",
            ["gallery", "version"],
            buckets=SECONDS,
            registry=own,
        )
        self.shadow_failed = Counter(
            "milvise_shadow_failed", "Shadow searches that were not compared: an error of the version to come, or too many waited.",
            ["reason"], registry=own,
        )  # fmt: skip
        # Series that are there from the start: a rate over the first event would else be lost.
        for stage in STAGES:
            self.stage_seconds.labels(stage)
        for confidence in ("low", "high"):
            self.judged.labels(confidence)
        for result in ("found", "nothing"):
            self.requests.labels("search", result)
        self.shadow_failed.labels("dropped")

    def compared(self, one: Compared) -> None:
        """Note a search that the version to come was asked too."""
        if one.error:
            self.shadow_failed.labels(_code(one.error)).inc()
            return
        self.shadow_overlap.labels(one.gallery).observe(one.overlap)
        self.shadow_seconds.labels(one.gallery, "live").observe(one.live_s)
        self.shadow_seconds.labels(one.gallery, "coming").observe(one.coming_s)

    def judge(self, best: float) -> None:
        """Count a search by the confidence of its best picture."""
        self.judged.labels("low" if best < LOW_CONFIDENCE else "high").inc()

    def count(self, kind: str, *, hits: int | None, error: str) -> None:
        """Count a question: ``found`` or ``nothing`` where the answer is a list, else ``answered``, or the error's code."""
        self.requests.labels(kind, _code(error) if error else _result(hits)).inc()


def _result(hits: int | None) -> str:
    if hits is None:
        return "answered"
    return "found" if hits else "nothing"


def _code(error: str) -> str:
    known = getattr(errors, error, None)
    if isinstance(known, type) and issubclass(known, errors.MilviseError):
        return known.code
    return "internal_error"

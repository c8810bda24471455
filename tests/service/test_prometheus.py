"""Alert rules and dashboard, held against what a real Prometheus scraped of a real service and of a follower's metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import yaml
from milvus_server import free_port
from prometheus_server import RULES, Prometheus, prometheus

from milvise.gallery import versions
from milvise.ingest.follow.watch import Followed
from milvise.ingest.summary import Counts
from milvise.operations.database import Database
from milvise.operations.follow_metrics import served
from milvise.operations.progress import Rate, silent
from milvise.service.serve import Service
from milvise.service.settings import Settings

DASHBOARD = RULES.parents[1] / "grafana" / "milvise.json"
CONFIG = RULES.parent / "prometheus.yml"

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="prometheus and promtool are not installed (Debian's package prometheus)",
)


@pytest.fixture(scope="module")
def scraped(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scraped a service which answered well, in vain and with errors, and a follower that is well."""
    visual = next(one for one in db.store.manifests() if one.alias == "r_visual")
    db.store.record(visual.changed(loaded_at=time.time() - 60))
    # The gallery itself is the version to come.
    versions.show(db.store, "r", versions.live_version(db.store, "r"))
    service = Service(db, Settings(port=0, shadow=1.0))
    running = Thread(target=service.run)
    running.start()
    try:
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            for words in ("cat", "cat sofa", "nowhereword"):
                client.get("/api/v1/galleries/r/search", params={"words": words, "space": "joint", "min_confidence": 0})
            for _ in range(3):
                client.get("/api/v1/galleries/r/search", params={"words": "dog"})
        folder = tmp_path_factory.mktemp("prometheus")
        with (
            following() as follower,
            prometheus(
                folder, {"milvise": service.address.removeprefix("http://"), "milvise-follow": follower}
            ) as found,
        ):
            found.await_samples("milvise:search_seconds:p95_5m")
            found.await_samples("milvise:follow_freshness_seconds:p95_5m")
            yield found
    finally:
        service.stop()
        running.join(30)
        versions.hide(db.store, "r")
        db.store.record(visual)


@contextmanager
def following() -> Iterator[str]:
    """Yield the host and port at which the metrics of a follower are read that settles forty events a second."""
    port, over = free_port(), Event()
    with served(port, "r") as measured:
        tell = measured(silent)

        def follow() -> None:
            settled = 0
            while not over.wait(0.1):
                settled += 4
                counts = Counts(embedded=settled // 2, unchanged=settled // 2)
                now = Followed(received=settled, settled=settled, backlog=0, took_s=(0.3, 0.6, 0.9, 2.5), counts=counts)
                tell(Rate(now))

        running = Thread(target=follow)
        running.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            over.set()
            running.join(30)


def of_rules() -> list[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def of_dashboard() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    texts = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    variables = {"$__rate_interval": "1m", "$job": ".*", "$instance": ".*"}
    for variable, value in variables.items():
        texts = [text.replace(variable, value) for text in texts]
    assert not any("$" in text for text in texts)
    return texts


EXPRESSIONS = [*of_rules(), *of_dashboard()]
SELECTOR = re.compile(r'\b((?:milvise|process)[_:][a-z0-9_:]+|up)(\{(?:[^{}"]|"[^"]*")*\})?')
MATCHER = re.compile(r'(\w+)(=~|!~|=|!=)"([^"]*)"')


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_prometheus_runs_each_expression_and_knows_its_metrics(scraped: Prometheus, expression: str) -> None:
    scraped.query(expression)
    names = set(scraped.get("label/__name__/values"))
    selectors = SELECTOR.findall(expression)
    assert selectors
    for name, matchers in selectors:
        assert name in names, name
        # A label that a metric does not have fits nothing, and Prometheus does not say so.
        for label, how, value in MATCHER.findall(matchers):
            # Not every status comes in a test.
            wanted = f'{label}{how}"{value}"' if how in ("=", "!=") and label != "status" else f'{label}!=""'
            assert scraped.query(f"{name}{{{wanted}}}"), (name, wanted)


def test_grouping_is_by_labels_that_there_are(scraped: Prometheus) -> None:
    labels = set(scraped.get("labels")) | {"gallery"}
    for expression in EXPRESSIONS:
        for names in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
            assert {name.strip() for name in names.split(",")} <= labels, expression


def test_each_metric_of_the_service_is_in_the_dashboard_or_a_rule(scraped: Prometheus) -> None:
    ends = r"_(bucket|sum|count|total|created|info)$"
    shown = {re.sub(ends, "", name) for text in EXPRESSIONS for name, _ in SELECTOR.findall(text)}
    own = {re.sub(ends, "", name) for name in scraped.get("label/__name__/values") if name.startswith("milvise_")}
    assert own <= shown


def test_nothing_is_alerted_of_a_service_that_is_well(scraped: Prometheus) -> None:
    assert scraped.query("milvise_ready")[0]["value"][1] == "1"
    assert scraped.query('ALERTS{alertname!="MilviseKeysRefused"}') == []


def test_promtool_takes_rules_and_configuration() -> None:
    for command in (["rules", str(RULES)], ["config", "--syntax-only", str(CONFIG)]):
        checked = subprocess.run(
            ["promtool", "check", *command], capture_output=True, text=True, timeout=60, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


SEARCH = 'milvise_requests_total{job="milvise",instance="one",kind="search",result='
FOLLOWER = '{job="milvise-follow",instance="one",gallery="g"'
SETTLED = f'milvise_follow_events_total{FOLLOWER},result="settled"}}'
ALERTS: dict[str, tuple[dict[str, str], str]] = {
    # By alert: series as promtool writes them, a value each minute, and when it must be firing.
    "MilviseDown": ({'up{job="milvise",instance="one"}': "0x10"}, "5m"),
    "MilviseMilvusDown": ({'milvise_check{job="milvise",instance="one",check="milvus"}': "0x10"}, "5m"),
    "MilviseNotReady": (
        {
            'milvise_check{job="milvise",instance="one",check="milvus"}': "1x20",
            'milvise_ready{job="milvise",instance="one"}': "0x20",
        },
        "10m",
    ),
    "MilviseErrors": (
        {
            'milvise_http_requests_total{job="milvise",instance="one",status="200"}': "0+90x40",
            'milvise_http_requests_total{job="milvise",instance="one",status="503"}': "0+10x40",
        },
        "30m",
    ),
    "MilviseUploadsRefused": (
        {'milvise_queue_refused_total{job="milvise",instance="one",queue="network"}': "0+6x40"},
        "30m",
    ),
    "MilviseKeysRefused": (
        {'milvise_http_requests_total{job="milvise",instance="one",status="401"}': "0+600x40"},
        "30m",
    ),
    "MilviseNothingFound": ({f'{SEARCH}"nothing"}}': "0+4x300", f'{SEARCH}"found"}}': "0+4x300"}, "4h"),
    "MilviseGalleryShrank": (
        {'milvise_gallery_pictures{job="milvise",instance="one",gallery="g"}': "1000x70 10x60"},
        "90m",
    ),
    "MilviseGalleryOld": (
        {'milvise_gallery_age_seconds{job="milvise",instance="one",gallery="g"}': "2600000+60x120"},
        "90m",
    ),
    "MilviseFollowDown": ({'up{job="milvise-follow",instance="one"}': "0x10"}, "5m"),
    # Some Redis do not say what waits.
    "MilviseFollowStands": ({f"milvise_follow_under_way{FOLLOWER}}}": "3x40", SETTLED: "100x40"}, "30m"),
    "MilviseFollowLags": ({f"milvise_follow_backlog{FOLLOWER}}}": "200+10x60"}, "50m"),
    "MilviseFollowLate": (
        {
            f'milvise_follow_freshness_seconds_bucket{FOLLOWER},le="60.0"}}': "0+50x40",
            f'milvise_follow_freshness_seconds_bucket{FOLLOWER},le="300.0"}}': "0+60x40",
            f'milvise_follow_freshness_seconds_bucket{FOLLOWER},le="+Inf"}}': "0+60x40",
        },
        "30m",
    ),
    "MilviseFollowDeadLetters": (
        {f'milvise_follow_events_total{FOLLOWER},result="rejected"}}': "0x10 1x20"},
        "15m",
    ),
    "MilviseFollowHeld": ({f"milvise_follow_held_total{FOLLOWER}}}": "0x10 0+4x20"}, "20m"),
}
QUIET: list[tuple[str, dict[str, str], str]] = [
    ("MilviseNothingFound", {f'{SEARCH}"nothing"}}': "0 1x300"}, "4h"),
    ("MilviseDown", {'up{job="milvise",instance="one"}': "1x10"}, "5m"),
    ("MilviseFollowStands", {f"milvise_follow_backlog{FOLLOWER}}}": "9x40", SETTLED: "0+1x40"}, "30m"),
    ("MilviseFollowStands", {f"milvise_follow_backlog{FOLLOWER}}}": "0x40", SETTLED: "100x40"}, "30m"),
    (
        "MilviseFollowStands",
        {
            f"milvise_follow_under_way{FOLLOWER}}}": "9x40",
            f"milvise_follow_held_total{FOLLOWER}}}": "0+36x40",
            SETTLED: "100x40",
        },
        "30m",
    ),
    ("MilviseFollowLags", {f"milvise_follow_backlog{FOLLOWER}}}": "900-10x60"}, "50m"),
    ("MilviseFollowDeadLetters", {f'milvise_follow_events_total{FOLLOWER},result="rejected"}}': "7x40"}, "30m"),
]
"""Alerts that must not be firing."""


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    def test_of(name: str, series: dict[str, str], at: str, *, firing: bool) -> dict[str, Any]:
        values = [{"series": one, "values": shown} for one, shown in series.items()]
        expected = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)'
        samples = [{"labels": "{}", "value": float(firing)}]
        return {
            "interval": "1m", "input_series": values,
            "promql_expr_test": [{"expr": expected, "eval_time": at, "exp_samples": samples}],
        }  # fmt: skip

    tests = [test_of(name, series, at, firing=True) for name, (series, at) in ALERTS.items()]
    tests += [test_of(name, series, at, firing=False) for name, series, at in QUIET]
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    checked = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=120, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

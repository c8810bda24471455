"""What Prometheus reads of a service: requests, stages, confidence, the queue, galleries; and nothing that strangers wrote."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from reference_world import VISUAL

from milvise.errors import BusyError
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.watching.metrics import Metrics
from milvise.service.watching.sampled import CacheCollector

Labels = dict[str, str]


@pytest.fixture
def client(db: Database) -> TestClient:
    """A service of its own for each test: what is counted begins at nothing."""
    return TestClient(make_app(db), raise_server_exceptions=False)


def samples(client: TestClient) -> dict[str, list[tuple[Labels, float]]]:
    found: dict[str, list[tuple[Labels, float]]] = {}
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(client: TestClient, name: str, **labels: str) -> float:
    return sum(value for own, value in samples(client)[name] if labels.items() <= own.items())


def test_a_search_is_counted_by_route_and_result_and_its_stages_are_timed(client: TestClient) -> None:
    client.get("/api/v1/galleries/r/search", params={"words": "cat sofa", "limit": 5})
    client.get("/api/v1/galleries/r/search", params={"words": "cat", "filter": 'label == "nothing"'})
    client.get("/api/v1/galleries/r/search", params={"words": "soffa", "by": "meaning"})
    client.get("/api/v1/galleries/nowhere/search", params={"words": "cat"})
    route = "/api/v1/galleries/{gallery}/search"
    for status, count in (("200", 2), ("422", 1), ("404", 1)):
        assert value(client, "milvise_http_requests_total", route=route, status=status) == count, status
    for result in ("found", "nothing", "unknown_word", "not_found"):
        assert value(client, "milvise_requests_total", kind="search", result=result) == 1, result
    assert value(client, "milvise_http_request_seconds_count", route=route) == 4
    for stage in ("words", "milvus", "ranking"):
        assert value(client, "milvise_stage_seconds_count", stage=stage) >= 2, stage
    assert value(client, "milvise_stage_seconds_count", stage="inference") == 0
    spent = value(client, "milvise_stage_seconds_sum", stage="words") + value(
        client, "milvise_stage_seconds_sum", stage="ranking"
    )
    assert 0 < spent < value(client, "milvise_http_request_seconds_sum", route=route)


def test_searches_are_counted_by_the_confidence_of_their_best_picture(client: TestClient) -> None:
    asked = {"words": "cat", "space": "joint", "by": "meaning", "min_confidence": 0.0}
    answer = client.get("/api/v1/galleries/r/search", params=asked)
    best = max(hit["confidence"] for hit in answer.json()["hits"])
    told = "low" if best < 0.5 else "high"
    assert value(client, "milvise_searches_judged_total") == 1
    assert value(client, "milvise_searches_judged_total", confidence=told) == 1


def test_galleries_are_shown_with_size_and_age(client: TestClient, db: Database) -> None:
    assert value(client, "milvise_gallery_pictures", gallery="r") == 2_000
    assert "milvise_gallery_age_seconds" not in samples(client), "no load noted when it ended"
    assert value(client, "milvise_ready") == 1
    visual = next(one for one in db.store.manifests() if one.alias == "r_visual")
    db.store.record(visual.changed(loaded_at=time.time() - 3_600))
    again = TestClient(make_app(db))
    assert 3_600 <= value(again, "milvise_gallery_age_seconds", gallery="r") < 3_700
    db.store.record(visual)


def test_pictures_that_wait_and_those_that_are_refused_are_counted(client: TestClient) -> None:
    gate = client.app.state.gate  # type: ignore[attr-defined]
    gate._places = 1

    def inside() -> float:
        with pytest.raises(BusyError):
            gate.run(lambda: 1)
        return value(client, "milvise_queue_inside", queue="network")

    assert gate.run(inside) == 1
    assert value(client, "milvise_queue_refused_total", queue="network") == 1
    assert value(client, "milvise_queue_refused_total", queue="whole_gallery") == 0


def test_kept_thumbnails_are_counted() -> None:
    class Kept:
        hits, misses, most_bytes, held_bytes = 3, 1, 1_000, 70

    metrics = Metrics()
    metrics.registry.register(CacheCollector(Kept()))
    found = metrics.registry.get_sample_value
    assert found("milvise_picture_cache_lookups_total", {"result": "hit"}) == 3
    assert found("milvise_picture_cache_lookups_total", {"result": "miss"}) == 1
    assert (found("milvise_picture_cache_bytes"), found("milvise_picture_cache_limit_bytes")) == (70, 1_000)


def test_what_strangers_write_is_no_label(client: TestClient) -> None:
    client.get("/api/v1/galleries/secretgallery/search", params={"words": "secretword", "filter": "secretfilter"})
    client.get("/secretpath")
    client.get("/static/secretfile")
    client.request("SECRETMETHOD", "/healthz")
    for number in range(20):
        client.get(f"/api/v1/galleries/g{number}/search", params={"words": "cat"})
    text = client.get("/metrics").text
    assert "secret" not in text.lower()
    assert 'route="none"' in text
    assert 'route="/static"' in text
    assert 'method="other"' in text
    assert "g19" not in text


def test_applications_count_for_themselves(client: TestClient, db: Database) -> None:
    other = TestClient(make_app(db))
    other.get("/healthz")
    assert value(other, "milvise_http_requests_total", route="/healthz") == 1
    assert "milvise_http_requests_total" not in samples(client)


def test_a_line_of_the_access_log_tells_the_stages(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="milvise.service.access"):
        client.get("/api/v1/galleries/r/search", params={"words": "cat"})
    line = json.loads(caplog.records[-1].getMessage())
    assert {"milvus", "ranking"} <= line["stages_ms"].keys() <= {"words", "milvus", "ranking", "inference"}
    assert 0 < line["stages_ms"]["ranking"] < line["ms"]
    assert line["route"] == "/api/v1/galleries/{gallery}/search"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian's package prometheus)")
def test_promtool_finds_nothing_to_better(client: TestClient) -> None:
    client.get("/api/v1/galleries/r/search", params={"words": "cat"})
    text = client.get("/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_page_about_operating_names_each_metric_and_no_other(client: TestClient) -> None:
    named = set(re.findall(r"`(milvise_\w+)`", (Path(__file__).parents[2] / "docs" / "operating.md").read_text()))
    families = {family.name: family.type for family in client.app.state.metrics.registry.collect()}  # type: ignore[attr-defined]
    own = {
        f"{name}_total" if kind == "counter" else name for name, kind in families.items() if name.startswith("milvise")
    }
    assert named == own


def test_an_uploaded_picture_takes_the_stage_of_inference(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milvise.queries.pictures.encode.visual_vector", lambda *_: VISUAL[0])
    answer = client.post("/api/v1/galleries/r/similar", content=b"a picture", headers={"Content-Type": "image/png"})
    assert answer.status_code == 200
    assert value(client, "milvise_stage_seconds_count", stage="inference") == 1
    assert value(client, "milvise_stage_seconds_count", stage="milvus") == 1

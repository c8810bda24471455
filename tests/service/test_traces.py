"""Spans of requests, where the environment asks for them, without what people asked for."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from milvise.errors import MissingExtraError, UsageError
from milvise.operations.database import Database
from milvise.service.app import make_app
from milvise.service.watching import traces

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is not installed")
pytest.importorskip("opentelemetry.instrumentation.asgi", reason="the extra otel is not installed")


@pytest.fixture(autouse=True)
def _none_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*traces._ASKING, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


def test_a_request_is_one_span_with_its_stages_and_without_words(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    sent = InMemorySpanExporter()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setattr(traces, "exporter", lambda: sent)
    app = make_app(db)
    client = TestClient(app)
    client.get("/healthz")
    answer = client.get(
        "/api/v1/galleries/r/search",
        params={"words": "cat", "filter": 'label != "secret"'},
        headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    )
    app.state.traces.force_flush()
    (span,) = sent.get_finished_spans()
    assert span.name == "GET /api/v1/galleries/{gallery}/search"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert span.attributes["milvise.request_id"] == answer.headers["x-request-id"]
    assert span.attributes["milvise.stage.milvus_ms"] > 0
    assert "secret" not in span.to_json()
    assert "cat" not in str(dict(span.attributes))
    app.state.traces.shutdown()


def test_nothing_is_sent_unless_the_environment_asks(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not hasattr(make_app(db).state, "traces")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not traces.are_wanted()
    monkeypatch.delenv("OTEL_SDK_DISABLED")
    assert traces.are_wanted()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert not traces.are_wanted()


def test_exporters_are_found_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    assert type(traces.exporter()).__name__ == "ConsoleSpanExporter"
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "carrier-pigeon")
    with pytest.raises(UsageError, match="carrier-pigeon"):
        traces.exporter()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setattr(traces, "entry_points", lambda **given: [])
    with pytest.raises(MissingExtraError, match="opentelemetry|otel"):
        traces.exporter()

"""What is counted, where it goes, and that whoever collects it can be away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared.monitoring.exporters import metered, metrics_to
from shared.monitoring.metrics import NoMetrics


def points(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, Any], Any]]]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: [
            (dict(point.attributes or {}), getattr(point, "value", None) or getattr(point, "sum", None))
            for point in metric.data.data_points
        ]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_jobs_are_counted_by_kind_and_outcome() -> None:
    reader = InMemoryMetricReader()
    metrics = metered(reader)
    metrics.job("part", "done", 2.5, {"items": 100, "bytes": 5_000, "job": "b1"})
    metrics.job("part", "done", 0.5, {"items": 20})
    metrics.job("restore", "unavailable", 1.0, {})
    metrics.recovery_point(7_200)
    found = points(reader)
    done = {"kind": "part", "outcome": "done"}
    assert found["firekeep.jobs"] == [(done, 2), ({"kind": "restore", "outcome": "unavailable"}, 1)]
    assert found["firekeep.items"] == [({"kind": "part"}, 120)]
    assert found["firekeep.bytes"] == [({"kind": "part"}, 5_000)]
    assert found["firekeep.job.duration"][0] == (done, 3.0)
    assert found["firekeep.recovery_point.age"] == [({}, 7_200)]


@pytest.mark.parametrize("facts", [{"items": "many"}, {"items": -1}, {"bytes": None}, {"items": 0}])
def test_facts_that_are_no_counts_are_not_counted(facts: dict[str, Any]) -> None:
    reader = InMemoryMetricReader()
    metered(reader).job("part", "an outcome with an id 20250301T060000Z", 1.0, facts)
    found = points(reader)
    assert found["firekeep.jobs"] == [({"kind": "part", "outcome": "other"}, 1)]
    assert not {"firekeep.items", "firekeep.bytes"} & {*found}


def test_by_default_nothing_is_exported() -> None:
    assert isinstance(metrics_to("none"), NoMetrics)


@pytest.fixture
def collector() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.seen.append((self.path, body))  # type: ignore[attr-defined]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_otlp_goes_where_the_exporter_s_own_variables_say(
    collector: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    metrics_to("otlp").job("part", "done", 1.0, {"items": 5})
    ((path, body),) = collector.seen  # type: ignore[attr-defined]
    assert path == "/v1/metrics"
    assert b"firekeep.items" in body


def test_a_collector_that_is_away_fails_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    metrics_to("otlp").job("part", "done", 1.0, {})

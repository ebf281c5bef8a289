"""Where metrics go: what OTEL_METRICS_EXPORTER names. The exporter reads its own OTEL_EXPORTER_OTLP_ variables."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from shared.errors import Unsupported
from shared.monitoring.contract import Metrics
from shared.monitoring.logs import OWN
from shared.monitoring.metrics import MeteredJobs, NoMetrics

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader

_NEVER_BY_ITSELF_MS = 3_600_000.0
_FLUSH_MS = 5_000


def metrics_to(exporter: str) -> Metrics:
    """`none`, `console` or `otlp`. Unsupported when the exporter's package is not installed."""
    if exporter == "none":
        return NoMetrics()
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return metered(PeriodicExportingMetricReader(_exporter(exporter), _NEVER_BY_ITSELF_MS))


def metered(reader: MetricReader) -> Metrics:
    """Metrics that this reader is handed."""
    from opentelemetry.sdk.metrics import MeterProvider

    # Each job flushes: an exit need not wait for a collector that is away.
    provider = MeterProvider([reader], shutdown_on_exit=False)

    def flush() -> None:
        try:
            provider.force_flush(_FLUSH_MS)
        except Exception:  # noqa: BLE001  # exporters raise what they like
            # Whoever collects the metrics is away: no job is held up by that.
            logging.getLogger(OWN).warning("metrics could not be exported")

    return MeteredJobs(provider.get_meter("firekeep"), flush)


def _exporter(name: str) -> MetricExporter:
    if name == "console":
        from opentelemetry.sdk.metrics.export import ConsoleMetricExporter

        return ConsoleMetricExporter()
    try:
        module = import_module("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    except ImportError:
        raise Unsupported(
            "exporting metrics: the package of the OTLP exporter is not installed",
            hint="install firekeep[otlp], or set OTEL_METRICS_EXPORTER=none",
        ) from None
    made: MetricExporter = module.OTLPMetricExporter()
    return made

"""The agent about itself: what it dropped, how late it is, how much it holds.

Counters that other parts keep (drops by reason, queue lengths) are read when somebody scrapes, so
counting costs those parts a dictionary entry and nothing else.

>>> own = Own(version="0.1.0")
>>> own.drops_of("snmp", lambda: {"wrong_source": 3})
>>> [line for line in own.render().decode().splitlines() if line.startswith("rackproof_agent_d")]
['rackproof_agent_drops_total{reason="wrong_source",source="snmp"} 3.0']
"""

import platform
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

LOOP_LAG_BUCKETS_S: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0)  # 0.1 s delays a poll's start


class Own(Collector):
    """The metrics `rackproof_agent_*`, in a registry of their own."""

    def __init__(self, version: str, revision: str = "") -> None:
        self._drops: dict[str, Callable[[], Mapping[str, int]]] = {}
        self._queues: dict[str, Callable[[], int]] = {}
        self._series: Callable[[], int] = int
        self._engines: Callable[[], int] = int
        self._storage_ok: Callable[[], bool] = lambda: True  # until there is something to store
        self._deliveries: Callable[[], Mapping[tuple[str, str], int]] = dict
        self._notifications: Callable[[], Mapping[tuple[str, str], int]] = dict
        self._acknowledged: Callable[[], int] | None = None  # None: nobody listens for traps
        self._brokers: Callable[[], Mapping[str, bool]] = dict
        registry = self._registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        build = Info("rackproof_agent_build", "Which agent this is.", registry=registry)
        build.info({"version": version, "revision": revision, "python": platform.python_version()})
        self.loop_lag = Histogram(
            "rackproof_agent_loop_lag_seconds",
            "How much later than asked the event loop woke up.",
            buckets=LOOP_LAG_BUCKETS_S,
            registry=registry,
        )
        self._reloads = Counter(
            "rackproof_agent_config_reloads",
            "Attempts to load the floor file again, by result.",
            ["result"],
            registry=registry,
        )
        self._reloaded = Gauge(
            "rackproof_agent_config_last_reload_successful",
            "1 if the floor file in use is the one on disk when last asked, 0 if it was refused.",
            registry=registry,
        )
        self._reloaded_at = Gauge(
            "rackproof_agent_config_last_reload_success_timestamp_seconds",
            "Unix time at which the floor file in use was loaded.",
            registry=registry,
        )
        for result in ("success", "failure"):
            self._reloads.labels(result)

    def drops_of(self, source: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Export what `source` has dropped so far, by reason; reasons are a fixed set in code."""
        self._drops[source] = read

    def queue_of(self, queue: str, read: Callable[[], int]) -> None:
        """Export how many entries wait in a queue."""
        self._queues[queue] = read

    def series_of(self, read: Callable[[], int]) -> None:
        """Export how many series of readings are held."""
        self._series = read

    def storage_of(self, read: Callable[[], bool]) -> None:
        """Export whether all that runs leave can be stored."""
        self._storage_ok = read

    def engines_of(self, read: Callable[[], int]) -> None:
        """Export how many SNMP engine IDs belong to several devices."""
        self._engines = read

    def deliveries_of(self, read: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        """Export what became of webhooks' messages, by webhook and outcome."""
        self._deliveries = read

    def notifications_of(
        self, read: Callable[[], Mapping[tuple[str, str], int]], acknowledged: Callable[[], int]
    ) -> None:
        """Export what devices said by themselves, by kind and outcome."""
        self._notifications, self._acknowledged = read, acknowledged

    def brokers_of(self, read: Callable[[], Mapping[str, bool]]) -> None:
        """Export which brokers are followed now."""
        self._brokers = read

    def loaded(self, at: float) -> None:
        """Note that the floor file was loaded for the first time, at Unix time `at`."""
        self._reloaded.set(1)
        self._reloaded_at.set(at)

    def reloaded(self, *, success: bool, at: float) -> None:
        """Note an attempt to load the floor file again."""
        self._reloads.labels("success" if success else "failure").inc()
        self._reloaded.set(success)
        if success:
            self._reloaded_at.set(at)

    def collect(self) -> Iterator[Metric]:
        """Read what other parts count."""
        drops = CounterMetricFamily(
            "rackproof_agent_drops",
            "What came in and was not used, by the part that refused it and why.",
            labels=["source", "reason"],
        )
        for source, read in self._drops.items():
            for reason, count in read().items():
                drops.add_metric([source, reason], count)
        queues = GaugeMetricFamily(
            "rackproof_agent_queue_depth", "Entries waiting in a queue.", labels=["queue"]
        )
        for queue, depth in self._queues.items():
            queues.add_metric([queue], depth())
        deliveries = CounterMetricFamily(
            "rackproof_agent_webhook_deliveries",
            "Messages to a webhook by outcome: delivered, failed (tried again later), given_up.",
            labels=["webhook", "outcome"],
        )
        for (webhook, outcome), count in self._deliveries().items():
            deliveries.add_metric([webhook, outcome], count)
        brokers = GaugeMetricFamily(
            "rackproof_agent_broker_up",
            "1 while a broker is connected and has granted subscriptions, 0 while not.",
            labels=["broker"],
        )
        for broker, up in self._brokers().items():
            brokers.add_metric([broker], up)
        yield brokers
        yield drops
        yield queues
        yield deliveries
        yield from self._told()
        yield GaugeMetricFamily(
            "rackproof_agent_snmp_engines_shared",
            "SNMP engine IDs that several devices have; the log names the devices.",
            value=self._engines(),
        )
        yield GaugeMetricFamily(
            "rackproof_storage_ok",
            "1 while events and samples of runs can be stored, 0 while not.",
            value=self._storage_ok(),
        )
        yield GaugeMetricFamily(
            "rackproof_agent_series", "Series of readings held.", value=self._series()
        )

    def _told(self) -> Iterator[Metric]:
        """Read what was counted of traps and informs, where somebody listens for them."""
        if self._acknowledged is None:
            return
        told = CounterMetricFamily(
            "rackproof_agent_notifications",
            "Traps and informs taken in: kept, or in a storm only counted.",
            labels=["kind", "outcome"],
        )
        for labels, count in self._notifications().items():
            told.add_metric(labels, count)
        yield told
        yield CounterMetricFamily(
            "rackproof_agent_informs_acknowledged",
            "Informs whose sender was told that they are on the disk.",
            value=self._acknowledged(),
        )

    def render(self, *, openmetrics: bool = False) -> bytes:
        """Return these metrics as a page of their own."""
        if openmetrics:
            page: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
            return page
        return generate_latest(self._registry)

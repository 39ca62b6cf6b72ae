"""Tests for the agent's own metrics: what its alert rules read."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.exposition.own import Own


def _samples(own: Own) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the page back."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(own.render().decode())
        for sample in family.samples
    }


@pytest.fixture
def own() -> Own:
    """Return the metrics of an agent that has just started."""
    return Own(version="0.1.0")


def test_what_other_parts_count_is_read_at_the_scrape(own: Own) -> None:
    """Counting a drop costs the part that drops one dictionary entry."""
    drops = {"wrong_source": 1}
    own.drops_of("snmp", lambda: drops)
    own.queue_of("mqtt/hall", lambda: 7)
    own.series_of(lambda: 289)
    drops["wrong_source"] += 1
    samples = _samples(own)

    key = ("rackproof_agent_drops_total", (("reason", "wrong_source"), ("source", "snmp")))
    assert samples[key] == 2
    assert samples["rackproof_agent_queue_depth", (("queue", "mqtt/hall"),)] == 7
    assert samples["rackproof_agent_series", ()] == 289


def test_a_refused_floor_file_is_told_from_one_in_use(own: Own) -> None:
    """Who edited the file sees on the dashboard that the old one is still in use."""
    own.loaded(at=100.0)
    own.reloaded(success=False, at=200.0)
    samples = _samples(own)

    assert samples["rackproof_agent_config_last_reload_successful", ()] == 0
    assert samples["rackproof_agent_config_last_reload_success_timestamp_seconds", ()] == 100
    assert samples["rackproof_agent_config_reloads_total", (("result", "failure"),)] == 1
    own.reloaded(success=True, at=300.0)
    assert _samples(own)["rackproof_agent_config_last_reload_successful", ()] == 1


def test_loop_lag_is_a_histogram(own: Own) -> None:
    """One late wake-up in an hour is visible, which an average would hide."""
    own.loop_lag.observe(0.3)

    assert _samples(own)["rackproof_agent_loop_lag_seconds_bucket", (("le", "0.5"),)] == 1
    assert _samples(own)["rackproof_agent_loop_lag_seconds_bucket", (("le", "0.1"),)] == 0

"""Foreign readers of our page: what was put is what they read, under any name a device invents."""

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agent.exposition.floor import EOF, Floor
from agent.exposition.names import family
from agent.exposition.own import Own
from collectors.quantity import Quantity
from collectors.readings import Channel, Identity, Kind, Quality, Readings

hostile = st.text(st.characters(), max_size=40) | st.text('a"\\\n\0{}, =\ud800', max_size=6)
qualities = st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.STALE, Quality.SENTINEL])
readings = st.lists(
    st.tuples(
        hostile,
        st.sampled_from(Quantity),
        st.sampled_from(Kind),
        st.floats(0, 1e15) | st.floats(-1e6, 1e6) | st.integers(0, 2**50).map(float),
        qualities,
    ),
    max_size=12,
)


def _floor(rows: list[tuple[str, Quantity, Kind, float, Quality]], text: str) -> Floor:
    """Put rows of (channel, quantity, kind, value, quality) on two devices of two bays."""
    floor = Floor()
    states = {0: text, 1: "on"}
    channels = [Channel(name, quantity, "1.3", kind, states) for name, quantity, kind, *_ in rows]
    values = np.array([row[3] for row in rows])
    quality = np.array([row[4] for row in rows], np.uint8)
    for bay, device in (("bay-01", "feedA"), ("bay-02", "cdu")):
        floor.bind(bay, device, channels, {})
        floor.identify(bay, device, Identity("demo", "pdu", vendor=text, model=text))
        key = f"{bay}/{device}"
        floor.put(Readings(device=key, taken_at=0, values=values, quality=quality, raw=values))
        floor.polled(key, "ok", up=True, seconds=0.02, at=1.7e9)
        floor.bind_status(bay, [(device, name) for name in dict.fromkeys(r[0] for r in rows)])
        floor.rack(bay, {"serial": text, "sku": text})
    return floor


def _expected(rows: list[tuple[str, Quantity, Kind, float, Quality]]) -> dict[str, list[float]]:
    """Say in plain Python which values each family must show."""
    expected: dict[str, list[float]] = {}
    for _, quantity, kind, value, quality in rows:
        shown = family(quantity, kind)
        good = quality is Quality.GOOD and (shown.type != "counter" or value >= 0)
        if good:
            expected.setdefault(shown.name, []).append(value * quantity.base_factor)
    return {name: sorted(values * 2) for name, values in expected.items()}


def _parsed(page: str, *, openmetrics: bool) -> list[Metric]:
    """Read a page with the parser that its form asks for."""
    return list(parse_openmetrics(page) if openmetrics else parse_text(page))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("openmetrics", [False, True])
@given(readings, hostile)
def test_a_strict_parser_reads_back_what_was_put(
    openmetrics: bool,  # noqa: FBT001 -- a parameter of pytest's
    rows: list[tuple[str, Quantity, Kind, float, Quality]],
    text: str,
) -> None:
    """Every good reading once, in base units, and no series twice, whatever the names hold."""
    page = _floor(rows, text).render(openmetrics=openmetrics).decode()
    samples = [
        sample for parsed in _parsed(page, openmetrics=openmetrics) for sample in parsed.samples
    ]

    series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples]
    assert len(set(series)) == len(series)
    for name, values in _expected(rows).items():
        found = sorted(sample.value for sample in samples if sample.name == name)
        assert found == pytest.approx(values, rel=1e-11, abs=1e-22)
    statuses = [sample for sample in samples if sample.name == "rackproof_channel_status"]
    assert len(statuses) == 2 * len({row[0] for row in rows})


def _whole_page(*, openmetrics: bool) -> bytes:
    """Return a page with one channel of every quantity, and the agent's own metrics."""
    rows = [
        (f"a/{quantity.label}/{kind.value}", quantity, kind, 1.0, Quality.GOOD)
        for quantity in Quantity
        for kind in Kind
    ]
    own = Own(version="0.1.0")
    own.drops_of("snmp", lambda: {"late": 1})
    own.queue_of("mqtt/hall", lambda: 0)
    floor = _floor(rows, "x")
    floor.put_status("bay-01", np.zeros(len(rows), np.int8), np.zeros(len(rows)))
    text = floor.render(openmetrics=openmetrics).removesuffix(EOF)
    return text + own.render(openmetrics=openmetrics)


def test_the_strict_openmetrics_parser_takes_every_family() -> None:
    """Units, counters' names, order and the final mark are all as OpenMetrics 1.0 has them."""
    page = _whole_page(openmetrics=True).decode()
    families = _parsed(page, openmetrics=True)

    assert len(families) > 50
    assert page.endswith("\n# EOF\n")
    assert page.count("# EOF") == 1


def test_promtool_finds_nothing_to_correct() -> None:
    """The naming practice of Prometheus, as its own tool checks it."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=_whole_page(openmetrics=False),
        capture_output=True,
        timeout=30,
        check=False,
    )

    assert checked.returncode == 0, (checked.stdout + checked.stderr).decode()
    assert not checked.stdout + checked.stderr

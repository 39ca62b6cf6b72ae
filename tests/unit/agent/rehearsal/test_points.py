"""What a spec asks to be shown is what its simulated rack has, in the spec's own figures."""

from agent.burnin.design import Design
from agent.burnin.live import LiveBay
from agent.rehearsal.points import AGENT, build, points
from agent.rehearsal.rig import device_channels


def test_every_channel_has_its_instrument(rack: Design) -> None:
    """In the order of the design, but for what the agent measures of itself."""
    measured = rack.channels[: rack.measured]
    wanted = [(channel.device, channel.name) for channel in measured if channel.device != AGENT]
    assert [(point.device, point.name) for point in points(rack)] == wanted


def test_what_instruments_show_is_bound_without_a_word(rack: Design) -> None:
    """Names, units and states are those that the spec asks for."""
    live = LiveBay(rack)
    for device, channels in device_channels(rack).items():
        live.bind(device, channels, {})
        assert not live.problems[device]
        assert not live.missing[device]


def test_a_rack_is_built_to_the_constants_of_its_spec(rack: Design) -> None:
    """Power, coolant and current; the number of parts is that of the channels."""
    built = build(rack)
    assert (built.rack_kw, built.flow_lpm, built.supply_degc) == (132.0, 172.5, 40.0)
    assert (built.feed_volts, built.feed_breaker_a, built.bus_volts) == (240.0, 250.0, 50.0)
    assert (built.shelves, built.psus, built.feeds, built.pumps) == (8, 6, 2, 2)

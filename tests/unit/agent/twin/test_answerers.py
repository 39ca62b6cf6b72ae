"""Who is at the far end of a simulated switch's cables, and who may be told what happens."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.burnin.expand import expand
from agent.burnin.spec import load_spec
from agent.commands.twin import twin
from agent.twin.answerers import cables

SPEC = Path(__file__).parents[4] / "deploy/example/specs/rack-132kw.yaml"


def test_far_ends_name_their_ports_as_such_devices_do() -> None:
    """A host by its address, a shelf not at all, others by name; both ends of an uplink."""
    found = cables(expand(load_spec(SPEC.read_bytes(), SPEC.name)))

    def end(switch: str, port: str) -> tuple[str, str, str | None]:
        """Return who is at a port and how it says so."""
        neighbour, far_port, how, _ = found[switch][port]
        return neighbour, far_port, how

    assert end("mgmt_switch1", "swp3") == ("compute_tray3", "bmc", "mac")
    assert end("mgmt_switch2", "swp21") == ("power_shelf1", "pmc", None)
    assert end("mgmt_switch2", "swp4") == ("nvlink_switch4", "mgmt0", "name")
    assert end("bay_spine", "swp2") == ("mgmt_switch2", "swp49", "name")


@pytest.mark.parametrize("place", ["10.0.0.1:162", "localhost", "[::1]:162", "127.0.0.1:0", "x y"])
def test_traps_never_leave_this_machine(place: str) -> None:
    """A simulated breaker must not wake anybody."""
    ended = CliRunner().invoke(twin, [str(SPEC), "--traps", place])

    assert ended.exit_code == 2
    assert "--traps" in ended.output

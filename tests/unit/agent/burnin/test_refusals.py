"""Rules between the parts of a spec: each breach is answered with what to do about it."""

import pytest

from agent.burnin.spec import load_spec
from collectors.document import DocumentError

LOSSES = "steps: {lose: [feedA, feedB], each: 15 min, restore: 10 min}"
NETWORK = "      duration: 2 h\n      load: 60 %\n"
ENTRY = "entry: {all: [rack.supply_temp 44..46 degC], for: 5 min, timeout: 40 min}"
IMBALANCE = 'max_deviation(power_shelf[*].input_power)", unit: "%", warn: max 6 %, fail: max 10 %'
FOLLOWS = (
    "rack.return_temp: {nominal: 55 degC, warn: max 58 degC, fail: max 60 degC, "
    "why: follows the supply}"
)
BREACHES = [
    ("  room:\n    count: 1", "  Room:\n    count: 1", "write a-z, 0-9 and _"),
    ("  room:\n    count: 1", "  stage:\n    count: 1", "a meaning of its own"),
    ("  approach:  ", "  rear_door:  ", "is also a role"),
    ("  level:             {u", "  levle:             {u", "'levle' is unknown"),
    ("    from: cabling\n", "    from: cabling\n    count: 39\n", "cabling says which ports"),
    ("  room:\n    count: 1\n", "  room:\n", "how many devices there are is not said"),
    ("u: [38..39]", "u: [38..40]", "3 rack units for a count of 2"),
    ("u: [38..39]", "u: [61..62]", "a rack has no unit 62"),
    ("names: [feedA, feedB]", "names: [feedA, cdu]", "is also one of role"),
    ("names: [feedA, feedB]", "names: [feedA, derived]", "is not a device name"),
    ('host: "{bay}-{role}{n}"', 'host: "{bay}-{roll}{n}"', "{roll} is not known"),
    ("room:          [mqtt dsx-bms,", "room:          [modbus x,", "'snmp sentry4'"),
    ('oob_peer:    {from: "mgmt_switch1', 'oob_peer:    {from: "spine1', "at a switch of ours"),
    ('oob_peer:    {from: "mgmt_switch1:', 'oob_peer:    {from: "mgmt_switch1 ', "'device:port'"),
    ("per: feed_meter", "per: feed_metre", "no role 'feed_metre'"),
    ('"slope(rack.return_temp, 10 min)", unit: K/h', '"1 - 2", unit: furlong', "unknown"),
    ('"slope(rack.return_temp, 10 min)", unit: K/h', '"1 / 2 - 2 dB", unit: "1"', "means nothing"),
    ("hold: 10 min, min_load: 50 %}   #", "hold: -10 min, min_load: 50 %}   #", "negative"),
    ("u: 0.4 K, hysteresis: 0.5 K", "u: -0.4 K, hysteresis: 0.5 K", "negative"),
    ("u: 0.4 K, hysteresis: 0.5 K", "u: 0.4 K, hysteresis: 5 K", "ends an excursion"),
    ("min_load: 90 %}\n      output_power", "min_load: 190 %}\n      output_power", "0 % to 100 %"),
    ("i: 1..18", "i: 18..1", "is not a range"),
    ("per: zone 4, fail: is dry", "per: zone, fail: is dry", "'psu 6'"),
    ("state:             {hold", "state:             {u: 1 %, hold", "a state has no u; remove"),
    ("  power:             {u: 1 %}\n", "", "the decision is guarded; add u"),
    ("every: 5 s, hold: 30 s, budget", "hold: 30 s, budget", "no every"),
    ("  count:             {kind: counter, gap: 5 min, every: 15 s}\n", "", None),
    (
        'energy_residual: {expr: "(rack_power - heat_to_liquid - rear_door.heat) / rack_power"',
        'energy_residual: {expr: "max(rack_power) / rack_power"',
        None,
    ),
    (
        "unit: K, warn: -0.8..0.8 K, fail: -1.5..1.5 K, u: 0.4 K",
        "unit: K, warn: -0.8..0.8 K, fail: -1.5..1.5 K, u: 0.3 K",
        "smaller than the 0.566 K",
    ),
    (
        IMBALANCE + ", u: 1.5 %",
        IMBALANCE,
        "no uncertainty",
    ),
    (
        "all: [rack.leak is dry, dew",
        "all: [rack.leak is wet, dew",
        "rack.leak has no limit of that state, only dry",
    ),
    (
        "        cdu.pump_ok:    {fail: is stopped}\n",
        "        cdu.pump_ok:    skip\n",
        "nothing would show that cdu.pump1 is gone",
    ),
    (NETWORK, "      load: 60 %\n", "a duration or steps"),
    (NETWORK, "      duration: 2 h\n", "a load or steps of load"),
    (NETWORK, "      duration: 0 h\n      load: 60 %\n", "write how long"),
    (LOSSES, LOSSES.replace("lose: [feedA, feedB], ", ""), "steps do one of"),
    (LOSSES, LOSSES.replace("each: 15 min", "each: 0 s"), "each for some time"),
    (ENTRY, "entry: {timeout: 40 min}", "nothing is demanded"),
    (ENTRY, ENTRY.replace("5 min", "50 min"), "lengthen it"),
    ("  steady: {rule", "  # {rule", "plan.steady is missing"),
    ("fail: min 140 lpm, hold: 8 s", "fail: min 140 lpm, hold: 8 s, gap: 9 s", "longer than hold"),
    (
        "phase_imbalance:          {skip: true, why",
        "phase_imbalance:          {skip: true, hold: 1 s, why",
        "skips and changes at once",
    ),
    (
        "shelf_imbalance:          {skip: true, why: lost shelves read zero}",
        "shelf_imbalance:          {skip: true}",
        "loosens skip without saying why",
    ),
    (
        FOLLOWS,
        "rack.return_temp: {budget: 5 min}",
        "loosens budget without saying why",
    ),
    (
        FOLLOWS,
        "rack.return_temp: {warn: max 51 degC, hold: 20 s}",
        None,
    ),
]


@pytest.mark.parametrize(("before", "after", "about"), BREACHES)
def test_each_breach_is_answered(example: str, before: str, after: str, about: str | None) -> None:
    """Without a word about it, the text would do something nobody meant; None: it is all right."""
    assert before in example
    text = example.replace(before, after, 1)
    if about is None:
        load_spec(text.encode(), "rack.yaml")
        return
    with pytest.raises(DocumentError) as refused:
        load_spec(text.encode(), "rack.yaml")
    assert about in str(refused.value)


def test_a_plan_without_stages_is_refused(example: str) -> None:
    """It would prove nothing, and pass."""
    start = example.index("  stages:\n")

    with pytest.raises(DocumentError, match="a plan without stages proves nothing"):
        load_spec((example[:start] + "  stages: []\n").encode(), "rack.yaml")

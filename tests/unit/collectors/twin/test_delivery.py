"""Messages that are late, doubled, overtaken or kept, and what a reader makes of them."""

from hypothesis import given
from hypothesis import strategies as st

from collectors.document import parse
from collectors.mqtt.device import Heard
from collectors.mqtt.gateway import Gateway
from collectors.mqtt.mapping import MqttProfile
from collectors.mqtt.source import Source
from collectors.readings import Quality
from collectors.twin.delivery import Delivery, Quirk
from collectors.twin.mqtt_face import Message

WALL = 1_743_620_423.0
PROFILE = """\
dialect: json
messages:
  - {topic: t, max_age: 20 s, time: ts, channels: {n: {field: n, quantity: count, kind: counter}}}
"""
quirks = st.builds(
    Quirk,
    late_s=st.sampled_from([0.0, 3.0]),
    again_s=st.sampled_from([0.0, 1.0, 4.0]),
    overtaken_s=st.sampled_from([0.0, 2.5]),
    retained=st.booleans(),
)


def message(second: int, device: str = "cdu") -> Message:
    """Return what a device says in a second: its number."""
    body = f'{{"ts": {int((WALL + second) * 1000)}, "n": {second}}}'
    return Message("t", body.encode(), rack=1, device=device)


@given(quirk=quirks)
def test_nothing_is_lost_and_what_is_not_meant_is_not_touched(quirk: Quirk) -> None:
    """Each message comes once, or twice where it is doubled; a neighbour's at once, in order."""
    delivery = Delivery()
    delivery.set(1, "cdu", quirk)
    bent: list[bytes] = []
    straight: list[bytes] = []
    for second in range(40):
        said = [message(second), message(second, "rack")] if second < 20 else []
        for each in delivery.through(said, float(second)):
            (bent if each.device == "cdu" else straight).append(each.payload)
    assert straight == [message(n).payload for n in range(20)]
    assert sorted(bent) == sorted(
        [message(n).payload for n in range(20)] * (2 if quirk.again_s else 1)
    )


@given(quirk=quirks)
def test_a_reader_never_goes_back_in_time(quirk: Quirk) -> None:
    """Whatever happens on the way, a counter that only rises is only read as rising."""
    mqtt = parse(PROFILE, "p.yaml").validate(MqttProfile)
    source = Source(profile="p", kind="other", vendor="v", mqtt=mqtt, match={})
    gateway, delivery, read = Gateway("bay/cdu", source), Delivery(), []
    gateway.connected()
    delivery.set(1, "cdu", quirk)
    for second in range(40):
        for each in delivery.through([message(second)], float(second)):
            # to a reader who is there, what the broker keeps is told live
            gateway.take(
                Heard("t", each.payload, retained=False, now=float(second), wall=WALL + second)
            )
        (*_, last) = gateway.readings(float(second))
        if last.quality[0] == Quality.GOOD:
            read.append(last.values[0])
    assert read == sorted(read)
    assert read[-1] >= 30


def test_a_way_that_is_mended_is_straight_and_gives_up_what_it_held() -> None:
    """Take the quirk away while a message is held up."""
    delivery = Delivery()
    delivery.set(1, "cdu", Quirk(late_s=5.0))
    assert not list(delivery.through([message(0)], 0.0))
    delivery.set(1, "cdu", None)
    assert list(delivery.through([message(1)], 1.0)) == [message(1)]
    assert list(delivery.through([], 5.0)) == [message(0)]

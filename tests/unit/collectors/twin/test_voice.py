"""A device's socket repeats an inform by itself until somebody has it."""

import asyncio

import pytest

from collectors.snmp.ber import Tag, integer, tlv
from collectors.snmp.message import Community, PduType, decode_pdu
from collectors.twin import trap, voice
from collectors.twin.trap import Herald, Notice, Sink
from collectors.twin.voice import Voice

V2C = Community("2c", b"public")


class Deaf(asyncio.DatagramProtocol):
    """Understands what it hears the second time only."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Acknowledge what was heard before."""
        if data in self.heard and self.transport is not None:
            number = decode_pdu(V2C.open(data)).request_id
            fields = b"".join(tlv(Tag.INTEGER, integer(value)) for value in (number, 0, 0))
            pdu = tlv(PduType.RESPONSE, fields + tlv(Tag.SEQUENCE, b""))
            self.transport.sendto(V2C.seal(pdu), addr)
        self.heard.append(data)


async def test_an_inform_is_repeated_until_it_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice, and then it is quiet."""
    for module in (trap, voice):
        monkeypatch.setattr(module, "REPEAT_SECONDS", 0.05)
    loop = asyncio.get_running_loop()
    transport, deaf = await loop.create_datagram_endpoint(Deaf, local_addr=("127.0.0.1", 0))
    deaf.transport = transport
    sink = Sink(address=transport.get_extra_info("sockname"), inform=True)
    herald = Herald([sink], host="127.0.1.11", sys_object_id="1.3.6.1.4.1.9")
    device = Voice(herald, "127.0.1.11", loop.time)

    device.tell(Notice("1.3.6.1.6.3.1.1.5.1"), uptime=5.0)
    assert not device.quiet.is_set()
    await asyncio.wait_for(device.quiet.wait(), 20)

    assert len(deaf.heard) >= 2
    assert len(set(deaf.heard)) == 1
    assert (herald.waiting, herald.lost) == (0, 0)
    device.close()
    transport.close()

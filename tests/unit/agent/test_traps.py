"""What becomes of what devices say: kept, acknowledged, passed on to runs, and never too much."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import clock, keeping, own_engine, traps
from agent.burnin.event import Event, Kind
from agent.gathered import BURST, KINDS_MAX, OTHERS, Gathered
from agent.store.database import Connection, lent
from agent.store.inbox import REPEAT_S, Inbox, Notice, Row
from agent.store.trouble import StoreError
from agent.traps import Traps
from collectors.notified import Meaning
from collectors.snmp.ber import Tag
from collectors.snmp.hearing import Hearing
from collectors.snmp.notification import STANDARD, Notification
from collectors.snmp.proof import Proof
from collectors.snmp.receiver import Receiver
from collectors.snmp.speaker import Speaker, Speakers
from collectors.snmp.usm import BOOTS_MAX, Authority
from collectors.twin.trap import Field, Herald, Sink
from collectors.twin.trap import Notice as Said

THERE: Final = ("127.0.0.9", 4_000)
HERE: Final = ("127.0.0.1", 162)


def notice(device: str = "feedA", name: str = "linkDown", *, inform: bool = False) -> Notice:
    """Make what a device said."""
    return Notice(
        bay="bay-01",
        device=device,
        name=name,
        oid=f"{STANDARD}.3",
        channels=("port/swp3/link",),
        restart=False,
        inform=inform,
        version="2c",
        uptime_s=1.5,
        objects=(("1.3.6.1.2.1.2.2.1.8.7", "2"),),
    )


# -- the inbox ---------------------------------------------------------------------------------


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    """As it was, and found by its bay."""
    path = tmp_path / "inbox.sqlite"
    inbox = Inbox.open(path)
    inbox.keep([(b"a", 100.0, notice()), (b"b", 100.0, notice("feedB"))])
    inbox.close()

    again = Inbox.open(path)

    assert [row.notice for row in again.missed("bay-01", 0, 0.0)] == [notice(), notice("feedB")]
    assert [row.notice.device for row in again.missed("bay-01", 1, 0.0)] == ["feedB"]
    assert not again.missed("bay-01", 0, 101.0)
    assert not again.missed("bay-02", 0, 0.0)
    again.close()


def test_an_inform_that_comes_again_is_one_row_and_a_trap_is_two(tmp_path: Path) -> None:
    """Only who waits for an answer repeats himself; and after minutes he means another thing."""
    inbox = Inbox.open(tmp_path / "inbox.sqlite")
    told = [(b"a", notice(inform=True)), (b"b", notice())]

    first, second, later = (
        inbox.keep([(key, wall, said) for key, said in told])
        for wall in (100.0, 101.0, 102.0 + REPEAT_S)
    )

    assert [row is not None for row in (*first, *second, *later)] == [1, 1, 0, 1, 1, 1]
    inbox.close()


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    """A disk is not filled by whoever talks."""
    inbox = Inbox.open(tmp_path / "inbox.sqlite", rows_max=10)
    for number in range(25):
        inbox.keep([(b"%d" % number, float(number), notice(f"d{number}"))])

    names = [row.notice.device for row in inbox.missed("bay-01", 0, 0.0)]

    assert names == [f"d{number}" for number in range(15, 25)]
    inbox.close()


# -- what a run is told ------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 99)), max_size=300))
def test_everything_that_was_said_is_told_in_the_end(said: list[tuple[str, int]]) -> None:
    """However much it is: the numbers add up, and the entries stay few."""
    gathered = Gathered()
    entries: list[Mapping[str, Any]] = []
    for id_, (device, kind) in enumerate(said, start=1):
        gathered.add(Row(id_, 0.0, notice(device, f"k{kind}")))
        entries += gathered.due(0.0)
    few = len(entries)
    for hour in range(1, 100):
        entries += gathered.due(hour * 3600.0)

    assert sum(entry["count"] for entry in entries) == len(said)
    assert few <= 2 * BURST
    assert len(entries) <= 2 * (BURST + KINDS_MAX + 1)
    assert not gathered.due(1e9)


def test_the_first_of_each_kind_is_told_as_it_was_said() -> None:
    """With its objects, and how often it came."""
    gathered = Gathered()
    for id_ in (4, 5, 6):
        gathered.add(Row(id_, 0.0, notice()))

    (entry,) = gathered.due(0.0)

    told = entry["name"], entry["device"], entry["count"], entry["row"]
    assert told == ("linkDown", "feedA", 3, 6)
    assert entry["objects"] == [["1.3.6.1.2.1.2.2.1.8.7", "2"]]
    assert entry["name"] != OTHERS


# -- our engine --------------------------------------------------------------------------------


def test_every_start_is_counted_and_the_name_stays(tmp_path: Path) -> None:
    """Whoever is told our clock can tell one start from another."""
    first, second = own_engine.start(tmp_path), own_engine.start(tmp_path)

    assert first.name == second.name
    assert (first.boots, second.boots) == (1, 2)
    assert len({first.salt, second.salt}) == 2
    assert len(first.name) == 13


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"boots":"x","engine":"00"}', b"\xff\x00", b'{"boots":1']
)
def test_a_damaged_file_makes_a_new_engine(tmp_path: Path, content: bytes) -> None:
    """Of a name that nobody knows, so that its count may begin anew."""
    before = own_engine.start(tmp_path)
    (tmp_path / own_engine.FILE).write_bytes(content)

    after = own_engine.start(tmp_path)

    assert after.boots == 1
    assert after.name != before.name


def test_an_engine_that_has_counted_to_the_end_is_replaced(tmp_path: Path) -> None:
    """At the last number nobody believes it any more (RFC 3414 §2.2.2)."""
    name = own_engine.start(tmp_path).name
    text = f'{{"boots":{BOOTS_MAX - 1},"engine":"{name.hex()}"}}'
    (tmp_path / own_engine.FILE).write_text(text)

    found = own_engine.start(tmp_path)

    assert (found.boots, found.name != name) == (1, True)


# -- all of it together ------------------------------------------------------------------------


class Running:
    """A run that remembers what it was told."""

    def __init__(self, name: str = "run-1", wall: float = 0.0, last_row: int = 0) -> None:
        self.name = name
        self.events = [Event(0.0, Kind.RUN_STARTED, {"wall": wall})]
        self.last_row = last_row
        self.told: list[Row] = []

    def notified(self, row: Row) -> None:
        """Remember, as a run does, each row once."""
        if not 0 < row.id <= self.last_row:
            self.last_row = max(self.last_row, row.id)
            self.told.append(row)


class Desk:
    """A desk with at most one run."""

    def __init__(self) -> None:
        self.run: Running | None = None

    def running(self, bay: str) -> Running | None:
        """Return the run."""
        return self.run if bay == "bay-01" else None


class Disk:
    """A disk that refuses while it is told to, and stands still while it is told to."""

    def __init__(self) -> None:
        self.full = False
        self.writes = 0
        self.goes = threading.Event()
        self.goes.set()

    def connect(self, path: Path) -> Connection:
        """Open a database on this disk."""
        connection = lent(path)
        outer = self

        class Refusing:
            """Refuses to begin."""

            def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever there is
                return getattr(connection, name)

            def execute(self, sql: str, values: Any = (), /) -> Any:  # noqa: ANN401 -- likewise
                if sql == "COMMIT":
                    outer.writes += 1
                    assert outer.goes.wait(60)
                if outer.full and sql.startswith("BEGIN"):
                    raise OSError(28, "No space left on device")
                return connection.execute(sql, values)

        return cast("Connection", Refusing())


class Scene(NamedTuple):
    """A listener without a socket, and all around it."""

    traps: Traps
    desk: Desk
    disk: Disk
    asked: list[str]
    inbox: Inbox

    def hear(self, *datagrams: bytes) -> None:
        """Let datagrams come from the device."""
        heard = [self.traps.hearing.hear(each, THERE, 0.0) for each in datagrams]
        self.traps.take([each for each in heard if each is not None])


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Listen to one device."""
    disk, desk, asked = Disk(), Desk(), list[str]()
    inbox = Inbox.open(tmp_path / "inbox.sqlite", connect=disk.connect)
    speakers = Speakers([(THERE[0], Speaker("bay-01/feedA", frozenset({b"public"})))])
    hearing = Hearing(Proof(b"engine", Authority(1, 0.0), salt=1), speakers)

    def tell(device: str, told: Notification) -> Meaning:
        asked.append(device)
        return Meaning("linkDown" if told.name.endswith(".3") else told.name)

    listener = Traps(hearing, inbox, tell, desk)
    yield Scene(listener, desk, disk, asked, inbox)
    await listener.close()
    inbox.close()


def said(count: int = 1, *, inform: bool = False, uptime: float = 0.0) -> list[bytes]:
    """Return what a device says, each time something else."""
    device = Herald([Sink(address=HERE, inform=inform)], host=THERE[0], sys_object_id="1.3.6.1")
    sent = [device.tell(Said(f"{STANDARD}.3"), uptime + n, 0.0) for n in range(count)]
    return [each[0][0] for each in sent if each]


async def test_a_trap_is_kept_and_the_run_is_told(scene: Scene) -> None:
    """And its device is asked, before anything is written."""
    scene.desk.run = run = Running()

    scene.hear(*said())
    assert scene.asked == ["bay-01/feedA"]
    assert not run.told
    await scene.traps.drain()

    assert [row.notice.name for row in run.told] == ["linkDown"]
    assert scene.traps.counts["trap", "kept"] == 1
    assert not scene.traps.hearing.outbox


async def test_an_inform_waits_for_the_disk(scene: Scene) -> None:
    """Nothing is said before, everything after."""
    scene.hear(*said(inform=True))
    assert not scene.traps.hearing.outbox

    await scene.traps.drain()

    assert len(scene.traps.hearing.outbox) == 1
    assert scene.traps.acknowledged == 1


async def test_a_disk_that_is_full_acknowledges_nothing(scene: Scene) -> None:
    """The sender says it again, and when there is room it is new."""
    datagram = said(inform=True)
    scene.disk.full = True
    scene.hear(*datagram)
    await scene.traps.drain()
    assert "No space left" in scene.traps.trouble
    assert scene.traps.drops["not_stored"] == 1
    assert not scene.traps.hearing.outbox

    scene.disk.full = False
    scene.hear(*datagram)
    await scene.traps.drain()

    assert not scene.traps.trouble
    assert scene.traps.acknowledged == 1


async def test_a_storm_is_kept_in_part_and_counted_in_full(scene: Scene) -> None:
    """The run hears of all of it, the disk of its beginning."""
    scene.desk.run = run = Running()

    scene.hear(*said(3000))
    await scene.traps.drain()

    counts = scene.traps.counts
    assert counts["trap", "kept"] + counts["trap", "counted"] == 3000
    assert traps.ROWS_BURST <= counts["trap", "kept"] < traps.ROWS_BURST + 100
    assert len(run.told) == 3000
    assert len(scene.inbox.missed("bay-01", 0, 0.0)) == counts["trap", "kept"]


async def test_informs_beyond_the_share_of_a_device_are_left_to_be_repeated(scene: Scene) -> None:
    """Whoever is acknowledged is kept: never the one without the other."""
    scene.hear(*(each for n in range(20) for each in said(64, inform=True, uptime=1000.0 * n)))
    await scene.traps.drain()

    rows = len(scene.inbox.missed("bay-01", 0, 0.0))
    assert scene.traps.acknowledged == rows
    assert scene.traps.drops["rate"] == 20 * 64 - rows > 0


async def test_a_run_that_comes_back_is_told_what_it_missed(scene: Scene) -> None:
    """What was on the disk when the agent was killed, once, and nothing from before the run."""
    wall = clock.wall()
    scene.inbox.keep([(b"1", wall - 1000, notice("old"))])
    scene.inbox.keep([(b"2", wall, notice("told")), (b"3", wall, notice("missed"))])
    scene.desk.run = run = Running(wall=wall - 10, last_row=2)

    scene.traps.catch_up("bay-01")
    scene.traps.catch_up("bay-01")
    scene.hear(*said())
    await scene.traps.drain()

    assert [row.notice.device for row in run.told] == ["missed", "feedA"]


async def test_it_writes_by_itself_soon(scene: Scene) -> None:
    """An inform sooner than a trap."""
    scene.hear(*said())
    scene.hear(*said(inform=True))
    async with asyncio.timeout(20):
        while not scene.traps.acknowledged:  # noqa: ASYNC110 -- the disk has no event
            await asyncio.sleep(0.01)

    assert scene.traps.counts["trap", "kept"] == 1


async def test_a_disk_that_stands_still_stops_nothing_but_answers(scene: Scene) -> None:
    """What comes meanwhile is heard, in order; nobody is told that it is on the disk."""
    scene.desk.run = run = Running()
    scene.disk.goes.clear()
    scene.hear(*said(64, inform=True))
    writing = asyncio.create_task(scene.traps.drain())
    await asyncio.sleep(0)
    for batch in range(1, 4):
        scene.hear(*said(64, uptime=1000.0 * batch))
        await asyncio.sleep(0)
    assert len(scene.asked) == 4 * 64, "their devices are asked at once"
    assert not scene.traps.hearing.outbox
    assert not run.told

    scene.disk.goes.set()
    await writing

    assert scene.traps.acknowledged == 64
    assert len(run.told) == 4 * 64
    uptimes = [row.notice.uptime_s for row in run.told]
    assert uptimes == sorted(uptimes)
    assert [row.id for row in run.told] == list(range(1, 4 * 64 + 1))


async def test_a_slow_disk_takes_all_that_waits_at_once(scene: Scene) -> None:
    """However much that is: what it takes in a second does not depend on how slow it is."""
    scene.disk.goes.clear()
    scene.hear(*said())
    writing = asyncio.create_task(scene.traps.drain())
    await asyncio.sleep(0)
    before = scene.disk.writes
    scene.hear(*said(3 * keeping.BATCH, uptime=100.0))
    scene.disk.goes.set()
    await writing

    assert sum(scene.traps.counts.values()) == 1 + 3 * keeping.BATCH
    assert scene.disk.writes <= before + 2


async def test_what_was_said_before_a_run_is_none_of_its_events(scene: Scene) -> None:
    """However long the disk took."""
    scene.hear(*said())
    scene.desk.run = run = Running(wall=clock.wall())
    scene.hear(*said(uptime=50.0))
    await scene.traps.drain()

    assert [row.notice.uptime_s for row in run.told] == [50.0]


async def test_no_name_of_a_device_fills_the_disk(scene: Scene) -> None:
    """Object identifiers may be as long as a datagram; what is kept of them is not."""
    endless = "1.3.6.1.4.1.32473" + ".4294967295" * 110
    device = Herald([Sink(address=HERE)], host=THERE[0], sys_object_id="1.3.6.1")
    field = Field(endless, Tag.OID, endless)
    scene.hear(*(each for each, _ in device.tell(Said(endless, (field,)), 1.0, 0.0)))
    await scene.traps.drain()

    (row,) = scene.inbox.missed("bay-01", 0, 0.0)
    ((oid, text),) = row.notice.objects
    texts = (oid, text, row.notice.oid, row.notice.name)
    assert {len(each) <= traps.OID_CHARS_MAX for each in texts} == {True}
    assert oid.startswith("1.3.6.1.4.1.32473.4294967295")


async def test_more_than_may_wait_for_the_disk_is_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an inform of it is new when it is said again."""
    monkeypatch.setattr(keeping, "WAITING_MAX", 10)
    scene.disk.goes.clear()
    scene.hear(*said())
    writing = asyncio.create_task(scene.traps.drain())
    await asyncio.sleep(0)
    beyond = said(inform=True, uptime=500.0)

    scene.hear(*said(10, uptime=100.0))
    scene.hear(*beyond)
    assert scene.traps.drops["backlog"] == 1
    assert "slow" in scene.traps.trouble, "whoever asks whether all is well hears of it"
    scene.disk.goes.set()
    await writing
    before = scene.traps.acknowledged
    scene.hear(*beyond)
    await scene.traps.drain()

    assert scene.traps.counts["trap", "kept"] == 11
    assert (before, scene.traps.acknowledged) == (0, 1)


async def test_the_trouble_ends_with_the_full_disk_and_not_before(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody says anything more; and a storm that is only counted proves nothing."""
    monkeypatch.setattr(keeping, "RETRY_S", 0.01)
    scene.disk.full = True
    scene.hear(*said(traps.ROWS_BURST))
    await scene.traps.drain()
    scene.hear(*said(50, uptime=1e6))
    await scene.traps.drain()
    assert "No space left" in scene.traps.trouble
    assert scene.traps.drops["not_stored"] == traps.ROWS_BURST
    assert scene.traps.counts["trap", "counted"] == 50

    scene.disk.full = False
    async with asyncio.timeout(20):
        while scene.traps.trouble:  # noqa: ASYNC110 -- the disk has no event
            await asyncio.sleep(0.01)

    assert not scene.inbox.missed("", 0, 0.0)


async def test_whoever_was_heard_before_the_end_is_answered(scene: Scene) -> None:
    """An agent that stops writes what it has, and acknowledges that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.1", 0))
        device.setblocking(False)  # noqa: FBT003 -- so it is called
        speaker = Speaker("bay-01/feedA", frozenset({b"public"}))
        scene.traps.hearing.allow(Speakers([("127.0.0.1", speaker)]))
        receiver = scene.traps.receiver = Receiver.open(
            ("127.0.0.1", 0), scene.traps.hearing, scene.traps.take, clock.monotonic
        )
        device.sendto(said(inform=True)[0], receiver.address)
        async with asyncio.timeout(20):
            while not scene.asked:  # noqa: ASYNC110 -- the socket tells the loop
                await asyncio.sleep(0)

        await scene.traps.close()
        scene.traps.receiver = None

        assert len(device.recv(2000)) > 30
    assert len(scene.inbox.missed("bay-01", 0, 0.0)) == 1


TEXTS: Sequence[tuple[object, str]] = [
    (b"tripped\0\0", "tripped"),
    (b"\x1b[31mred", "1b 5b 33 31 6d 72 65 64"),
    ("1.3.6", "1.3.6"),
    (None, ""),
    (7, "7"),
    (b"x" * 1000, "x" * 119 + "…"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_values_are_fit_to_be_shown(value: Any, text: str) -> None:  # noqa: ANN401 -- any
    """Printable and bounded."""
    assert traps.text_of(value) == text


def test_a_store_that_is_damaged_says_so(tmp_path: Path) -> None:
    """It is not written over."""
    path = tmp_path / "inbox.sqlite"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(StoreError, match=r"inbox\.sqlite"):
        Inbox.open(path)

"""A floor of SNMPv3, from its floor file to its metrics, by the programs as they are shipped."""

import asyncio
import base64
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from agent.exits import Exit
from agent.programs import Program, free_port, get
from collectors.snmp.usm import Authority, User
from collectors.twin.engine import Engine, engine_id
from collectors.twin.objects import Table, fixed, system
from collectors.twin.responder import Responder
from tests.oracles.engine_socket import Socket

if TYPE_CHECKING:
    from collectors.twin.objects import Shown

EXAMPLE: Final = Path(__file__).parents[2] / "deploy" / "example" / "specs" / "rack-132kw.yaml"
PATIENCE_S: Final = 120.0  # of a test on a busy machine
SECURE: Final = """\
credentials:
  secure:
    version: 3
    user: rackproof
    auth: {protocol: SHA-256, password: {env: AUTH}}
    privacy: {protocol: AES-128, password: {file: privacy}}
  wrong:
    version: 3
    user: rackproof
    auth: {protocol: SHA-256, password: {env: WRONG}}
    privacy: {protocol: AES-128, password: {file: privacy}}
"""
CANARIES: Final = {
    "AUTH": "qZ7!kanari-eins",
    "WRONG": "qZ8!kanari-zwei",
    "PRIVACY": "qZ9!kanari-drei",
}
PREFIX: Final = 6  # characters: shorter ones occur by chance
PAGES: Final = ("/metrics", "/", "/sd", "/index.json", "/api/v1/bays", "/api/v1/openapi.json")
TEMPERATURE: Final = (
    "1.3.6.1.2.1.33.1.2.7.0"  # upsBatteryTemperature of UPS-MIB: any profile-less value
)


@dataclass
class Site:
    """A folder, and the programs that were started there."""

    folder: Path
    programs: AsyncExitStack
    port: int

    async def start(self, name: str, *words: str, **secrets: str) -> Program:
        """Start a command of ours, with secrets in its environment."""
        given = ["env", *(f"{key}={value}" for key, value in secrets.items())]
        command = (*given, sys.executable, "-m", "agent", *words)
        program = await Program.start(name, command, self.folder)
        self.programs.push_async_callback(program.stop)
        return program

    async def metrics(self) -> str:
        """Return the page."""
        return (await get(self.port, "/metrics") or b"").decode()

    async def until(self, *wanted: str) -> str:
        """Wait for a page on which each of these is found; return it."""
        page, lacking = "", list(wanted)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while lacking:
                    page = await self.metrics()
                    lacking = [each for each in wanted if not re.search(each, page, re.MULTILINE)]
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pytest.fail(f"never on the page: {lacking}\n{self.said()}")
        return page

    def said(self) -> str:
        """Return all that the programs have written."""
        return "\n".join(log.read_text(errors="replace") for log in self.folder.glob("*.log"))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Make an empty folder; whatever runs there ends with the test."""
    async with AsyncExitStack() as programs:
        yield Site(tmp_path, programs, free_port(0))


def up(device: str, value: int) -> str:
    """Match whether a device is up."""
    return rf'^rackproof_device_up{{bay="[^"]+",device="{device}"}} {value}(\.0)?$'


async def test_a_simulated_bay_is_read_in_version_3(site: Site) -> None:
    """A twin on the air, its floor file with a user's passwords, and every device's readings."""
    twin = await site.start("twin", "twin", str(EXAMPLE), "--no-broker", "--floor", "floor")
    floor = site.folder / "floor" / "floor.yaml"
    async with asyncio.timeout(PATIENCE_S):
        while twin.process.returncode is None and "Ctrl-C" not in twin.log.read_text():  # noqa: ASYNC110 -- a file has no event
            await asyncio.sleep(0.1)
    assert twin.process.returncode is None, twin.obituary()
    text = re.sub(
        r"^listen: .*$", f"listen: 127.0.0.1:{site.port}", floor.read_text(), flags=re.MULTILINE
    )
    text = re.sub(r"^credentials:.*\n(?:[ ].*\n)*", SECURE, text, flags=re.MULTILINE)
    text = re.sub(
        r"^(defaults: {.*)credentials: \w+", r"\1credentials: secure", text, flags=re.MULTILINE
    )
    text = text.replace("feedB: {", "feedB: {credentials: wrong, ", 1)
    floor.write_text(text)
    (floor.parent / "privacy").write_text("simulated\n")
    (floor.parent / "privacy").chmod(0o600)

    await site.start("agent", "run", str(floor), AUTH="simulated", WRONG="stimulated")

    page = await site.until(
        up("feedA", 1),
        up("feedB", 0),
        up("mgmt_switch1", 1),
        r'^rackproof_current_amperes{bay="[^"]+",device="feedA",channel="[^"]+"} \d',
        r'^rackproof_device_polls_total{bay="[^"]+",device="feedB",outcome="wrong_digest"} [1-9]',
    )
    assert 'device="feedB",channel' not in "".join(
        line for line in page.splitlines() if line.startswith("rackproof_current")
    )
    assert 'reason="report_wrong_digest"' in page
    assert "its authentication password or protocol is another" in site.said()


async def device(site: Site, name: str) -> str:
    """Run a device that knows the right passwords; return its address."""
    loop = asyncio.get_running_loop()
    objects = [*system("1.3.6.1.4.1.62960.1", name, name), fixed(TEMPERATURE, 23)]
    kept = [each for each in objects if not each.reads]
    responder: Responder[Shown] = Responder(Table(kept), {})
    user = User.of(
        b"rackproof",
        auth=("SHA-256", CANARIES["AUTH"].encode()),
        privacy=("AES", CANARIES["PRIVACY"].encode()),
    )
    clock = Authority(3, started=loop.time() - 1000)
    engine = Engine(engine_id(name), responder, [user], clock=clock, salt=1)
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Socket(engine), local_addr=("127.0.0.1", 0)
    )
    site.programs.callback(transport.close)
    host, port = transport.get_extra_info("sockname")[:2]
    return f"{host}:{port}"


def traces(canary: str) -> list[bytes]:
    """Return all forms in which a secret could leak: its beginning, in hexadecimal, in Base64."""
    start = canary[:PREFIX].encode()
    whole = canary.encode()
    return [
        start,
        start.hex().encode(),
        start.hex(" ").encode(),
        start.hex().upper().encode(),
        base64.b64encode(start),
        base64.b64encode(whole)[:8],
        base64.b64encode(b"x" + whole)[2:10],
        base64.b64encode(b"xx" + whole)[4:12],
    ]


async def test_no_password_leaves_the_process(site: Site) -> None:
    """Two devices, one of them asked with a wrong password, at the most talkative log level."""
    right, wrong = await device(site, "one"), await device(site, "two")
    (site.folder / "privacy").write_text(CANARIES["PRIVACY"])
    (site.folder / "privacy").chmod(0o600)
    (site.folder / "floor.yaml").write_text(
        f"floor: rackproof.floor/1\nlisten: 127.0.0.1:{site.port}\n{SECURE}"
        "defaults: {credentials: secure, interval: 1 s, timeout: 500 ms}\n"
        "bays:\n  bay-01:\n    devices:\n"
        f"      one: {{address: '{right}'}}\n"
        f"      two: {{address: '{wrong}', credentials: wrong}}\n"
    )
    secrets = {key: CANARIES[key] for key in ("AUTH", "WRONG")}
    asked = ["--version", "3", "--user", "rackproof", "--auth", "SHA-256", "--privacy", "AES-128"]
    asked += ["--privacy-password-file", "privacy", "--timeout", "500ms"]

    await site.start("agent", "--debug", "run", "floor.yaml", **secrets)
    page = await site.until(up("one", 1), up("two", 0), "report_wrong_digest")
    said = [page.encode()]
    said += [await get(site.port, path) or b"" for path in PAGES]
    commands: Sequence[tuple[str, tuple[str, ...], Exit]] = (
        ("probe", (right, *asked), Exit.YES),
        ("probe", (wrong, *asked), Exit.UNDECIDED),
        ("record", (right, *asked, "-o", "walked.snmprec"), Exit.YES),
        ("check", ("floor.yaml", "--json"), Exit.YES),
    )
    programs = [
        await site.start(
            f"{name}{number}",
            *("--debug", name, *words),
            **secrets,
            RACKPROOF_AUTH_PASSWORD=CANARIES["WRONG" if words[0] == wrong else "AUTH"],
        )
        for number, (name, words, _) in enumerate(commands)
    ]
    for program, (_, _, code) in zip(programs, commands, strict=True):
        async with asyncio.timeout(PATIENCE_S):
            assert await program.process.wait() == code, program.obituary()
    said.append(site.said().encode())
    kept = [path for path in site.folder.rglob("*") if path.is_file() and path.name != "privacy"]
    said += [path.read_bytes() for path in kept]

    everything = b"\n".join(said)
    assert b"device_not_identified" in everything
    assert b"its authentication password or protocol is another" in everything
    for canary in CANARIES.values():
        assert not [trace for trace in traces(canary) if trace in everything]

"""Files that people write: YAML of any kind, profiles, floors, specs, and recordings of devices."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from unittest.mock import patch

from agent import config
from agent.burnin.expression import ExpressionError, parse_condition
from agent.burnin.expression import parse as parse_expression
from agent.burnin.limits import LimitError
from agent.burnin.spec import load_spec
from collectors import profile, rows
from collectors.document import DEPTH_MAX, DIGITS_MAX, NODES_MAX, DocumentError, parse
from collectors.quantity import UnitError
from collectors.recording import line, read_lines
from fuzz.target import Target

YAML: Final = (
    b"a: 1\nb: [x, 'y', \"z\", 1.5, true, null, ~]\nc:\n  d: {e: f}\n",
    b"? [a]\n: b\n",
    b"a: !!int '7'\nb: !!float x\nc: !!bool maybe\nd: !!binary aGk=\n",
    b"a: &x [1]\nb: *x\n",
    b"--- |\n text\n  more\n...\n",
    b"%YAML 1.2\n---\n0x1F: 0o17\n1e3: .inf\n2001-12-14: -.NaN\n",
    b"a: 1\na: 2\n",
    b"<<: {a: 1}\n",
    b"a: !!set {x, y}\nb: !!omap [x: 1]\nc: !!timestamp 2001-12-14\nd: !!str 1\ne: !!null x\n",
)
TAGS: Final = tuple(
    f"!!{name} ".encode()
    for name in (
        *("int", "float", "bool", "null", "str", "binary", "timestamp", "set", "omap", "pairs"),
        *("map", "seq", "merge", "value", "python/name:os.system", "python/object/apply:os.abort"),
    )
)
YAML_WORDS: Final = (
    *TAGS,
    *(b"? ", b": ", b"- ", b"&a ", b"*a", b"<<: ", b"|\n ", b">\n ", b"...\n", b"---\n", b"%TAG"),
    *(b".inf", b"-.inf", b".nan", b"0x", b"0o", b"1e400", b"~", b"true", b"2001-12-14"),
)
FLOOR: Final = b"""\
floor: rackproof.floor/1
listen: 127.0.0.1:9108
data: data
credentials: {public: {version: 2c, community: public}}
brokers: {hall: {url: "mqtt://127.0.0.1:1883", dialects: [dsx, json]}}
defaults: {credentials: public, timeout: 1 s, retries: 1}
bays:
  b1:
    devices:
      feedA: {address: "127.0.1.10:1161", interval: 5 s, map: {a: b}}
      cdu: {broker: hall, dialect: dsx, match: {objectType: CDU, objectId: x}}
      room: {broker: hall, dialect: json, profile: json_room}
webhooks: {w: {url: "http://127.0.0.1/x", secret: s, events: [run_over]}}
"""
SPEC: Final = b"""\
spec: rackproof.spec/1
id: bench
revision: B
status: released
title: t
design: {rack_power: 10 kW, coolant: PG25, flow: 100 lpm}
decision: {rule: guarded}
defaults: {every: 10 s, hold: 30 s, budget: 0.5 %}
quantities: {flow: {u: 2 %}, temperature: {u: 0.5 K}}
roles:
  cdu:
    count: 1
    channels:
      flow: {q: flow, nominal: 100 lpm, warn: +-6 %, fail: +-12 %}
      t: {q: temperature, fail: 10 C .. 45 C}
      pump_ok: {q: state, per: pump 2, fail: is ok}
derived:
  heat: {expr: heat(cdu.flow, cdu.t, cdu.t), fail: < 10 kW}
plan:
  clock: qualified
  coverage: {min: 99.5 %}
  stages:
    - {id: soak, duration: 2 h, load: 100 %, require: ["cdu.flow > 50 lpm"]}
"""
SPEC_WORDS: Final = (
    *(b"+-6 %", b"10 C .. 45 C", b"< 10 kW", b"is ok", b"1..18", b"nominal: ", b"fail: ", b"q: "),
    *(b"expr: ", b"per: pump 2", b"every: 1 s", b"duration: 1 h", b"sum(", b"max(", b"dew_point("),
)
SMALL_OCTETS: Final = 2500  # of a profile that is tried
LINES: Final = (
    b"1.3.6.1.2.1.1.1.0|4|text\n1.3.6.1.2.1.1.2.0|6|.1.3.6.1\n1.3.6.1.2.1.1.3.0|67|123\n",
    b"1.3.6.1.2.1.2.2.1.6.1|4x|00FF\n1.3.6.1.1.0|64|127.0.0.1\n1.3.6.1.1.1|64x|7f000001\n",
    b"# a comment\n\n1.3.6.1.1.0|2|-5\n1.3.6.1.1.1|70|18446744073709551615\n1.3.6.1.1.2|129|\n",
    b"1.3.6.1.1.0|4|1e999\n1.3.6.1.1.1|2|" + b"9" * 400 + b"\n1.3.6.1.1.2|65|1_0\n",
)
CONDITIONS: Final = (
    b"cdu.flow > 50 lpm",
    b"(sum(tray*.power) - 2 * max(a.b, c)) / 3 within 1 kW .. 2 kW",
    b"-heat(cdu.flow, cdu.t[in], cdu.t[out]) <= +-6 %",
)


@cache
def _profiles() -> tuple[profile.Profile, ...]:
    """Return the shipped profiles."""
    return profile.load_profiles()


@cache
def _folder() -> Path:
    """Return a folder for one file at a time."""
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def shipped() -> Iterator[bytes]:
    """Yield the smaller ones of the shipped profiles."""
    for path in sorted(profile.FOLDER.rglob("*.yaml")):
        if path.stat().st_size < SMALL_OCTETS:
            yield path.read_bytes()


def yaml(data: bytes) -> None:
    """A file is a document within bounds whose keys have lines, or each problem has a line."""
    try:
        document = parse(data, "f.yaml")
    except DocumentError as error:
        assert error.problems
        assert all(problem.line >= 1 and problem.text for problem in error.problems)
        return
    assert () in document.lines
    assert _size(document.data, DEPTH_MAX) <= NODES_MAX


def _size(data: object, depth: int) -> int:
    """Count the values of a document."""
    assert depth >= 0
    if isinstance(data, dict):
        return 1 + sum(1 + _size(each, depth - 1) for each in data.values())
    if isinstance(data, list | tuple | set):
        return 1 + sum(_size(each, depth - 1) for each in data)
    assert not isinstance(data, int) or data.bit_length() <= 4 * DIGITS_MAX
    return 1


def a_profile(data: bytes) -> None:
    """A profile loads, or every problem is told; its fragments are left out."""
    folder = _folder()
    (folder / "p.yaml").write_bytes(data)
    with patch.object(profile, "FOLDER", folder):
        try:
            loaded = profile.load_profiles(folder)
        except DocumentError as error:
            assert error.problems
        else:
            assert len(loaded) <= 1


def floor(data: bytes) -> None:
    """A floor file loads, or every problem is told."""
    path = _folder() / "floor.yaml"
    path.write_bytes(data)
    with patch.object(config, "load_profiles", _profiles):
        try:
            config.load_floor(path, {})
        except DocumentError as error:
            assert error.problems


def spec(data: bytes) -> None:
    """A spec fits together, or every problem is told; its hash is that of its meaning."""
    try:
        loaded = load_spec(data, "spec.yaml")
    except DocumentError as error:
        assert error.problems
        return
    assert load_spec(data, "spec.yaml").canonical_hash == loaded.canonical_hash


def expression(data: bytes) -> None:
    """An expression is read, or the one thing wrong with it is told."""
    text = data.decode("utf-8", "replace")
    for read in (parse_expression, parse_condition):
        try:
            read(text)
        except (ExpressionError, LimitError, UnitError) as error:
            assert str(error)


def recording(data: bytes) -> None:
    """A recording is read line by line; each value is a number, or none, and can be written."""
    try:
        found = read_lines(data, "r.snmprec")
    except ValueError as error:
        assert str(error).startswith("r.snmprec:")
        assert type(error) is ValueError
        return
    for oid, value in found.items():
        rows.number(value)
        rows.text(value)
        if not isinstance(value, bytes):
            assert oid in line(oid, 2, value).decode()


def giant_yaml() -> Iterator[bytes]:
    """Yield files as dear as their bounds allow."""
    yield b"[" * 20_000
    yield b"a: [" + b"1," * 2000 + b"]"
    yield b"a: &a [x]\nb: &b [*a,*a]\n"
    yield b"a: " + b"9" * 5000
    yield b"".join(b"k%d: 1\n" % n for n in range(2000))


TARGETS: Final = (
    Target(
        name="yaml",
        run=yaml,
        seeds=lambda: YAML,
        giants=giant_yaml,
        words=YAML_WORDS,
        size_max=512,
        growth_max=8 << 20,
    ),
    Target(
        name="profile",
        run=a_profile,
        seeds=shipped,
        words=YAML_WORDS,
        size_max=SMALL_OCTETS,
        tries=60,
    ),
    Target(
        name="floor", run=floor, seeds=lambda: (FLOOR,), words=YAML_WORDS, size_max=2048, tries=60
    ),
    Target(
        name="spec",
        run=spec,
        seeds=lambda: (SPEC,),
        words=(*YAML_WORDS, *SPEC_WORDS),
        size_max=2048,
    ),
    Target(
        name="expression", run=expression, seeds=lambda: CONDITIONS, words=SPEC_WORDS, size_max=256
    ),
    Target(name="recording", run=recording, seeds=lambda: LINES, size_max=512),
)

"""The checks of `rackproof doctor`: each looks at one thing, and says what to do about it."""

import enum
import importlib.metadata
import importlib.util
import os
import platform
import re
import resource
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent import clock

DISTRIBUTION: Final = "rackproof"
PACKAGES: Final = ("agent", "collectors")
PYTHON_MIN: Final = (3, 11)
METRICS_PORT: Final = 9108  # what a floor file has unless it says otherwise
RECEIVE_BUFFER_WANTED: Final = 4 << 20  # as the SNMP endpoint asks: room for 1,600 answers
FILES_WANTED: Final = 1024  # sockets, scrapes and segment files of one floor, with room to spare
SYSTEM_PROGRAMS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian keeps mosquitto
BOUND: Final = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(.*)")


class Severity(enum.Enum):
    """How bad it is."""

    FINE = enum.auto()
    ODD = enum.auto()  # works, but something is to be known
    BAD = enum.auto()  # something will not work


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `remedy` only where there is something to do."""

    severity: Severity
    what: str
    found: str
    remedy: str = ""


def python() -> Finding:
    """Look at the interpreter."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < PYTHON_MIN:
        wanted = ".".join(map(str, PYTHON_MIN))
        return Finding(Severity.BAD, "Python", found, f"Install Python {wanted} or newer.")
    return Finding(Severity.FINE, "Python", found)


def packages() -> Finding:
    """Look whether what this distribution needs is there, in a version that it can use."""
    what = "dependencies"
    try:
        needed = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        text = "rackproof itself is not installed; this is a bare checkout"
        return Finding(Severity.BAD, what, text, "Run `make demo` or `pip install .` in it.")
    wrong = [text for need in needed if "extra ==" not in need and (text := _lacking(need))]
    if wrong:
        return Finding(Severity.BAD, what, "; ".join(wrong), "Run `pip install rackproof` again.")
    return Finding(Severity.FINE, what, "all there")


def _lacking(need: str) -> str:
    """Return what is wrong with one requirement; nothing when it is met."""
    found = BOUND.match(need.partition(";")[0])
    assert found
    name, bounds = found.groups()
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return f"{name} is missing"
    have = _numbers(version)
    for bound in filter(None, (part.strip() for part in bounds.split(","))):
        edge = _numbers(bound.lstrip("<>=! "))
        if (bound.startswith(">=") and have < edge) or (bound.startswith("<") and have >= edge):
            return f"{name} is {version}, wanted {bound}"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the start of a version, for comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def shadowing() -> Finding:
    """Look for another package of our name: `agent` is a word that others use as well."""
    what = "package names"
    owners = importlib.metadata.packages_distributions()
    places = {name: importlib.util.find_spec(name) for name in PACKAGES}
    homes = {Path(s.origin).parents[1] for s in places.values() if s and s.origin}
    others = {o for name in PACKAGES for o in owners.get(name, ())} - {DISTRIBUTION}
    if others or len(homes) != 1:
        found = (
            f"{', '.join(sorted(others))} has a package of the same name"
            if others
            else f"agent and collectors come from {' and '.join(map(str, sorted(homes)))}"
        )
        remedy = "Install rackproof into a virtual environment of its own."
        return Finding(Severity.BAD, what, found, remedy)
    return Finding(Severity.FINE, what, f"ours, from {homes.pop()}")


def profiles() -> Finding:
    """Look whether the device profiles came along, and are sound."""
    try:
        from collectors.profile import load_profiles  # noqa: PLC0415 -- it may not be importable

        known = load_profiles()
    except (ImportError, ValueError) as error:
        found = str(error).partition("\n")[0]
        return Finding(Severity.BAD, "device profiles", found, "Install rackproof again.")
    if not known:
        remedy = "The installation is incomplete; install rackproof again."
        return Finding(Severity.BAD, "device profiles", "none", remedy)
    return Finding(Severity.FINE, "device profiles", f"{len(known)} known")


def port() -> Finding:
    """Look whether the usual port for metrics is free."""
    what = f"port {METRICS_PORT}"
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", METRICS_PORT))
        except OSError as error:
            found = f"{error.strerror}; perhaps rackproof runs already"
            remedy = "If it does not, write another port into `listen:` of the floor file."
            return Finding(Severity.ODD, what, found, remedy)
    return Finding(Severity.FINE, what, "free on 127.0.0.1")


def loopback() -> Finding:
    """Look whether UDP gets through on this machine at all."""
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.settimeout(1.0)
        try:
            one.bind(("127.0.0.1", 0))
            one.sendto(b"?", one.getsockname())
            one.recv(1)
        except OSError as error:
            remedy = "A firewall or sandbox holds UDP back; SNMP cannot work before it lets it go."
            return Finding(Severity.BAD, "UDP", str(error), remedy)
    return Finding(Severity.FINE, "UDP", "works on loopback")


def receive_buffer() -> Finding:
    """Look how many answers can wait for us: when it is full, the kernel drops them silently."""
    with socket.socket(type=socket.SOCK_DGRAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_WANTED)
        got = trial.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # Linux doubles it
    found = f"{got >> 10} KiB"
    if got < RECEIVE_BUFFER_WANTED:
        remedy = f"For floors of many bays: sysctl -w net.core.rmem_max={RECEIVE_BUFFER_WANTED}"
        return Finding(Severity.ODD, "UDP receive buffer", found, remedy)
    return Finding(Severity.FINE, "UDP receive buffer", found)


def open_files() -> Finding:
    """Look how many files and sockets this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_WANTED:
        remedy = f"Raise it: ulimit -n {min(hard, FILES_WANTED) if hard > 0 else FILES_WANTED}"
        return Finding(Severity.ODD, "open files", f"at most {soft}", remedy)
    return Finding(Severity.FINE, "open files", f"at most {soft}")


def clock_sync() -> Finding:
    """Ask the kernel whether the wall clock is disciplined; records carry its time."""
    what = "clock"
    state = clock.synchrony()
    if state.synchronised is None:
        return Finding(Severity.ODD, what, state.why)
    if not state.synchronised:
        remedy = "Runs will not start on it. Install chrony or systemd-timesyncd."
        return Finding(Severity.ODD, what, "not synchronised", remedy)
    return Finding(Severity.FINE, what, f"synchronised, off by at most {state.offset_s:.2g} s")


def mosquitto() -> Finding:
    """Look for the broker that the demo starts."""
    return _program("mosquitto", "the demo uses a broker of its own instead")


def prometheus() -> Finding:
    """Look for the Prometheus that the demo starts."""
    return _program("prometheus", "the demo shows no alerts then")


def _program(name: str, otherwise: str) -> Finding:
    """Look for a program that is used where it is there."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PROGRAMS}")
    if path is None:
        return Finding(Severity.FINE, name, f"not installed; {otherwise}")
    return Finding(Severity.FINE, name, path)


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (  # what goes wrong most often comes first
    python,
    packages,
    shadowing,
    profiles,
    port,
    loopback,
    receive_buffer,
    open_files,
    clock_sync,
    mosquitto,
    prometheus,
)

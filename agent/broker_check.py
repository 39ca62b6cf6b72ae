"""What a person should know of a floor's brokers: certificates that end, and what a trial shows."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from cryptography import x509

from agent import clock
from agent.config import BrokerConfig, FloorConfig, Mqtt
from agent.diagnosis import Finding, Severity
from collectors.document import Problem
from collectors.mqtt.access import Version
from collectors.mqtt.source import Source
from collectors.mqtt.trial import Trial, attempt

SOON_S: Final = 14 * 86_400.0  # longer than any burn-in, and than it takes to get a new one
DAY_S: Final = 86_400.0
SHOWN_MAX: Final = 8  # names in one line


def warnings(config: FloorConfig, now: float) -> list[Problem]:
    """Return what is allowed and will not do for long, by what the files say at Unix time `now`."""
    return [
        Problem(str(config.file), broker.line, f"brokers.{name}", text)
        for name, broker in config.brokers.items()
        for text in _doubts(broker, now)
    ]


def _doubts(broker: BrokerConfig, now: float) -> Iterator[str]:
    """Yield what is doubtful about one broker's entry."""
    trust = broker.access.trust
    if trust is None:
        if broker.access.user is not None and not broker.address.is_loopback:
            yield "user and password go over the network in the clear; write mqtts://"
        return
    for file in (trust.authorities, trust.certificate):
        if file is None:
            continue
        try:
            found = x509.load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError):
            continue  # the file was read a moment ago; a connection will tell
        ends = min(each.not_valid_after_utc.timestamp() for each in found)
        if text := ending(ends, now):
            yield f"{file} {text}"


def ending(ends: float, now: float) -> str:
    """Say that a certificate has ended or will soon; nothing where there is time."""
    if ends <= now:
        return "has expired; it needs a new one"
    return f"expires in {(ends - now) / DAY_S:.0f} days; renew it" if ends - now < SOON_S else ""


def findings(config: FloorConfig) -> list[Finding]:
    """Try every broker of a floor, all at once, and return what was found."""
    return asyncio.run(_tried(config))


async def _tried(config: FloorConfig) -> list[Finding]:
    """Try every broker."""
    trials = await asyncio.gather(
        *(
            attempt(
                (broker.address.host, broker.address.port),
                broker.told(),
                _sources(config, name),
                clock=clock.monotonic,
                wall=clock.wall,
            )
            for name, broker in config.brokers.items()
        )
    )
    return [
        _finding(name, broker, trial, clock.wall())
        for (name, broker), trial in zip(config.brokers.items(), trials, strict=True)
    ]


def _sources(config: FloorConfig, broker: str) -> Mapping[str, Source]:
    """Return the devices that are to be found at a broker."""
    return {
        f"{bay.name}/{device.name}": device.source.source
        for bay in config.bays.values()
        for device in bay.devices.values()
        if isinstance(device.source, Mqtt) and device.source.broker == broker
    }


def _finding(name: str, broker: BrokerConfig, trial: Trial, now: float) -> Finding:
    """Say what came of a trial, the worst first."""
    what = f"broker {name}"
    where = f"{broker.address}"
    if trial.why:
        return Finding(Severity.BAD, what, f"{where}: {trial.why}", _remedy(trial.why))
    if trial.refused:
        filters = [f"{each} ({why})" for each, why in trial.refused.items()]
        text = f"{where} denies {_some(filters)}"
        return Finding(Severity.BAD, what, text, "Let this user read these topics there.")
    if trial.silent:
        text = f"{where} works, but nothing came of {_some(trial.silent)}"
        remedy = "Compare the topics: mosquitto_sub -v -t '#' shows what is published there."
        return Finding(Severity.ODD, what, text, remedy)
    version = "MQTT 5" if broker.access.version is Version.FIVE else "MQTT 3.1.1"
    found = f"{where} works, {version}, {trial.tls or 'no TLS'}; every device was heard"
    doubts = list(_doubts(broker, now))
    if trial.certificate_ends is not None:
        soon = ending(trial.certificate_ends, now)
        doubts += [f"its certificate {soon}"] if soon else []
    if doubts:
        return Finding(Severity.ODD, what, f"{found}; {'; '.join(doubts)}")
    return Finding(Severity.FINE, what, found)


def _remedy(why: str) -> str:
    """Say what to do where the reason does not."""
    if why == "no answer" or "refused" in why or "route" in why:
        return "Is it running, and is that its address? mosquitto_sub -h HOST -p PORT -t '#' asks."
    return "docs/mqtt.md tells what to do for each reason."


def _some(names: Mapping[str, str] | tuple[str, ...] | list[str]) -> str:
    """List the first few of many."""
    shown = list(names)[:SHOWN_MAX]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more

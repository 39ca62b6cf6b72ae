"""What goes on as it is when a floor file was changed: bays and brokers that are the same."""

from collections.abc import Callable, Collection, Mapping

from agent.config import BayConfig, FloorConfig, Mqtt


def profiles_of(config: FloorConfig) -> Mapping[str, str]:
    """Return what the agent reads devices by: the label of each profile, and its hash."""
    return {profile.label: profile.hash for profile in config.profiles}


def moved(before: FloorConfig, after: FloorConfig) -> set[str]:
    """Return the brokers that are gone, or are followed in another way."""
    return {name for name, old in before.brokers.items() if after.brokers.get(name) != old}


def kept(
    before: FloorConfig,
    after: FloorConfig,
    read_by: Mapping[str, Mapping[str, str]],
    busy: Callable[[str], str | None],
) -> Collection[str]:
    """Return the bays that go on as they are. `read_by`: the profiles that each was opened with.

    Where profiles were added or changed, bays begin anew, but for those with a run: their devices
    are read by what they were read by until it is over.
    """
    elsewhere, profiles = moved(before, after), profiles_of(after)
    return {
        name
        for name, bay in before.bays.items()
        if after.bays.get(name) == bay
        and elsewhere.isdisjoint(_brokers_of(bay))
        and (read_by[name] == profiles or busy(name))
    }


def _brokers_of(bay: BayConfig) -> set[str]:
    """Return the brokers that a bay's devices need."""
    return {d.source.broker for d in bay.devices.values() if isinstance(d.source, Mqtt)}

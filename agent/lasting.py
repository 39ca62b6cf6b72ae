"""How long something takes, in as few characters as say it."""


def lasting(seconds: float | None) -> str:
    """Return a duration for people; nothing where there is none.

    >>> lasting(20.0), lasting(90.0), lasting(5400.0), lasting(88200.0), lasting(None)
    ('20 s', '90 s', '90 min', '24.5 h', '')
    """
    if seconds is None:
        return ""
    for size, unit, digits in ((3600, "h", 1), (60, "min", 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"

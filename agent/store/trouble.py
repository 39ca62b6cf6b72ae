"""What can go wrong between the agent and its disk; each message says what to do about it."""


class StoreError(Exception):
    """Nothing of what was asked was done: what stood before still stands."""


class HeldError(StoreError):
    """Another process works in this data folder."""

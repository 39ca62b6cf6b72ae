"""How far from nominal a reading is, on the scale of its own limits."""

import numpy as np

from agent.burnin.deviation import Ruler


def test_what_is_infinite_where_there_is_no_limit_has_no_deviation_and_no_warning() -> None:
    """A quotient by a flow that stands still is infinite, and nothing to complain about."""
    ruler = Ruler(np.array([10.0]), np.array([2.0]), np.array([np.inf]))

    assert np.isnan(ruler.measure(np.array([np.inf]))).all()
    assert ruler.measure(np.array([9.0])).tolist() == [-0.5]

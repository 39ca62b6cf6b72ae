"""What water-glycol and air do: the two formulas that derived channels need."""

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collectors.quantity import Dimension

Value: TypeAlias = np.float64 | NDArray[np.float64]  # now, or at many times at once
VOLUMETRIC_HEAT: Final = Dimension(kg=1, m=-1, s=-2, k=-1)  # J/(m3 K)
ZERO_CELSIUS_K: Final = 273.15
ATMOSPHERE_PA: Final = 101_325.0  # gauges read from here; weather moves it by 3 %
UNCERTAINTY: Final = 0.01  # of rho * cp, k = 2: published tables of one mixture differ by 0.45 %


class Coolant(NamedTuple):
    """Density and heat capacity as polynomials of the temperature in degC, lowest power first."""

    density: tuple[float, ...]  # kg/m3
    heat_capacity: tuple[float, ...]  # J/(kg K)


COOLANTS: Final = {
    # 25 vol % inhibited propylene glycol, 15 to 65 degC; within 0.08 kg/m3 and 0.7 J/(kg K) of
    # Melinder (2010), Properties of Secondary Working Fluids.
    "PG25": Coolant((1027.31, -0.31696, -0.0026412), (3863.97, 2.41695)),
}


def rho_cp(coolant: Coolant, celsius: Value) -> Value:
    """Return the heat in J that warms a cubic metre by a kelvin.

    >>> round(float(rho_cp(COOLANTS["PG25"], np.float64(45))) / 60e6, 5)  # kW for each L/min and K
    0.06672
    """
    return _polynomial(coolant.density, celsius) * _polynomial(coolant.heat_capacity, celsius)


def _polynomial(coefficients: tuple[float, ...], x: Value) -> Value:
    """Return the value at `x` (Horner's scheme)."""
    value = x * 0.0
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def dew_point(celsius: Value, humidity: Value) -> Value:
    """Return the temperature in degC at which air of relative `humidity` (0..1) is saturated.

    Source: Magnus formula with the coefficients of Sonntag (1990), over water.

    >>> round(float(dew_point(np.float64(24), np.float64(0.44))), 1)
    11.0
    """
    g = np.log(humidity) + 17.62 * celsius / (243.12 + celsius)
    return 243.12 * g / (17.62 - g)

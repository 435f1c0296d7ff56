"""From numbers to places along an axis, and the ticks of the axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

SHORTEST, LONGEST = -300, 300
"""Powers of ten that an axis goes down and up to."""


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high`; logarithmic, where both are above 0, or not."""

    low: float
    high: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Where a value is: 0 at `low`, 1 at `high`."""
        low, high, value = (log10(each) if self.logarithmic else each for each in (self.low, self.high, value))
        return (value - low) / (high - low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Round values within the range, `most` or fewer, and how they are written."""
        return self._powers(most) if self.logarithmic else self._round(most)

    def _round(self, most: int) -> list[tuple[float, str]]:
        step = _round_step((self.high - self.low) / most)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        decimals = max(0, -floor(log10(step) + 1e-9))
        return [(k * step, _written(k * step, decimals)) for k in range(first, last + 1)]

    def _powers(self, most: int) -> list[tuple[float, str]]:
        first, last = ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9)
        step = max(1, ceil((last - first + 1) / most))
        return [(10.0**power, _power(power)) for power in range(first, last + 1, step)]


def linear_scale(values: Iterable[float], room: float = 0.05) -> Scale:
    """One that shows all the values that are finite, with some room on either side."""
    shown = [value for value in values if isfinite(value) and abs(value) < 10.0**LONGEST] or [0.0]
    low, high = min(shown), max(shown)
    span = max((high - low) or abs(high) or 1.0, 10.0**SHORTEST)  # of the least numbers there is no part
    return Scale(low - room * span, high + room * span)


def logarithmic_scale(values: Iterable[float]) -> Scale:
    """One that shows all the values that are finite and above 0, from one power of ten to another."""
    shown = [value for value in values if isfinite(value) and value > 0] or [1.0]
    low = min(max(SHORTEST, floor(log10(min(shown)) + 1e-9)), LONGEST - 1)
    high = min(LONGEST, ceil(log10(max(shown)) - 1e-9))
    return Scale(10.0**low, 10.0 ** max(high, low + 1), logarithmic=True)


def _round_step(least: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is not below `least`."""
    power = 10.0 ** floor(log10(least))
    return next(round_one * power for round_one in (1, 2, 5, 10) if round_one * power >= least * (1 - 1e-9))


def _written(value: float, decimals: int) -> str:
    if abs(value) >= 1e6 or decimals > 6:
        return f"{value:.3g}".replace("-", "−")
    text = f"{value:.{decimals}f}"
    return ("0" if float(text) == 0 else text).replace("-", "−")


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power(power: int) -> str:
    return {0: "1", 1: "10"}.get(power, f"10{str(power).translate(_SUPERSCRIPTS)}")

"""One slip: a mistake's name and place, and the answers of a student who makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from grading.by_hand.net import Net
from grading.by_hand.solve import Answers, Array, Place, Rule, solve

NOISE = 1e-13
"""A tensor as small as this is 0 but for rounding."""


@dataclass(frozen=True)
class Key:
    """What a mistake is called. `value`: of a constant, to six digits."""

    code: str
    at: str
    detail: str | None = None
    value: float | None = None

    def __str__(self) -> str:
        more = [self.detail] if self.detail else []
        more += [f"{self.value:g}"] if self.value is not None else []
        return f"{self.code}@{self.at}" + (f"({', '.join(more)})" if more else "")


def six_digits(value: float) -> float:
    return float(f"{value:.6g}")


@dataclass(frozen=True)
class Slip:
    """`rules` stand in for the right ones; `finish` changes the answers in the end. `how`: which of several ways."""

    code: str
    at: str
    rules: Mapping[Place, Rule] = field(default_factory=dict)
    detail: str | None = None
    value: float | None = None
    finish: Callable[[Net, Answers], Answers] | None = None
    how: str = ""
    needs: tuple[str, ...] = ()
    """Quantities without which nobody could name the slip."""

    @property
    def key(self) -> Key:
        return Key(self.code, self.at, self.detail, None if self.value is None else six_digits(self.value))

    def __str__(self) -> str:
        return f"{self.key} {self.how}".strip()

    def answers(self, net: Net) -> Answers | None:
        """What the student hands in. None where these numbers leave the slip's domain, or vanish but for rounding."""
        with np.errstate(all="ignore"):
            found = solve(net, self.rules)
            found = found if self.finish is None else self.finish(net, found)
        return found if all(map(_means_something, found.values())) else None


def _means_something(answer: Array) -> bool:
    largest = np.abs(answer).max()
    return bool(np.isfinite(largest) and (largest == 0 or largest > NOISE))

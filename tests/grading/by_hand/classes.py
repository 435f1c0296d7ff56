"""Which slips cannot be told apart: those that give the same numbers in all that is submitted, on every draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grading.by_hand.conventions import declared
from grading.by_hand.net import Array, Shape, draw
from grading.by_hand.slips import every
from grading.by_hand.slips.slip import Key, Slip
from grading.by_hand.solve import Answers, solve

DRAWS = (900_001, 900_002)
SAME = 1e-9


class Classes:
    """The slips of one shape of net, sorted by what they do to the submitted quantities."""

    def __init__(self, shape: Shape, quantities: Sequence[str]) -> None:
        nets = [draw(shape, seed) for seed in DRAWS]
        truths = _Numbers([solve(net) for net in nets], quantities)
        self.slips: list[Slip] = []
        self.harmless: list[Slip] = []
        numbers: list[_Numbers] = []
        for slip in every(shape):
            if not set(slip.needs) <= set(quantities):
                continue
            answers = [found for found in (slip.answers(net) for net in nets) if found is not None]
            if len(answers) < len(nets):
                continue
            own = _Numbers(answers, quantities)
            if own.same_as(truths):
                self.harmless.append(slip)
            else:
                self.slips.append(slip)
                numbers.append(own)
        self._keys = {
            id(slip): declared(
                frozenset(each.key for each, its in zip(self.slips, numbers, strict=True) if its.same_as(own)),
                shape,
                quantities,
            )
            for slip, own in zip(self.slips, numbers, strict=True)
        }

    def of(self, slip: Slip) -> frozenset[Key]:
        """What a slip may be called: its own name and those of all that look the same, as far as they are declared."""
        return self._keys[id(slip)]


class _Numbers:
    """What is submitted, on every draw."""

    def __init__(self, draws: Sequence[Answers], quantities: Sequence[str]) -> None:
        self.tensors: list[Array] = [answers[name] for answers in draws for name in quantities]
        # Sums with weights of no pattern: where they differ the tensors do.
        self.sums = np.array([(np.cos(np.arange(1, each.size + 1)) * each.reshape(-1)).sum() for each in self.tensors])
        self.sizes = np.array([np.abs(each).sum() for each in self.tensors])

    def same_as(self, other: _Numbers) -> bool:
        if (np.abs(self.sums - other.sums) > SAME * (self.sizes + other.sizes)).any():
            return False
        return all(_is_same(one, two) for one, two in zip(self.tensors, other.tensors, strict=True))


def _is_same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= SAME * np.abs(one).max())

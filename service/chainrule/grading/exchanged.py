"""Two gradients handed in under each other's names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from chainrule.grading.arrays import Array
from chainrule.grading.findings import named
from chainrule.grading.inquiry import Submitted
from chainrule.grading.policy import Policy, within
from chainrule.grading.report import Diagnosed

if TYPE_CHECKING:
    from chainrule.grading.grader import Grader


def exchanged(submitted: Sequence[Submitted], grader: Grader, policy: Policy) -> list[Diagnosed]:
    """The pairs of wrong answers of one kind that are each other's truth."""
    wrong = [each for each in submitted if not each.right and each.quantity.kind in ("gradient", "value")]
    found = []
    for one, other in combinations(wrong, 2):
        if one.quantity.kind != other.quantity.kind:
            continue
        if _is(one, grader.value(other.quantity), policy) and _is(other, grader.value(one.quantity), policy):
            names = [one.quantity.name, other.quantity.name]
            at = " and ".join(name.partition(".")[2] or name for name in names)
            finding = named("exchanged", at, what=" and ".join(names))
            found.append(Diagnosed([finding], names[:1], names[1:], []))
    return found


def _is(each: Submitted, truth: Array, policy: Policy) -> bool:
    readings = [reading for reading in (*each.readings, each.raw) if reading.shape == truth.shape]
    return any(within(reading, truth, policy.bound(truth)) for reading in readings)

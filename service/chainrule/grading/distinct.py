"""Whether a problem's numbers tell every registered mistake from every other, as far as any numbers can.

Some mistakes give the same numbers in every instance; others only by accident of this one's. A second instance with
generic numbers tells the two cases apart: what coincides here and not there is an accident.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.engine.errors import EngineError
from chainrule.grading.arrays import Array
from chainrule.grading.candidates import altered_parts, forward_candidates, loss_candidates, parameter_candidates
from chainrule.grading.findings import Finding
from chainrule.grading.grader import Grader
from chainrule.grading.policy import Policy
from chainrule.grading.quantities import Quantity
from chainrule.grading.work import Work

Answers = dict[str, Array]

MARGIN = 10.0
"""Numbers nearer to each other than so many times what counts as right are the same."""
ATTEMPTS = 20
"""Draws of generic numbers, of which the first on which the problem is defined is taken."""


def accidental_collision(grader: Grader, names: Sequence[str], policy: Policy | None = None) -> str | None:
    """Two mistakes that answers to `names` cannot tell apart here, though other numbers could; None if there are none.

    Raises UnknownQuantity, and EngineError where no generic numbers are found on which the problem is defined.
    """
    quantities = [grader.resolve(name) for name in names]
    here = _every_submission(grader, quantities)
    there = _every_submission(_generic(grader), quantities)
    bounds = policy or Policy()
    labels = [label for label in here if label in there]
    for one, other in _that_may_be_the_same(here, labels, bounds):
        if _same(here[one], here[other], bounds) and not _same(there[one], there[other], bounds):
            return f"{one} and {other} give the same numbers"
    return None


def _that_may_be_the_same(
    found: Mapping[str, Answers], labels: Sequence[str], policy: Policy
) -> Iterator[tuple[str, str]]:
    """Every pair of labels whose answers are the same, and a few more: those of one shape, with first, largest and
    least entries as near to each other as entries of what is the same are."""
    shapes = [tuple(array.shape for array in found[label].values()) for label in labels]
    kinds = np.array([shapes.index(each) for each in shapes])
    marks = np.array([[_marks(array) for array in found[label].values()] for label in labels])
    slack = np.array([[_slack(array, policy) for array in found[label].values()] for label in labels])[..., None]
    for position in range(len(labels) - 1):
        after = position + 1
        with np.errstate(invalid="ignore"):  # of infinities, which are the same as nothing
            near = (np.abs(marks[after:] - marks[position]) <= slack[after:]).all(axis=(1, 2))
        for index in np.flatnonzero(near & (kinds[after:] == kinds[position])):
            yield labels[position], labels[after + int(index)]


def _marks(array: Array) -> tuple[float, float, float]:
    return float(array.flat[0]), float(array.max()), float(array.min())


def _generic(grader: Grader) -> Grader:
    """The same problem with normal numbers; targets that are classes, or 0 and 1, as they are."""
    rng = np.random.Generator(np.random.Philox(key=0))
    for _ in range(ATTEMPTS):
        try:
            return Grader(grader.plan, _redrawn(rng, grader), upstream=grader.upstream, batched=grader.batched)
        except EngineError as error:
            failed = error
    raise failed


def _redrawn(rng: np.random.Generator, grader: Grader) -> dict[str, Array]:
    leaves = {name: grader.truth.value(slot) for slot, name in enumerate(grader.plan.leaves)}
    return {
        name: array if slot == grader.plan.targets and _is_choice(array) else rng.standard_normal(array.shape)
        for slot, (name, array) in enumerate(leaves.items())
    }


def _is_choice(array: Array) -> bool:
    return array.dtype.kind in "iu" or bool(((array >= 0) & (array <= 1)).all())


def _every_submission(grader: Grader, quantities: Sequence[Quantity]) -> Mapping[str, Answers]:
    """What would be submitted with no mistake, and with each at each place, by mistake and place."""
    right = {quantity.name: grader.value(quantity) for quantity in quantities}
    found = {"the right answer": right}
    with np.errstate(all="ignore"):
        for finding, work in _altered_works(grader):
            try:
                answers = {quantity.name: grader.value(quantity, work) for quantity in quantities}
            except EngineError:
                continue
            found.setdefault(_label(finding), answers)
        for quantity in quantities:
            for finding, array in _altered_alone(grader, quantity):
                found.setdefault(_label(finding), {**right, quantity.name: array})
    return found


def _altered_works(grader: Grader) -> Iterator[tuple[Finding, Work]]:
    truth, plan = grader.truth, grader.plan
    for number, step in enumerate(plan.steps):
        if grader.differentiates and step.output in truth.chain.before[truth.chain.of]:
            for finding, parts in altered_parts(truth, number):
                yield finding, truth.with_parts(number, parts)
        if number < len(plan.nodes):
            for candidate in forward_candidates(truth, [number], step.output):
                yield candidate.finding, candidate.works[0]


def _altered_alone(grader: Grader, quantity: Quantity) -> Iterator[tuple[Finding, Array]]:
    truth = grader.truth
    if quantity.kind == "loss":
        for number, step in enumerate(grader.plan.steps):
            if step.op.family == "loss":
                yield from ((found.finding, found.predicted) for found in loss_candidates(truth, number))
    elif quantity.kind == "gradient" and not grader.plan.slots[quantity.slot].batched:
        yield from ((found.finding, found.predicted) for found in parameter_candidates(truth, quantity.slot))


def _label(finding: Finding) -> str:
    detail = f" ({finding.detail})" if finding.detail else ""
    return f"{finding.code}{detail} at {finding.at}"


def _same(one: Answers, other: Answers, policy: Policy) -> bool:
    return all(_near(array, other[name], policy) for name, array in one.items())


def _near(one: Array, other: Array, policy: Policy) -> bool:
    if one.shape != other.shape:
        return False
    finite = bool(np.isfinite(one).all() and np.isfinite(other).all())
    return finite and bool(np.abs(one - other).max() <= _slack(other, policy))


def _slack(array: Array, policy: Policy) -> float:
    return MARGIN * policy.bound(array)

"""From the accounts that a walk leaves to the mistakes that are reported."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.engine.plan import Plan
from chainrule.grading.constants import Constants
from chainrule.grading.findings import Finding, named
from chainrule.grading.hypothesis import Explanation, Hypothesis
from chainrule.grading.quantities import Quantity
from chainrule.grading.report import Diagnosed


def conclude(
    accounts: Sequence[Hypothesis], quantities: Sequence[Quantity], plan: Plan, constants: Constants
) -> list[Diagnosed]:
    """The mistakes of the simplest account, one entry a mistake, with what cannot be told from each."""
    best = accounts[0]
    found: dict[object, Diagnosed] = {}
    for number, explanation in enumerate(best.explanations):
        either = [*explanation.either, *_ties(accounts, number)]
        moved = _moved(best, explanation, quantities, plan, constants)
        findings = (moved,) if moved else explanation.findings
        for finding in findings:
            known = found.get(finding.key)
            if known is None:
                others = [] if moved or len(findings) > 1 else _distinct(either, findings)
                found[finding.key] = Diagnosed([finding], [explanation.quantity], [], others)
            else:
                known.findings.append(finding)
                known.explains += [explanation.quantity] if explanation.quantity not in known.explains else []
                known.either = []
    for quantity, source in best.carries_on.items():
        for each in found.values():
            if source in each.explains:
                each.follows.append(quantity)
    _accumulated(found, quantities, plan)
    return list(found.values())


def _ties(accounts: Sequence[Hypothesis], number: int) -> list[Finding]:
    """What other accounts, as good, have in this one's place."""
    best, found = accounts[0], list[Finding]()
    for other in accounts[1:]:
        same_length = len(other.explanations) == len(best.explanations)
        differs = [i for i, each in enumerate(other.explanations) if same_length and each != best.explanations[i]]
        if differs == [number] and other.explanations[number].quantity == best.explanations[number].quantity:
            explanation = other.explanations[number]
            found += (*explanation.findings, *explanation.either) if len(explanation.findings) == 1 else ()
    return found


def _distinct(either: Sequence[Finding], findings: Sequence[Finding]) -> list[Finding]:
    seen = {(finding.code, finding.at, finding.detail) for finding in findings}
    kept = []
    for finding in either:
        key = (finding.code, finding.at, finding.detail)
        if key not in seen:
            seen.add(key)
            kept.append(finding)
    return kept


def _moved(
    best: Hypothesis, explanation: Explanation, quantities: Sequence[Quantity], plan: Plan, constants: Constants
) -> Finding | None:
    """A constant too much in ∂C/∂ŷ that is made good later: it was put somewhere else."""
    (finding, *second) = explanation.findings
    of = {quantity.name: quantity for quantity in quantities}
    asked = of[explanation.quantity]
    if second or finding.value is None or asked.kind != "gradient" or not plan.slots[asked.slot].batched:
        return None
    later = list(best.verdicts).index(explanation.quantity) + 1
    after = [(of[name], *judged) for name, judged in list(best.verdicts.items())[later:]]
    right_again = [
        verdict == "returns" or (verdict == "follows" and source is None)
        for quantity, verdict, source in after
        if quantity.kind == "gradient" and not plan.slots[quantity.slot].batched
    ]
    if not right_again or not all(right_again):
        return None
    missing = constants.every[int(constants.nearest(np.array([1 / finding.value]))[0])]
    what = plan.slots[asked.slot].name
    return named("moved", finding.at, what=what, factor=missing.name, value=finding.value)


def _accumulated(found: dict[object, Diagnosed], quantities: Sequence[Quantity], plan: Plan) -> None:
    """Every parameter's gradient twice what it should be may also be a second call added to the first."""
    parameters = {
        quantity.name
        for quantity in quantities
        if quantity.kind == "gradient" and not plan.slots[quantity.slot].batched
    }
    penalties = {step.name for step in plan.steps if step.op.family == "penalty"}
    for each in found.values():
        first = each.findings[0]
        twice = first.code == "factor" and first.value == 2.0 and first.at not in penalties
        if not (twice and parameters and {*each.explains} <= parameters <= {*each.explains, *each.follows}):
            continue
        accumulated = named("accumulated", "parameters", value=2.0)
        if len(each.findings) == 1:
            each.either.append(accumulated)
        else:
            each.findings, each.either = [accumulated], []
            each.explains, each.follows = each.explains[:1], each.explains[1:] + each.follows

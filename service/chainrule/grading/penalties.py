"""Constants in a gradient that is that of the loss on the data and that of a penalty: in one of the two alone."""

from __future__ import annotations

from collections.abc import Set

from chainrule.grading.candidates import Candidate
from chainrule.grading.findings import of_constant
from chainrule.grading.inquiry import Inquiry, Submitted
from chainrule.grading.stretch import Stretch
from chainrule.grading.work import Work


def constants_of_a_part(
    inquiry: Inquiry, work: Work, each: Submitted, confirmed: Set[int]
) -> tuple[list[Candidate], list[Candidate]]:
    """Those that are passed on to what comes after, and those in this parameter's gradient alone."""
    slot, plan = each.quantity.slot, inquiry.plan
    takers = [number for number, _ in inquiry.chain.takers[slot]]
    penalties = [number for number in takers if plan.steps[number].op.family == "penalty"]
    found = dict(work.contributions(slot))
    if not penalties or len(penalties) == len(takers) or any(part is None for part in found.values()):
        return [], []
    whole, passed, alone = work.cotangent(slot), list[Candidate](), list[Candidate]()
    stretch = Stretch.back_from(inquiry.chain, slot, confirmed, frozenset(penalties))
    for number in penalties:
        rest = whole - found[number]
        for constant in inquiry.named_constants([reading - rest for reading in each.readings], found[number]):
            after = stretch.scaled(work, constant.value, number)
            finding = of_constant(constant, plan.steps[number].name)
            passed.append(Candidate(finding, rest + constant.value * found[number], (after,)))

    rest = sum(found[number] for number in penalties)
    data = whole - rest
    for constant in inquiry.named_constants([reading - rest for reading in each.readings], data):
        numbers = rest + constant.value * data
        finding = of_constant(constant, plan.slots[slot].name, parameter=True, batch=plan.batch)
        alone.append(Candidate(finding, numbers, (work,)))
        for place, step in stretch.places(plan).items():
            after = stretch.scaled(work, constant.value, step)
            passed.append(Candidate(of_constant(constant, place), numbers, (after,)))
    return passed, alone

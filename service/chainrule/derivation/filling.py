"""A derivation's formulas with the numbers of one instance in them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.chain import Gradient, Term
from chainrule.derivation.factors import Factor, IdentityFactor, JacobianFactor, MatrixFactor, VectorFactor
from chainrule.derivation.local import local_jacobians
from chainrule.derivation.numbers import MOST_LENGTH, Shown, fits, shown
from chainrule.derivation.subject import Edge
from chainrule.engine.trace import Trace

MOST_EXAMPLES = 3
"""Of a batch whose numbers are filled in."""


class Filling:
    """The numbers of a trace, for those formulas whose numbers are few."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.plan = trace.plan
        self._jacobians: dict[int, dict[int, NDArray[Any]]] = {}

    @property
    def enabled(self) -> bool:
        """Whether the batch is small enough."""
        return self.plan.batch <= MOST_EXAMPLES

    def value(self, slot: int) -> list[Shown]:
        """A value, one an example; nothing where there is too much of it."""
        held = self.plan.slots[slot]
        if not (self.enabled and fits(held.shape)):
            return []
        array = self.trace.xp.to_numpy(self.trace.values[slot])
        return [shown(each) for each in (array if held.batched else array[None])]

    def factor(self, factor: Factor) -> list[Shown]:
        """A factor, one an example where examples differ."""
        if not (self.enabled and fits(factor.shape)):
            return []
        arrays = self._arrays(factor)
        alike = all(np.array_equal(array, arrays[0]) for array in arrays)
        return [shown(array) for array in (arrays[:1] if alike else arrays)]

    def product(self, term: Term, example: int) -> Shown | None:
        """A term with numbers for its factors, of one example; None where one of them has too many."""
        found = {factor: self._of(factor, example) for factor in term.part.factors()}
        if any(each is None for each in found.values()):
            return None
        known = {factor: each for factor, each in found.items() if each is not None}
        written = term.part.written(lambda factor: known[factor].latex)
        return Shown(written, all(each.exact for each in known.values()))

    def gradient(self, gradient: Gradient, value: NDArray[Any]) -> list[str]:
        """The right side with numbers, and what it comes to: one for each example where there are several."""
        if not (gradient.terms and fits(gradient.shape)):
            return []
        results = [shown(each) for each in (value if gradient.by_example else value[None])]
        if not self.enabled:
            return [] if gradient.by_example else [f"{results[0].equals} {results[0].latex}"]
        found = []
        for example, result in enumerate(results):
            filled = self._filled(gradient, example)
            parts = [filled] if filled is not None and filled.latex != result.latex else []
            found.append(" ".join(f"{each.equals} {each.latex}" for each in (*parts, result)))
        return found

    def _filled(self, gradient: Gradient, example: int) -> Shown | None:
        """The right side with numbers."""
        products = []
        for term in gradient.terms:
            over = range(self.plan.batch) if term.over_examples else (example,)
            products += [self.product(term, each) for each in over]
        known = [each for each in products if each is not None]
        if len(known) < len(products) or not known:
            return None
        return Shown(" + ".join(each.latex for each in known), all(each.exact for each in known))

    def _of(self, factor: Factor, example: int) -> Shown | None:
        if not (self.enabled and fits(factor.shape)):
            return None
        arrays = self._arrays(factor)
        return shown(arrays[example if len(arrays) > 1 else 0]) if arrays else None

    def _arrays(self, factor: Factor) -> list[NDArray[Any]]:
        """The factor's numbers, one an example, or one alone where it has no batch."""
        if isinstance(factor, JacobianFactor | MatrixFactor):
            jacobian = self._jacobian(factor.edge)
            return [np.asarray(factor.laid(each)) for each in jacobian]
        if isinstance(factor, VectorFactor):
            slot = self.plan.index[factor.x.name]
            array = self.trace.xp.to_numpy(self.trace.values[slot])
            return [factor.laid(each) for each in (array if self.plan.slots[slot].batched else array[None])]
        if isinstance(factor, IdentityFactor):
            return [np.eye(factor.shape[0]) if factor.shape else np.ones(())]
        return []

    def _jacobian(self, edge: Edge) -> NDArray[Any]:
        """With an axis of examples, of length 1 where there is no batch."""
        slots, step = self.plan.slots, edge.step
        if edge.number not in self._jacobians:  # all that will be shown of a step at once: it may take thousands
            of = slots[step.output].shape
            few = {source for source in step.inputs if prod(of) * prod(slots[source].shape) <= MOST_LENGTH**2}
            self._jacobians[edge.number] = local_jacobians(self.trace, edge.number, few)
        found = self._jacobians[edge.number][edge.source]
        return found if slots[edge.target].batched or slots[edge.source].batched else found[None]

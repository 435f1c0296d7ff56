"""What a derivation found, as the tree of its reply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from chainrule.derivation.chain import Gradient, Term
from chainrule.derivation.factors import Factor, JacobianFactor, MatrixFactor
from chainrule.derivation.filling import Filling
from chainrule.derivation.indexed import definitions, entry
from chainrule.derivation.numbers import Shown
from chainrule.derivation.subject import Edge, Subject
from chainrule.engine.backends import Shape
from chainrule.engine.layouts import Layout
from chainrule.engine.trace import Cancelled, never
from chainrule.operations.results import Reply


class Tree:
    """Writes a derivation of one subject down, with numbers where there is a filling."""

    def __init__(
        self,
        subject: Subject,
        layout: Layout,
        filling: Filling | None,
        cancelled: Callable[[], bool] = never,
    ) -> None:
        self.subject = subject
        self._cancelled = cancelled
        self.layout = layout
        self.filling = filling
        self._edges: dict[str, Edge] = {}

    def of(
        self, gradients: Mapping[str, Gradient], through: Mapping[int, Gradient], numbers: Mapping[str, NDArray[Any]]
    ) -> Reply:
        """The reply, less its document."""
        plan = self.subject.plan
        written = {name: self._gradient(gradient, numbers.get(name)) for name, gradient in gradients.items()}
        passed = {plan.slots[slot].name: self._gradient(through[slot], None) for slot in sorted(through, reverse=True)}
        steps = [self._step(number) for number in range(len(plan.steps))]
        batch = {} if self.subject.batch is None else {self.subject.batch.letter: plan.batch}
        return {
            "symbols": {
                slot.name: {"latex": self.subject.symbols[slot.name].latex(), **self._shape(slot.shape)}
                for slot in plan.slots
            },
            "sizes": {size.letter: int(size.number) for size in self.subject.sizes.values()} | batch,
            "forward": steps[: len(plan.nodes)],
            "loss": steps[len(plan.nodes) :],
            "jacobians": {name: self._jacobian(edge) for name, edge in self._edges.items()},
            "gradients": written,
            "through": passed,
        }

    def _step(self, number: int) -> Reply:
        self._go_on()
        subject, step = self.subject, self.subject.plan.steps[number]
        notation, symbol, shape = subject.notation(number), subject.symbol(step.output), subject.shape(step.output)
        i = subject.letters.indices(shape)
        element = notation.entry(i)
        names = [subject.symbol(slot).latex() for slot in step.inputs]
        return {
            "node": step.name,
            "op": step.op.name,
            "inputs": dict(zip(step.operands, names, strict=True)),
            "latex": f"{symbol.latex()} = {notation.whole().latex()}",
            "element": f"{entry(symbol, i).latex()} = {element.latex()}",
            "where": definitions(element),
            **self._shape(shape),
            "numbers": _equated(self.filling.value(step.output)) if self.filling else [],
        }

    def _jacobian(self, edge: Edge) -> Reply:
        factor = JacobianFactor(edge, self.layout)
        return {
            "latex": edge.fraction,
            "equals": self._equals(edge),
            "element": edge.element.latex(),
            "where": edge.element.where,
            **self._shape(factor.shape),
            "numbers": _equated(self.filling.factor(factor)) if self.filling else [],
        }

    def _equals(self, edge: Edge) -> str | None:
        """The matrix that a Jacobian is in this layout, where that has a name."""
        if edge.matrix is not None:
            return MatrixFactor(edge, mirrored=self.layout == "denominator").latex()
        return "I" if edge.passes_on and edge.of else None

    def _gradient(self, gradient: Gradient, numbers: NDArray[Any] | None) -> Reply:
        self._go_on()
        for edge in gradient.edges:
            self._edges.setdefault(edge.name, edge)
        return {
            "latex": gradient.latex(),
            "left": gradient.left,
            "by_example": gradient.by_example and self.subject.batch is not None,
            **self._shape(gradient.shape),
            "terms": [self._term(term) for term in gradient.terms],
            "numbers": self.filling.gradient(gradient, numbers) if self.filling and numbers is not None else [],
        }

    def _term(self, term: Term) -> Reply:
        return {
            "latex": term.part.latex(),
            "over_examples": term.over_examples and self.subject.batch is not None,
            "factors": [self._factor(factor) for factor in term.part.factors()],
        }

    def _factor(self, factor: Factor) -> Reply:
        edge = factor.origin
        return {
            "latex": factor.latex(),
            "jacobian": edge.name if edge is not None else None,
            "element": edge.element.latex() if edge is not None else None,
            **self._shape(factor.shape),
            "numbers": [each.latex for each in self.filling.factor(factor)] if self.filling else [],
        }

    def _go_on(self) -> None:
        """Raises Cancelled where nobody waits any more."""
        if self._cancelled():
            raise Cancelled

    def _shape(self, shape: Shape) -> Reply:
        return {"shape": list(shape), "space": self.space(shape)}

    def space(self, shape: Iterable[int]) -> str:
        """The space that a tensor of this shape is in."""
        lengths = [self.subject.length(length) for length in shape]
        return r"\mathbb{R}" + ("^{" + r" \times ".join(lengths) + "}" if lengths else "")


def _equated(numbers: list[Shown]) -> list[str]:
    return [f"{each.equals} {each.latex}" for each in numbers]

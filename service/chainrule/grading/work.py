"""A submission's work as it is supposed to have been done: the chain of values and cotangents, altered in places.

`Work` is immutable. `with_value`, `with_cotangent` and `with_parts` make another one that differs in one place; what
does not depend on that place is shared, and everything is worked out only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from chainrule.engine.backends import Namespace
from chainrule.engine.op import Contribution, Op, Point
from chainrule.engine.plan import Plan
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace
from chainrule.grading.arrays import Array

Parts = tuple[Contribution, ...]
"""What a step passes on to each of its inputs, example by example."""
Convention = Callable[[Namespace, Op, Point], tuple[Point, ...]]
"""Where an op is differentiated instead of at a kink: at another point, or midway between two."""


class Chain:
    """What follows from a plan's structure alone: who takes a value, and what depends on what."""

    def __init__(
        self,
        plan: Plan,
        xp: Namespace,
        of: int,
        *,
        keep_batch: bool = False,
        skipped: frozenset[int] = frozenset(),
    ) -> None:
        """`skipped`: leaves whose cotangents nobody asks for."""
        self.plan, self.xp, self.of = plan, xp, of
        self.keep_batch = keep_batch
        """Leave the examples' contributions to a parameter's cotangent unsummed, as a Jacobian wants them."""
        self.producers = {step.output: number for number, step in enumerate(plan.steps)}
        self.takers: list[list[tuple[int, int]]] = [[] for _ in plan.slots]
        self.before: list[frozenset[int]] = [frozenset((slot,)) for slot in range(len(plan.slots))]
        """By slot: the slots that it is computed from, itself included. Their cotangents depend on its."""
        for number, step in enumerate(plan.steps):
            for position, slot in enumerate(step.inputs):
                self.takers[slot].append((number, position))
            self.before[step.output] = frozenset((step.output,)).union(*(self.before[slot] for slot in step.inputs))
        self.after = [
            frozenset(other for other in range(len(plan.slots)) if slot in self.before[other])
            for slot in range(len(plan.slots))
        ]
        """By slot: the slots that are computed from it, itself included."""
        self.everything = frozenset(range(len(plan.slots)))
        reached = self.before[of] - skipped
        self.wanted = [tuple(slot in reached for slot in step.inputs) for step in plan.steps]


class Work:
    """Values, points and cotangents by slot and step."""

    __slots__ = (
        "_conventions",
        "_cotangents",
        "_moved",
        "_ops",
        "_parts",
        "_points",
        "_pulled",
        "_values",
        "chain",
        "given",
        "parent",
    )

    def __init__(self, chain: Chain, parent: Work | None) -> None:
        self.chain, self.parent = chain, parent
        self._values: dict[int, Array] = {}
        self._points: dict[int, Point] = {}
        self._ops: dict[int, Op] = {}
        self._conventions: Mapping[str, Convention] = {} if parent is None else parent._conventions
        """By the op's name."""
        self._cotangents: dict[int, Any] = {}
        self._parts: dict[int, Parts] = {}
        self._moved: frozenset[int] = frozenset()
        """Slots whose values may differ from the parent's."""
        self._pulled: frozenset[int] = frozenset()
        """Slots whose cotangents may differ from the parent's."""
        self.given: dict[int, Parts] = {}
        """What some steps pass on, by number, that was not worked out from the cotangents of their outputs."""

    @classmethod
    def of_trace(cls, chain: Chain, trace: Trace, seed: Any, parts: dict[int, Parts] | None = None) -> Self:
        """The right work. `seed`: the cotangent of `chain.of`. `parts`: what some steps pass on, by number."""
        work = cls(chain, None)
        work._values = dict(enumerate(trace.values))
        work._points = dict(enumerate(trace.points))
        work._cotangents[chain.of] = seed
        work.given = parts or {}
        work._parts = dict(work.given)
        work._pulled = chain.everything
        return work

    @classmethod
    def of_values(cls, chain: Chain, other: Work, seed: Any, parts: dict[int, Parts]) -> Self:
        """The values of another work, with cotangents from another seed. `parts`: as in `of_trace`."""
        work = cls(chain, None)
        slots = range(len(chain.plan.slots))
        work._values = {slot: other.value(slot) for slot in slots if slot in chain.before[chain.of]}
        reached = [number for number, step in enumerate(chain.plan.steps) if step.output in chain.before[chain.of]]
        work._points = {number: other.point(number) for number in reached}
        work._ops = {number: other.op(number) for number in reached}
        work._conventions = other._conventions
        work._cotangents[chain.of] = seed
        work._parts = dict(parts)
        work._pulled = chain.everything
        return work

    @classmethod
    def of_numbers(cls, chain: Chain, values: dict[int, Array], cotangents: dict[int, Any]) -> Self:
        """Every value and every cotangent by slot, so that each step is a matter of its own."""
        work = cls(chain, None)
        work._values, work._cotangents = values, cotangents
        work._pulled = chain.everything
        return work

    # -- the same work, but for one place ----------------------------------------------------------------------
    def with_value(self, slot: int, value: Array, op: Op | None = None, point: Point | None = None) -> Work:
        """The value of `slot` is another; with `op`, because another op gave it, whose derivative counts then too.

        `point`: where its step is differentiated nevertheless.
        """
        work = Work(self.chain, self)
        work._values[slot] = value
        work._moved, work._pulled = self.chain.after[slot], self.chain.everything
        work._cotangents[self.chain.of] = self.cotangent(self.chain.of)
        if op is not None:
            work._ops[self.chain.producers[slot]] = op
        if point is not None:
            work._points[self.chain.producers[slot]] = point
        return work

    def with_conventions(self, conventions: Mapping[str, Convention]) -> Work:
        """Some ops are differentiated by another convention at their kinks, in whatever is made of this work too."""
        work = Work(self.chain, self)
        work._conventions = conventions
        kinked = (step.output for step in self.chain.plan.steps if step.op.name in conventions)
        work._pulled = frozenset().union(*(self.chain.before[slot] for slot in kinked))
        work._cotangents[self.chain.of] = self.cotangent(self.chain.of)
        return work

    def with_cotangent(self, slot: int, cotangent: Array) -> Work:
        """The cotangent of `slot` is another."""
        work = Work(self.chain, self)
        work._cotangents[slot] = cotangent
        work._pulled = self.chain.before[slot]
        return work

    def with_parts(self, number: int, parts: Parts) -> Work:
        """A step passes other cotangents on. None among `parts` leaves the right one."""
        work = Work(self.chain, self)
        right = self.parts(number) if any(part is None for part in parts) else parts
        work._parts[number] = tuple(own if part is None else part for part, own in zip(parts, right, strict=True))
        changed = (
            slot for slot, part in zip(self.chain.plan.steps[number].inputs, parts, strict=True) if part is not None
        )
        work._pulled = frozenset().union(*(self.chain.before[slot] for slot in changed))
        return work

    # -- what it comes to ---------------------------------------------------------------------------------------
    def value(self, slot: int) -> Array:
        """The value of a slot, its batch axis included."""
        found = self._values.get(slot)
        if found is None:
            if self.parent is not None and slot not in self._moved:
                found = self._values[slot] = self.parent.value(slot)
            else:
                for number in self._before(slot):
                    found = self._values[self.chain.plan.steps[number].output] = self.point(number).output
                assert found is not None
        return found

    def _before(self, slot: int) -> list[int]:
        """The steps whose values are to be had for that of `slot`, its own the last.

        Each finds what it takes: where one asked for the next, a long chain would be too deep.
        """
        moved = self.chain.everything if self.parent is None else self._moved
        unknown = [each for each in self.chain.before[slot] & moved if each not in self._values]
        return sorted(self.chain.producers[each] for each in unknown)

    def op(self, number: int) -> Op:
        """The op that a step was done with."""
        work: Work | None = self
        while work is not None:
            if number in work._ops:
                return work._ops[number]
            work = work.parent
        return self.chain.plan.steps[number].op

    def point(self, number: int) -> Point:
        """Where a step is differentiated."""
        found = self._points.get(number)
        if found is None:
            step = self.chain.plan.steps[number]
            if self.parent is not None and self._moved.isdisjoint((*step.inputs, step.output)):
                found = self.parent.point(number)
            else:
                inputs = tuple([self.value(slot) for slot in step.inputs])
                output, saved = self.op(number).forward(self.chain.xp, *inputs)
                found = Point(inputs, self._values.get(step.output, output), saved)
            self._points[number] = found
        return found

    def cotangent(self, slot: int) -> Any:
        """∂C/∂slot: summed over the batch where the slot has no batch axis. None where C does not depend on it."""
        if slot in self._cotangents:
            return self._cotangents[slot]
        if slot not in self._pulled and self.parent is not None:
            found = self.parent.cotangent(slot)
        else:
            for each in self._after(slot):
                self._cotangents[each] = self._summed(each)
            found = self._summed(slot)
        self._cotangents[slot] = found
        return found

    def _after(self, slot: int) -> list[int]:
        """The slots whose cotangents are to be had first for that of `slot`, each after those that it needs itself."""
        steps, due, looked = self.chain.plan.steps, {slot}, [slot]
        while looked:
            numbers = [number for number, _ in self.chain.takers[looked.pop()] if number not in self._parts]
            taking = {steps[number].output for number in numbers} - due - self._cotangents.keys()
            looked += taking if self.parent is None else taking & self._pulled
            due.update(looked)
        return sorted(due - {slot}, key=self.chain.producers.__getitem__, reverse=True)

    def _summed(self, slot: int) -> Any:
        found = None
        for _, part in self.contributions(slot):
            if part is not None:
                found = part if found is None else found + part
        return found

    def contributions(self, slot: int) -> list[tuple[int, Any]]:
        """What each step that takes `slot` adds to its cotangent, with the step's number."""
        return [(number, self.contribution(number, position)) for number, position in self.chain.takers[slot]]

    def parts(self, number: int) -> Parts:
        """What a step passes on to each of its inputs, example by example."""
        found = self._parts.get(number)
        if found is None:
            step = self.chain.plan.steps[number]
            same = step.output not in self._pulled and self._moved.isdisjoint((*step.inputs, step.output))
            if same and self.parent is not None:
                found = self.parent.parts(number)
            else:
                cotangent = self.cotangent(step.output)
                found = self._passed_on(number, cotangent) if cotangent is not None else (None,) * len(step.inputs)
            self._parts[number] = found
        return found

    def _passed_on(self, number: int, cotangent: Any) -> Parts:
        xp, op, wanted = self.chain.xp, self.op(number), self.chain.wanted[number]
        convention, point = self._conventions.get(op.name), self.point(number)
        points = (point,) if convention is None else convention(xp, op, point)
        passed = [op.vjp(xp, cotangent, point, wanted) for point in points]
        found = passed[0] if len(passed) == 1 else tuple([_mean(parts) for parts in zip(*passed, strict=True)])
        return (*found, *(None,) * (len(wanted) - len(found)))  # an op in another's place may take no parameter

    def contribution(self, number: int, position: int) -> Any:
        """What a step adds to the cotangent of one of its inputs; None for nothing."""
        part = self.parts(number)[position]
        if part is None:
            return None
        fold = self.chain.plan.steps[number].folds[position]
        if fold is None or self.chain.keep_batch:
            return part.each() if type(part) is Outer else part
        return part.sum(self.chain.xp) if type(part) is Outer else self.chain.xp.sum_leading(part, fold)


def _mean(parts: tuple[Any, ...]) -> Any:
    return None if parts[0] is None else sum(parts) / len(parts)

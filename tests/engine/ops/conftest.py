"""Every sample of every op, as a case: drawn inputs, a plan of that op alone, its Jacobian from forward values alone.

A test that takes `case` runs for each of them; a new op is in all of these tests by being registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import prod
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chainrule.engine.backends import Namespace, choose
from chainrule.engine.backends.complex_step import STEP, ComplexNamespace
from chainrule.engine.graph import LOSS, TARGETS, Graph, Node
from chainrule.engine.op import Op, Point, Sample
from chainrule.engine.plan import Plan, make_plan
from chainrule.engine.registry import ops
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace, run_forward
from torch_device import device_of

BATCH = 3
SEEDS = 2
FIVE_POINT_STEP = 1e-4
REDUCTIONS = ("none", "sum", "mean", "batchmean")
OUTER = ("linear", "matmul")
"""The ops whose rules return outer products."""


@dataclass(frozen=True)
class Case:
    """An op at one of its samples. `batched` says which inputs have a batch axis."""

    id: str
    op: Op
    sample: Sample
    batched: tuple[bool, ...]

    seeds = SEEDS
    xp = choose("numpy", "cpu", "float64")

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return self.sample.shapes

    @property
    def is_loss(self) -> bool:
        return self.op.family == "loss"

    @cached_property
    def names(self) -> tuple[str, ...]:
        return ("x0", TARGETS) if self.is_loss else tuple(f"x{i}" for i in range(len(self.shapes)))

    @cached_property
    def plan(self) -> Plan:
        given = dict(zip(self.names, self.shapes, strict=True))
        if self.is_loss:
            graph = Graph(("x0",), (), (), "x0", loss=Node(LOSS, self.op, self.names))
        else:
            inputs = tuple(name for name, batched in zip(self.names, self.batched, strict=True) if batched)
            parameters = tuple(name for name in self.names if name not in inputs)
            graph = Graph(inputs, parameters, (Node("out", self.op, self.names),), "out")
        return make_plan(graph, given, BATCH)

    @property
    def bound(self) -> Op:
        """The op as it runs."""
        return self.plan.steps[0].op

    @cached_property
    def slots(self) -> tuple[int, ...]:
        return tuple(self.plan.index[name] for name in self.names)

    @property
    def of(self) -> int:
        return self.plan.steps[0].output

    @cached_property
    def full_shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(self.plan.full_shape(slot) for slot in self.slots)

    @cached_property
    def output_shape(self) -> tuple[int, ...]:
        return self.plan.full_shape(self.of)

    @property
    def output_batched(self) -> bool:
        return self.plan.slots[self.of].batched

    @cached_property
    def differentiable(self) -> tuple[int, ...]:
        """The inputs with respect to which there is a derivative: neither targets nor indices."""
        kept = (0,) if self.is_loss else range(len(self.shapes))
        return tuple(i for i in kept if self.draw_of(i) != "class")

    def draw_of(self, i: int) -> str:
        return self.sample.draws[i] if i < len(self.sample.draws) else "uniform"

    @cached_property
    def inputs(self) -> tuple[NDArray[Any], ...]:
        """The point of differentiation, read-only."""
        rng = np.random.default_rng(sum(map(ord, self.id)))
        drawn = tuple(self._draw(rng, i, shape) for i, shape in enumerate(self.full_shapes))
        for array in drawn:
            array.flags.writeable = False
        return drawn

    def _draw(self, rng: np.random.Generator, i: int, shape: tuple[int, ...]) -> NDArray[Any]:
        sample = self.sample
        match self.draw_of(i):
            case "uniform":
                return np.asarray(rng.uniform(sample.low, sample.high, shape))
            case "probability":
                return np.asarray(rng.uniform(0.05, 0.95, shape))
            case "sign":
                return np.asarray(rng.choice([-1.0, 1.0], shape))
            case "class":
                return np.asarray(rng.integers(0, self.shapes[0][-1], shape))
            case "simplex" | "log_simplex" as kind:
                positive = rng.uniform(0.1, 1, shape)
                simplex = positive / positive.sum(-1, keepdims=True)
                return np.log(simplex) if kind == "log_simplex" else simplex
            case other:
                raise ValueError(f"no way to draw {other!r}")

    def cotangent(self, *lead: int, seed: int = 1) -> NDArray[Any]:
        """Random, of the output's shape after `lead`."""
        return np.asarray(np.random.default_rng(seed).standard_normal((*lead, *self.output_shape)))

    def tangent(self, i: int, *lead: int, seed: int = 2) -> NDArray[Any]:
        """Random, of an input's shape after `lead`; after seeds, with a 1 where the batch would be if there is none."""
        shape = self.full_shapes[i]
        gap = (1,) if lead and self.output_batched and not self.batched[i] else ()
        return np.asarray(np.random.default_rng((seed, i)).standard_normal((*lead, *gap, *shape)))

    def forward(self, xp: Namespace, inputs: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(self.bound.forward(xp, *inputs)[0])

    @cached_property
    def point(self) -> Point:
        """Where the op is differentiated, on NumPy."""
        return self.trace(self.xp).points[0]

    def vjp(self, cotangent: NDArray[Any], wanted: tuple[int, ...] | None = None) -> tuple[Any, ...]:
        """The rule itself, called for the inputs `wanted`, by default all that have a derivative."""
        asked = self.differentiable if wanted is None else wanted
        return self.bound.vjp(self.xp, cotangent, self.point, tuple(i in asked for i in range(len(self.shapes))))

    def jvp(self, tangents: dict[int, NDArray[Any]]) -> Any:
        """The rule itself, called with these tangents and no others."""
        return self.bound.jvp(self.xp, tuple(tangents.get(i) for i in range(len(self.shapes))), self.point)

    @cached_property
    def jacobians(self) -> dict[int, NDArray[Any]]:
        """∂output/∂input by complex step, or five points where the op is not analytic: (*output, *input), in full."""
        return {i: self._jacobian(i) for i in self.differentiable}

    def _jacobian(self, i: int) -> NDArray[Any]:
        columns = [self._column(i, element) for element in range(prod(self.full_shapes[i]))]
        return np.stack(columns, -1).reshape(self.output_shape + self.full_shapes[i])

    def _column(self, i: int, element: int) -> NDArray[Any]:
        """The derivative of the output along one element of an input."""
        unit = np.zeros(prod(self.full_shapes[i]))
        unit[element] = 1
        unit = unit.reshape(self.full_shapes[i])
        if self.op.analytic:
            return np.asarray(self._at(ComplexNamespace(), i, 1j * STEP * unit).imag / STEP)
        xp, h = self.xp, FIVE_POINT_STEP
        far = self._at(xp, i, -2 * h * unit) - self._at(xp, i, 2 * h * unit)
        near = self._at(xp, i, h * unit) - self._at(xp, i, -h * unit)
        return np.asarray((far + 8 * near) / (12 * h))

    def _at(self, xp: Namespace, i: int, change: NDArray[Any]) -> NDArray[Any]:
        moved = tuple(xp.asarray(array) + (change if j == i else 0) for j, array in enumerate(self.inputs))
        return self.forward(xp, moved)

    @staticmethod
    def as_array(xp: Namespace, contribution: Any) -> NDArray[Any]:
        """What a rule returned for one input, as a NumPy array."""
        return xp.to_numpy(contribution.each() if isinstance(contribution, Outer) else contribution)

    def pulled(self, cotangent: NDArray[Any], i: int) -> NDArray[Any]:
        """What (V, *output) becomes at an input, from `jacobians`: (V, *input), summed over all there is."""
        return np.tensordot(cotangent, self.jacobians[i], len(self.output_shape))

    def pulled_each(self, cotangent: NDArray[Any], i: int) -> NDArray[Any]:
        """The same example by example: (V, N, *input) where the output has a batch axis and the input has none."""
        if self.batched[i] or not self.output_batched:
            return self.pulled(cotangent, i)
        jacobian = self.jacobians[i].reshape((BATCH, -1, *self.full_shapes[i]))
        return np.einsum("vno,no...->vn...", cotangent.reshape((len(cotangent), BATCH, -1)), jacobian)

    def pushed(self, tangents: dict[int, NDArray[Any]]) -> NDArray[Any]:
        """What tangents (V, *input) become at the output, from `jacobians`.

        (V, *output), with a 1 after V where a loss has put the batch together.
        """
        total = sum(self._pushed(i, tangent) for i, tangent in tangents.items())
        return total[:, None] if any(self.batched) and not self.output_batched else total  # type: ignore[index]

    def _pushed(self, i: int, tangent: NDArray[Any]) -> NDArray[Any]:
        size = prod(self.full_shapes[i])
        jacobian = self.jacobians[i].reshape((prod(self.output_shape), size))
        return (tangent.reshape((-1, size)) @ jacobian.T).reshape((-1, *self.output_shape))

    def trace(self, xp: Namespace) -> Trace:
        leaves = {name: xp.asarray(array) for name, array in zip(self.names, self.inputs, strict=True)}
        return run_forward(self.plan, xp, leaves)


@cache
def every_case() -> tuple[Case, ...]:
    return tuple(case for name, op in ops().items() for case in cases_of(name, op))


def cases_of(name: str, op: type[Op]) -> Iterator[Case]:
    """The op's samples: losses with each reduction; other ops with each operand, then all of them, without a batch."""
    for number, sample in enumerate(getattr(op, "samples", ())):
        for variant in reductions(sample) if op.family == "loss" else (sample,):
            reduction = variant.options.get("reduction", "") if op.family == "loss" else ""
            for batched in batchings(op, sample):
                marks = "".join("N" if each else "-" for each in batched)
                label = "-".join(filter(None, (name, str(number), reduction, marks)))
                yield Case(label, op(**variant.options), variant, batched)


def reductions(sample: Sample) -> Iterator[Sample]:
    """The sample as it is where it names a reduction, else with each of them."""
    for reduction in (sample.options.get("reduction"),) if "reduction" in sample.options else REDUCTIONS:
        yield replace(sample, options={**sample.options, "reduction": reduction})


def batchings(op: type[Op], sample: Sample) -> Iterator[tuple[bool, ...]]:
    """Which inputs may have a batch axis. Parameters never do."""
    count = len(sample.shapes)
    none = (False,) * count
    if op.family in ("penalty", "total"):
        yield none
        return
    operands = count if op.variadic else min(len(op.operands), count)
    full = tuple(i < operands for i in range(count))
    yield full
    if op.family == "loss":
        return
    if operands > 1:
        yield from (tuple(full[j] and j != i for j in range(count)) for i in range(operands))
    yield none


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test may ask for every `case`, or for those of one kind."""
    kinds = {
        "case": lambda case: True,
        "batched_case": lambda case: case.output_batched,  # its output has a batch axis
        "unbatched_case": lambda case: not any(case.batched),  # nothing has
        "inner_case": lambda case: not case.is_loss,  # its cotangent may be anything
        "outer_case": lambda case: case.op.name in OUTER and case.output_batched,  # it forms one
    }
    for name, kept in kinds.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, list(filter(kept, every_case())), ids=lambda case: case.id)
    if "op" in metafunc.fixturenames:
        metafunc.parametrize("op", ops().values(), ids=lambda op: op.name)


@pytest.fixture(params=["numpy", "torch"])
def xp(request: pytest.FixtureRequest) -> Namespace:
    """Each backend, in double precision; torch on the device under test."""
    return choose(request.param, device_of(request.param), "float64")

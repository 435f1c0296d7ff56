"""One op alone in a network, beside the same function of torch mapped over the batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from chainrule.engine.backends import Shape, choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.graph import Graph, Node
from chainrule.engine.op import Op
from chainrule.engine.plan import make_plan
from chainrule.engine.structure import Outer
from chainrule.engine.trace import run_forward


@dataclass(frozen=True)
class Examples:
    """An operand with a batch axis: the shape of one example."""

    shape: Shape


@dataclass(frozen=True)
class Parameter:
    """An operand without a batch axis."""

    shape: Shape


Operand = Examples | Parameter
Check = Callable[..., np.ndarray[Any, Any]]


def agree(op: Op, function: Callable[..., Any], *operands: Operand, batch: int = 3) -> np.ndarray[Any, Any]:
    """Assert that value and cotangents, example by example and summed, are those of `function` mapped over the batch.

    `function` takes one example of each operand, as torch tensors. Returns the output.
    """
    rng = np.random.default_rng(0)
    batched = [isinstance(operand, Examples) for operand in operands]
    arrays = [
        rng.standard_normal((*((batch,) if mapped else ()), *operand.shape))
        for operand, mapped in zip(operands, batched, strict=True)
    ]
    output, each, summed = _ours(op, operands, arrays, batch)
    tensors = [torch.from_numpy(array) for array in arrays]
    wanted, wanted_each = _by_torch(function, tensors, batched, _cotangent(output.shape))
    np.testing.assert_allclose(output, wanted, rtol=0, atol=1e-12)
    for mapped, ours, ours_summed, theirs in zip(batched, each, summed, wanted_each, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
        folded = any(batched) and not mapped
        np.testing.assert_allclose(ours_summed, theirs.sum(0) if folded else theirs, rtol=0, atol=1e-12)
    return output


def _cotangent(shape: Shape) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).standard_normal(shape)


def _ours(op: Op, operands: tuple[Operand, ...], arrays: list[Any], batch: int) -> tuple[Any, list[Any], list[Any]]:
    """The output, and each operand's cotangent by example and summed."""
    names = [f"v{i}" for i in range(len(operands))]
    inputs = tuple(name for name, operand in zip(names, operands, strict=True) if isinstance(operand, Examples))
    parameters = tuple(name for name in names if name not in inputs)
    graph = Graph(inputs, parameters, (Node("out", op, tuple(names)),), "out")
    plan = make_plan(graph, {name: operand.shape for name, operand in zip(names, operands, strict=True)}, batch)
    xp, of = choose("numpy", "cpu", "float64"), plan.index["out"]
    trace = run_forward(plan, xp, dict(zip(names, arrays, strict=True)))
    assert trace.values[of].shape == plan.full_shape(of)
    slots = [plan.index[name] for name in names]
    seed = _cotangent(plan.full_shape(of))
    program = backward_program(plan, of, slots)
    by_example = pull_back(trace, program, seed, keep_batch=True)
    summed = pull_back(trace, program, seed)
    return trace.values[of], [_array(by_example[slot]) for slot in slots], [_array(summed[slot]) for slot in slots]


def _array(cotangent: Any) -> Any:
    return cotangent.each() if isinstance(cotangent, Outer) else cotangent


def _by_torch(
    function: Callable[..., Any], tensors: list[Any], batched: list[bool], cotangent: np.ndarray[Any, Any]
) -> tuple[Any, list[Any]]:
    def value_and_cotangents(cotangent: Any, *example: Any) -> Any:
        value, pull = torch.func.vjp(function, *example)
        return value, pull(cotangent)

    mapped = value_and_cotangents
    if any(batched):
        axes = (0, *(0 if each else None for each in batched))
        mapped = torch.func.vmap(value_and_cotangents, in_dims=axes)
    value, each = mapped(torch.from_numpy(cotangent), *tensors)
    return value.numpy(), [part.numpy() for part in each]


@pytest.fixture(scope="session")
def agrees_with_torch() -> Check:
    """See `agree`."""
    return agree


@pytest.fixture(scope="session")
def examples() -> type[Examples]:
    """An operand with a batch axis, by the shape of one example."""
    return Examples


@pytest.fixture(scope="session")
def parameter() -> type[Parameter]:
    """An operand without a batch axis, by its shape."""
    return Parameter

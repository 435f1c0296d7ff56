"""The net all comparisons are made on, Linear₁ → relu → Linear₂ with the mean squared error, for engine and torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chainrule.engine.backends import Array, Namespace, choose
from chainrule.engine.graph import Graph, Node
from chainrule.engine.plan import Plan, make_plan
from chainrule.engine.registry import find

PARAMETERS = ("W1", "b1", "W2", "b2")


@dataclass(frozen=True)
class Sizes:
    """n inputs, a hidden, K outputs, N examples."""

    n: int
    a: int
    K: int
    N: int

    def __str__(self) -> str:
        return f"n{self.n} a{self.a} K{self.K} N{self.N}"


@dataclass(frozen=True)
class Problem:
    """The net at some sizes, planned, with random numbers for its leaves."""

    sizes: Sizes
    dtype: str
    plan: Plan
    values: Mapping[str, NDArray[Any]]

    @property
    def wrt(self) -> tuple[int, ...]:
        """The parameters' slots."""
        return tuple(self.plan.index[name] for name in PARAMETERS)

    def backend(self, name: str, device: str = "cpu") -> tuple[Namespace, dict[str, Array]]:
        """A backend on a device, and the leaves as its arrays."""
        xp = choose(name, device, self.dtype)
        return xp, {leaf: xp.asarray(value) for leaf, value in self.values.items()}

    def tensors(self, device: str = "cpu") -> dict[str, torch.Tensor]:
        """The leaves for autograd: the parameters ask for gradients."""
        found = {name: torch.tensor(value, device=device) for name, value in self.values.items()}
        for name in PARAMETERS:
            found[name].requires_grad_()
        return found


def problem(sizes: Sizes, dtype: str = "float64", seed: int = 0) -> Problem:
    """Weights scaled so that values stay near 1 at any width."""
    random = np.random.default_rng(seed)
    values = {
        name: random.normal(size=(sizes.N, *shape) if name in "xy" else shape)
        / np.sqrt(shape[-1] if len(shape) > 1 else 1)
        for name, shape in shapes_of(sizes).items()
    }
    return Problem(sizes, dtype, planned(sizes), {name: value.astype(dtype) for name, value in values.items()})


def planned(sizes: Sizes) -> Plan:
    """The net's plan, made anew."""
    linear, relu, mse = find("linear"), find("relu"), find("mse")
    nodes = (
        Node("s1", linear(), ("x", "W1", "b1")),
        Node("a1", relu(), ("s1",)),
        Node("s2", linear(), ("a1", "W2", "b2")),
    )
    graph = Graph(("x",), PARAMETERS, nodes, "s2", Node("C", mse(), ("s2", "y")))
    return make_plan(graph, shapes_of(sizes), sizes.N)


def shapes_of(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Of every leaf, without the batch."""
    n, a, k = sizes.n, sizes.a, sizes.K
    return {"x": (n,), "W1": (a, n), "b1": (a,), "W2": (k, a), "b2": (k,), "y": (k,)}

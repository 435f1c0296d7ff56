"""Values, cotangents, gradients and Jacobians of random networks, on both backends, against torch per example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.engine import jacobian as jacobian_module
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.graph import LOSS, TARGETS
from chainrule.engine.jacobian import dense, jacobian, jacobian_shape
from chainrule.engine.structure import Outer
from chainrule.engine.trace import Trace

Network = Any
"""See conftest."""


def close(found: Any, wanted: Any, tolerance: float) -> None:
    """The same shape, and no element further off than the tolerance times the largest."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1.0, np.abs(wanted).max()))


def check_values(network: Network) -> None:
    wanted = network.over_batch(network.one)
    ours, by_torch = network.run("numpy"), network.run("torch")
    for name in network.differentiable:
        close(ours.value(name), wanted[name] if network.batched(name) else wanted[name][0], 1e-12)
        close(by_torch.xp.to_numpy(by_torch.value(name)), ours.value(name), 1e-12)


def check_cotangents_by_example(network: Network) -> None:
    output = network.graph.output
    seed = np.random.default_rng(1).standard_normal(network.plan.full_shape(network.plan.index[output]))

    def pulled(cotangent: torch.Tensor, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return torch.func.vjp(lambda values: network.one(values)[output], given)[1](cotangent)[0]

    wanted = network.over_batch(pulled, torch.from_numpy(seed))
    summed = {name: each if network.batched(name) else each.sum(0) for name, each in wanted.items()}
    _check_pulled(network, output, seed, wanted, keep_batch=True)
    _check_pulled(network, output, seed, summed, keep_batch=False)


def check_gradients(network: Network) -> None:
    def loss(given: dict[str, torch.Tensor]) -> torch.Tensor:
        axes = {name: 0 if network.batched(name) else None for name in given}
        output = torch.func.vmap(network.one, in_dims=(axes,))(given)[network.graph.output]
        error = output - torch.from_numpy(network.arrays[TARGETS])
        return (error**2).sum() if network.graph.loss.op.reduction == "sum" else (error**2).mean()

    _check_pulled(network, LOSS, np.ones(()), torch.func.grad(loss)(network.shifted), keep_batch=False)


def _check_pulled(
    network: Network, of: str, seed: np.ndarray[Any, Any], wanted: dict[str, torch.Tensor], *, keep_batch: bool
) -> None:
    found = [_pulled(network.run(backend), of, network, seed, keep_batch) for backend in ("numpy", "torch")]
    for name, cotangent in wanted.items():
        ours, by_torch = (each.get(name, np.zeros(cotangent.shape)) for each in found)
        close(ours, cotangent, 1e-9)
        close(by_torch, ours, 1e-12)


def _pulled(trace: Trace, of: str, network: Network, seed: np.ndarray[Any, Any], keep_batch: bool) -> dict[str, Any]:
    plan, xp = trace.plan, trace.xp
    program = backward_program(plan, plan.index[of], [plan.index[name] for name in network.differentiable])
    found = pull_back(trace, program, xp.asarray(seed), keep_batch=keep_batch)
    parts = {slot: part.each() if isinstance(part, Outer) else part for slot, part in found.items()}
    return {plan.slots[slot].name: xp.to_numpy(part) for slot, part in parts.items()}


def check_jacobians(network: Network) -> None:
    for of, wrt in network.pairs:
        alike = network.batched(of) or not network.batched(wrt)
        wanted = _jacobian_by_torch(network, of, wrt)
        for pushes in (False, True) if alike else (False,):
            with patch.object(jacobian_module, "pushes", return_value=pushes):
                ours, by_torch = (_jacobian(network.run(backend), of, wrt) for backend in ("numpy", "torch"))
            close(ours, wanted, 1e-9)
            close(by_torch, ours, 1e-12)


def _jacobian_by_torch(network: Network, of: str, wrt: str) -> Any:
    def one(given: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.jacrev(lambda value: network.one({**given, wrt: value})[of])(given[wrt])

    wanted = network.over_batch(one)
    return wanted if network.batched(of) or network.batched(wrt) else wanted[0]


def _jacobian(trace: Trace, of: str, wrt: str) -> Any:
    plan, target, source = trace.plan, trace.plan.index[of], trace.plan.index[wrt]
    full = jacobian_shape(plan, target, source)
    found = dense(trace.xp, jacobian(trace, target, source), full, len(plan.slots[target].shape))
    array = trace.xp.to_numpy(found)
    assert array.flags.c_contiguous
    return array


CHECKS = {
    "values": check_values,
    "cotangents": check_cotangents_by_example,
    "gradients": check_gradients,
    "jacobians": check_jacobians,
}
every_check = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
drawn = settings(
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@every_check
@given(data=st.data())
@settings(drawn, max_examples=50)
def test_a_random_network_agrees_with_torch(
    check: Callable[[Network], None], network_strategy: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    check(data.draw(network_strategy))


@pytest.mark.slow
@every_check
@given(data=st.data())
@settings(drawn, max_examples=1000)
def test_many_random_networks_agree_with_torch(
    check: Callable[[Network], None], network_strategy: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    check(data.draw(network_strategy))

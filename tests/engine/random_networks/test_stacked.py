"""Random networks, each for several sets of numbers at once: values and gradients are those of each set alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.trace import run_forward
from torch_device import device_of

PROBLEMS = 3


def values_and_gradients(network: Any, xp: Any, leaves: dict[str, Any]) -> dict[str, Any]:
    plan = network.plan
    trace = run_forward(plan, xp, {name: xp.asarray(leaf) for name, leaf in leaves.items()})
    program = backward_program(plan, plan.loss, [plan.index[name] for name in network.differentiable])
    found = {f"∂C/∂{plan.slots[slot].name}": part for slot, part in pull_back(trace, program, 1.0).items()}
    found |= {slot.name: value for slot, value in zip(plan.slots, trace.values, strict=True)}
    return {name: xp.to_numpy(value) for name, value in found.items()}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_stack_of_problems_gives_what_each_gives(network_strategy: Any, backend: str, data: Any) -> None:
    network = data.draw(network_strategy)
    rng = np.random.default_rng(3)
    near = [
        replace(
            network,
            arrays={name: np.asarray(array * rng.uniform(0.9, 1.1, array.shape)) for name, array in held.items()},
        )
        for held in [network.arrays] * PROBLEMS
    ]
    alone = [values_and_gradients(each, choose(backend, device_of(backend), "float64"), each.arrays) for each in near]
    leaves = {
        name: np.stack([each.arrays[name] for each in near])[(slice(None), *(() if network.batched(name) else (None,)))]
        for name in network.arrays
    }
    together = values_and_gradients(network, choose(backend, device_of(backend), "float64", stacked=True), leaves)
    assert together.keys() == alone[0].keys()
    for name, stacked in together.items():
        batched = network.batched(name.removeprefix("∂C/∂"))
        for row, each in zip(stacked if batched else stacked[:, 0], alone, strict=True):
            assert row.shape == each[name].shape
            np.testing.assert_allclose(row, each[name], rtol=0, atol=1e-11 * max(1.0, np.abs(each[name]).max()))

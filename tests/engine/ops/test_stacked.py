"""A stack of problems, computed together, gives each what it gives alone: every op at every sample, each backend."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.trace import run_forward
from torch_device import device_of

PROBLEMS = 4


@pytest.fixture(params=["numpy", "torch"])
def backend(request):
    return request.param


def problems_of(case):
    """The case with other numbers drawn, as often as the stack is high."""
    return [replace(case, id=f"{case.id} {number}") for number in range(PROBLEMS)]


def stacked(case, arrays):
    """Arrays of each problem as one: those without a batch axis have an axis of 1 in its place."""
    return {name: array if slot_batched(case, name) else array[:, None] for name, array in arrays.items()}


def slot_batched(case, name):
    return case.plan.slots[case.plan.index[name]].batched


def outcome(case, xp, leaves, seed):
    """The output, and the cotangent of each input that has one, by name."""
    names = [case.names[i] for i in case.differentiable]
    program = backward_program(case.plan, case.of, [case.plan.index[name] for name in names])
    trace = run_forward(case.plan, xp, {name: xp.asarray(leaf) for name, leaf in leaves.items()})
    found = pull_back(trace, program, xp.asarray(seed))
    arrays = {name: found[case.plan.index[name]] for name in names}
    return {"output": trace.values[case.of], **arrays}


def test_each_problem_gets_what_it_gets_alone(case, backend):
    device = device_of(backend)
    alone, together = choose(backend, device, "float64"), choose(backend, device, "float64", stacked=True)
    problems = problems_of(case)
    seeds = [case.cotangent(seed=number) for number in range(PROBLEMS)]
    leaves = {name: np.stack([problem.inputs[i] for problem in problems]) for i, name in enumerate(case.names)}
    seed = np.stack(seeds) if case.output_batched else np.stack(seeds)[:, None]
    found = outcome(case, together, stacked(case, leaves), seed)
    for number, problem in enumerate(problems):
        wanted = outcome(case, alone, dict(zip(case.names, problem.inputs, strict=True)), seeds[number])
        for name, array in wanted.items():
            batched = case.output_batched if name == "output" else slot_batched(case, name)
            ours = together.to_numpy(found[name])[number]
            ours = ours if batched else ours[0]
            theirs = alone.to_numpy(array)
            assert ours.shape == theirs.shape, name
            tolerance = 1e-12 * max(1, np.max(np.abs(theirs), initial=0))
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=name)

"""A cotangent that is infinite in places, as the derivative of a square root at 0 is.

Where a rule lets nothing through (a rectifier below 0, the smaller of two) it chooses 0, as torch does; a mask that is
multiplied would make NaN of 0 · ∞.
"""

import numpy as np
import pytest
import torch

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.operations import run
from engine.ops.test_against_autograd import by_torch
from torch_device import DEVICE


def infinite_in_places(case):
    found = case.cotangent()
    flat = found.reshape(-1)
    flat[::3], flat[1::5], flat[7::8] = np.inf, -np.inf, np.nan
    return flat.reshape(found.shape)


def pulled(case, xp):
    """The cotangents of every input, as NumPy arrays of its own shape."""
    slots = [case.slots[i] for i in case.differentiable]
    cotangent = xp.asarray(infinite_in_places(case))
    with np.errstate(all="ignore"):
        found = pull_back(case.trace(xp), backward_program(case.plan, case.of, slots), cotangent)
    shapes = [case.full_shapes[i] for i in case.differentiable]
    return [np.broadcast_to(case.as_array(xp, found[slot]), shape) for slot, shape in zip(slots, shapes, strict=True)]


def by_autograd(case):
    tensors = [torch.tensor(array) for array in case.inputs]
    leaves = [tensors[i].requires_grad_() for i in case.differentiable]
    found = torch.autograd.grad(by_torch(case, tensors), leaves, torch.tensor(infinite_in_places(case)))
    return [tensor.numpy() for tensor in found]


def test_both_backends_give_the_same(case):
    on_torch = pulled(case, choose("torch", DEVICE, "float64"))
    for numpy, other in zip(pulled(case, case.xp), on_torch, strict=True):
        np.testing.assert_allclose(numpy, other, rtol=1e-10)


def test_where_autograd_has_a_number_so_has_every_rule(inner_case, xp):
    for found, wanted in zip(pulled(inner_case, xp), by_autograd(inner_case), strict=True):
        known = ~np.isnan(wanted)
        np.testing.assert_allclose(found[known], wanted[known], rtol=1e-10)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("rectifier", [{"op": "relu"}, {"op": "relu6"}, {"op": "clamp", "low": 0}], ids=str)
def test_the_gradient_of_a_square_root_after_a_rectifier_is_autograds(backend, rectifier):
    layers, inputs, targets = [rectifier, {"op": "sqrt"}], [[-1.0, -2.0, 4.0]], [[1.0, 1.0, 1.0]]
    request = {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "mse", "wrt": ["x"]}
    x = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.mse_loss(x.clamp(min=0).sqrt(), torch.tensor(targets, dtype=torch.float64)).backward()
    found = run("gradients", {**request, "backend": backend})["gradients"]["x"]
    np.testing.assert_allclose(found, x.grad.numpy(), rtol=1e-14)
    np.testing.assert_allclose(found, [[0, 0, 1 / 6]], rtol=1e-14)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("rectifiers", [[], [{"op": "relu"}], [{"op": "relu6"}]], ids=str)
def test_an_infinite_entry_of_a_jacobian_leaves_the_others_alone(backend, rectifiers):
    layers, inputs = [*rectifiers, {"op": "sqrt"}], [[0.0, 4.0], [1.0, 0.0]]
    request = {"network": {"layers": layers}, "inputs": inputs, "pairs": [{"of": "y_hat", "wrt": "x"}]}
    edge = 0.0 if rectifiers else np.inf
    diagonals = [[edge, 0.25], [0.5, edge]]
    found = run("jacobians", {**request, "backend": backend})["jacobians"]["y_hat/x"]
    assert found["value"].tolist() == [[[a, 0.0], [0.0, b]] for a, b in diagonals]
    structured = run("jacobians", {**request, "backend": backend, "form": "structured"})["jacobians"]["y_hat/x"]
    assert structured["diagonal"].tolist() == diagonals

"""The same rules on NumPy and on torch: the same numbers in double precision, the dtype kept in single precision."""

import numpy as np
import pytest

from chainrule.engine.backends import choose
from torch_device import DEVICE, device_of

ON = [(backend, device_of(backend)) for backend in ("numpy", "torch")]


def everything(case, xp):
    """All that an op computes of a case on a backend, by name."""
    point = case.trace(xp).points[0]
    cotangent = xp.asarray(case.cotangent(case.seeds))
    tangents = {i: xp.asarray(case.tangent(i, case.seeds)) for i in case.differentiable}
    wanted = tuple(i in case.differentiable for i in range(len(case.inputs)))
    parts = case.bound.vjp(xp, cotangent, point, wanted)
    found = {"output": point.output}
    found |= {f"vjp {i}": parts[i].each() if hasattr(parts[i], "each") else parts[i] for i in case.differentiable}
    found |= {f"jvp {i}": one_tangent(case, xp, point, i, tangents[i]) for i in case.differentiable}
    declared = case.bound.diagonals(xp, point) or ()
    found |= {f"diagonal {i}": diagonal for i, diagonal in enumerate(declared) if diagonal is not None}
    if case.op.at_kink is not None:
        found["subgradient"] = case.bound.subgradient(xp, point)
    return found


def one_tangent(case, xp, point, i, tangent):
    return case.bound.jvp(xp, tuple(tangent if i == j else None for j in range(len(case.inputs))), point)


def test_both_backends_give_the_same_numbers(case):
    xp = choose("torch", DEVICE, "float64")
    numpy, other = everything(case, case.xp), everything(case, xp)
    assert numpy.keys() == other.keys()
    for name, wanted in numpy.items():
        found = xp.to_numpy(other[name])
        tolerance = 1e-12 * max(1, np.max(np.abs(wanted), initial=0))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("backend", "device"), ON)
def test_single_precision_stays_single(case, backend, device):
    xp = choose(backend, device, "float32")
    double = everything(case, case.xp)
    for name, found in everything(case, xp).items():
        assert str(found.dtype).removeprefix("torch.") == "float32", name
        tolerance = 1e-4 * max(1, np.max(np.abs(double[name]), initial=0))
        np.testing.assert_allclose(xp.to_numpy(found), double[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("backend", "device"), ON)
def test_a_kink_mask_has_the_shape_of_the_first_input(case, backend, device):
    xp = choose(backend, device, "float64")
    point = case.trace(xp).points[0]
    mask = case.bound.kinks(xp, point)
    if case.op.at_kink is None:
        assert mask is None
    elif mask is not None:
        held = np.shape(case.inputs[0])
        assert tuple(mask.shape)[-len(held) or None :] == held or case.output_shape == tuple(mask.shape)
        assert str(mask.dtype).removeprefix("torch.") == "bool"
        assert not xp.to_numpy(mask).any()

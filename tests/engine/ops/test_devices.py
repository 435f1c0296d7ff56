"""Every rule on a device whose tensors hold no numbers (torch's `meta`), which stands for a GPU that is far away.

There, whatever would have to wait for a number fails, and so does whatever mixes that device with the CPU.
"""

import numpy as np
import pytest
import torch

from chainrule.engine.backends.torch import StackedTorchNamespace, TorchNamespace
from engine.ops.test_backends import everything
from engine.ops.test_stacked import PROBLEMS, outcome, stacked

ASKING = {"bce", "cross_entropy", "hinge", "kl_div", "log", "multiclass_hinge", "nll", "sqrt"}
"""Ops whose forward pass asks whether the values that it is given are allowed, which it has to wait for."""


class Far(TorchNamespace):
    """Where every count is 0, and noted."""

    def __init__(self, dtype):
        super().__init__(dtype, "meta")
        self.asked = False

    def count_nonzero(self, x):
        assert x.device.type == "meta"
        self.asked = True
        return 0


class FarStack(Far, StackedTorchNamespace):
    """The same for a stack of problems."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rule_stays_on_its_device_and_waits_for_nothing_it_need_not_know(case, dtype):
    xp = Far(dtype)
    check(everything(case, xp), xp, case)
    mask = case.bound.kinks(xp, case.trace(xp).points[0])
    assert mask is None or mask.device.type == "meta"


def test_so_it_does_in_a_stack(case):
    xp = FarStack("float64")
    leaves = {name: np.stack([array] * PROBLEMS) for name, array in zip(case.names, case.inputs, strict=True)}
    seed = np.stack([case.cotangent()] * PROBLEMS)
    check(outcome(case, xp, stacked(case, leaves), seed if case.output_batched else seed[:, None]), xp, case)


def check(found, xp, case):
    for name, tensor in found.items():
        assert tensor.device.type == "meta", name
        assert str(tensor.dtype).removeprefix("torch.") == xp.dtype, name
    assert xp.asked <= (case.op.name in ASKING)


def test_meta_does_stop_what_it_is_to_stop():
    xp = Far("float64")
    far = xp.ones((2, 3))
    with pytest.raises(RuntimeError, match="meta tensor"):
        bool(far.sum() > 0)
    with pytest.raises(RuntimeError, match=r"same device|meta"):
        far + torch.ones(2, 3)

"""Every op beside the same function of torch, differentiated by torch's autograd, in double precision."""

from itertools import starmap

import numpy as np
import torch
from torch.nn import functional

from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.registry import ops

TOLERANCE = 1e-10

ACTIVATIONS = {
    "identity": lambda op, x: x * 1,
    "relu": lambda op, x: op.scale * functional.relu(x),
    "relu6": lambda op, x: functional.relu6(x),
    "hardtanh": lambda op, x: functional.hardtanh(x, op.min_val, op.max_val),
    "clamp": lambda op, x: torch.clamp(x, op.low, op.high),
    "leaky_relu": lambda op, x: functional.leaky_relu(x, op.slope),
    "prelu": lambda op, x, slope: torch.where(x > 0, x, slope * x),
    "abs": lambda op, x: torch.abs(x),
    "elu": lambda op, x: functional.elu(x, op.alpha),
    "celu": lambda op, x: functional.celu(x, op.alpha),
    "selu": lambda op, x: functional.selu(x),
    "exp": lambda op, x: torch.exp(x),
    "log": lambda op, x: torch.log(x),
    "sqrt": lambda op, x: torch.sqrt(x),
    "square": lambda op, x: torch.square(x),
    "softplus": lambda op, x: functional.softplus(x, op.beta),
    "sigmoid": lambda op, x: torch.sigmoid(x),
    "tanh": lambda op, x: torch.tanh(x),
    "softsign": lambda op, x: functional.softsign(x),
    "gelu": lambda op, x: functional.gelu(x, approximate=op.approximate),
    "silu": lambda op, x: functional.silu(x),
    "mish": lambda op, x: functional.mish(x),
    "softargmax": lambda op, x: torch.softmax(op.beta * x, -1),
    "log_softargmax": lambda op, x: torch.log_softmax(op.beta * x, -1),
    "logsumexp": lambda op, x: torch.logsumexp(op.beta * x, -1) / op.beta,
}
STRUCTURAL = {
    "linear": lambda op, x, w, b=None: functional.linear(x, w.mT if op.weight_layout == "in_out" else w, b),
    "matmul": lambda op, a, b: torch.matmul(a, b),
    "add": lambda op, *xs: sum(xs),
    "sub": lambda op, a, b: a - b,
    "mul": lambda op, *xs: torch.stack(torch.broadcast_tensors(*xs)).prod(0),
    "scale": lambda op, x: op.factor * x,
    "maximum": lambda op, a, b: torch.maximum(a, b),
    "max": lambda op, x: torch.amax(x, axes_of(op, x), op.keepdims),
    "sum": lambda op, x: torch.sum(x, axes_of(op, x), op.keepdims),
    "mean": lambda op, x: torch.mean(x, axes_of(op, x), op.keepdims),
    "reshape": lambda op, x: torch.reshape(x, op.to),
    "flatten": lambda op, x: torch.flatten(x),
    "transpose": lambda op, x: x.mT if op.axes is None else torch.permute(x, op.axes),
    "slice": lambda op, x: torch.index_select(x, op.axis, torch.arange(x.shape[op.axis])[op.start : op.stop : op.step]),
    "broadcast": lambda op, x: torch.broadcast_to(x, op.to),
    "concat": lambda op, *xs: torch.cat(xs, op.axis),
    "l1_penalty": lambda op, *ws: op.scale * sum(w.abs().sum() for w in ws),
    "l2_penalty": lambda op, *ws: op.scale * sum(w.square().sum() for w in ws),
}
LOSSES = {
    "squared_error": lambda op, x, y, r: functional.mse_loss(x, y, reduction=r),
    "mse": lambda op, x, y, r: functional.mse_loss(x, y, reduction=r),
    "l1": lambda op, x, y, r: functional.l1_loss(x, y, reduction=r),
    "huber": lambda op, x, y, r: functional.huber_loss(x, y, reduction=r, delta=op.delta),
    "smooth_l1": lambda op, x, y, r: functional.smooth_l1_loss(x, y, reduction=r, beta=op.beta),
    "bce": lambda op, x, y, r: functional.binary_cross_entropy(x, y, reduction=r),
    "bce_logits": lambda op, x, y, r: functional.binary_cross_entropy_with_logits(x, y, reduction=r),
    "kl_div": lambda op, x, y, r: reduced(functional.kl_div(x, y, reduction="none"), r),
    "hinge": lambda op, x, y, r: reduced(torch.relu(op.margin - y * x), r),
    "cross_entropy": lambda op, x, y, r: functional.cross_entropy(
        *classes_second(x, y), **class_options(op), reduction=r, label_smoothing=op.label_smoothing
    ),
    "nll": lambda op, x, y, r: (
        functional.nll_loss(*classes_second(x, y), **class_options(op), reduction=r)
        if y.ndim < x.ndim
        else -reduced((x * y * (1.0 if op.class_weights is None else torch.tensor(op.class_weights))).sum(-1), r)
    ),
    "multiclass_hinge": lambda op, x, y, r: reduced(
        functional.multi_margin_loss(
            x.reshape((-1, x.shape[-1])), y.reshape(-1), p=op.p, margin=op.margin, reduction="none"
        ).reshape(y.shape)
        * (1 if op.divide_by_classes else x.shape[-1]),
        r,
    ),
}


def axes_of(op, x):
    return tuple(range(x.ndim)) if op.axes is None else op.axes


def reduced(elements, reduction):
    return elements if reduction == "none" else getattr(elements, reduction)()


def classes_second(x, y):
    """torch has the classes on axis 1, ours are on the last."""
    return x.movedim(-1, 1), y.movedim(-1, 1) if y.ndim == x.ndim else y


def class_options(op):
    weight = None if op.class_weights is None else torch.tensor(op.class_weights, dtype=torch.float64)
    return {"weight": weight, "ignore_index": -100 if op.ignore_index is None else op.ignore_index}


def by_torch(case, tensors):
    """The op's output by torch: losses of the whole batch, everything else one example at a time."""
    op = case.op
    if op.name in LOSSES:
        batchmean = op.reduction == "batchmean"
        value = LOSSES[op.name](op, *tensors, "sum" if batchmean else op.reduction)
        return op.scale * (value / len(tensors[0]) if batchmean else value)
    function = {**ACTIVATIONS, **STRUCTURAL}[op.name]
    if not case.output_batched:
        return function(op, *tensors)
    examples = zip(*(tensor if case.batched[i] else [tensor] * 3 for i, tensor in enumerate(tensors)), strict=True)
    return torch.stack(list(starmap(lambda *example: function(op, *example), examples)))


def test_every_op_stands_beside_torch():
    assert {**ACTIVATIONS, **STRUCTURAL, **LOSSES}.keys() == ops().keys()


def test_value_and_cotangents_are_torchs(case):
    trace = case.trace(case.xp)
    cotangent = case.cotangent()
    slots = [case.slots[i] for i in case.differentiable]
    found = pull_back(trace, backward_program(case.plan, case.of, slots), cotangent)
    tensors = [torch.tensor(array) for array in case.inputs]
    leaves = [tensors[i].requires_grad_() for i in case.differentiable]
    value = by_torch(case, tensors)
    wanted = torch.autograd.grad(value, leaves, torch.tensor(cotangent))
    assert_close(trace.values[case.of], value.detach().numpy())
    for slot, leaf in zip(slots, wanted, strict=True):
        part = case.as_array(case.xp, found[slot])
        assert_close(np.broadcast_to(part, leaf.shape), leaf.numpy())


def assert_close(found, wanted):
    scale = max(1.0, np.max(np.abs(wanted), initial=0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE * scale)

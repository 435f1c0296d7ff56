"""Ops that move, repeat or leave out elements do so in each example."""

from __future__ import annotations

import pytest
import torch

from chainrule.engine.errors import ShapeError
from chainrule.engine.ops.shaping import Broadcast, Concat, Flatten, Reshape, Slice, Transpose

UNARY = {
    "reshape": (Reshape(to=(3, 4)), lambda x: x.reshape(3, 4), (2, 6)),
    "reshape to what is left": (Reshape(to=(3, -1, 2)), lambda x: x.reshape(3, -1, 2), (2, 6)),
    "reshape to a number": (Reshape(to=()), lambda x: x.reshape(()), (1, 1)),
    "flatten": (Flatten(), torch.ravel, (2, 3, 2)),
    "flatten a number": (Flatten(), lambda x: x.reshape(1), ()),
    "transpose": (Transpose(), lambda x: x.mT, (2, 3)),
    "transpose a stack": (Transpose(), lambda x: x.mT, (2, 3, 4)),
    "transpose in an order": (Transpose(axes=(2, 0, 1)), lambda x: x.permute(2, 0, 1), (2, 3, 4)),
    "transpose from the end": (Transpose(axes=(-1, 0, -2)), lambda x: x.permute(2, 0, 1), (2, 3, 4)),
    "slice": (Slice(start=1, stop=3), lambda x: x[1:3], (4, 2)),
    "slice from the end": (Slice(axis=-1, start=-3, stop=-1), lambda x: x[:, -3:-1], (2, 5)),
    "slice with steps": (Slice(axis=1, step=2), lambda x: x[:, ::2], (2, 5, 2)),
    "slice past the end": (Slice(start=2, stop=10**30, step=10**30), lambda x: x[2:3], (4,)),
    "broadcast to more axes": (Broadcast(to=(3, 4)), lambda x: x.expand(3, 4), (4,)),
    "broadcast along an axis": (Broadcast(to=(2, 3, 4)), lambda x: x.expand(2, 3, 4), (3, 1)),
    "broadcast a number": (Broadcast(to=(3,)), lambda x: x.expand(3), ()),
    "broadcast to its own shape": (Broadcast(to=(3,)), torch.clone, (3,)),
}


@pytest.mark.parametrize(("operation", "function", "shape"), UNARY.values(), ids=UNARY)
@pytest.mark.parametrize("batch", [1, 3, 4])
def test_each_example_is_reshaped(operation, function, shape, batch, agrees_with_torch, examples, parameter):
    for kind in (examples, parameter):
        agrees_with_torch(operation, function, kind(shape), batch=batch)


def test_broadcast_does_not_repeat_along_the_batch(agrees_with_torch, examples):
    output = agrees_with_torch(Broadcast(to=(3, 4)), lambda x: x.expand(3, 4), examples((4,)), batch=3)
    assert output.shape == (3, 3, 4)
    assert not (output[0] == output[1]).any()


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_concat_joins_examples_and_parameters(axis, agrees_with_torch, examples, parameter):
    def one(*parts):
        return torch.cat(parts, axis)

    shapes = [(2, 3), (1, 3), (4, 3)] if axis in (0, -2) else [(2, 1), (2, 3), (2, 2)]
    for kinds in ((examples,) * 3, (examples, parameter, examples), (parameter,) * 3):
        operands = [kind(shape) for kind, shape in zip(kinds, shapes, strict=True)]
        agrees_with_torch(Concat(axis=axis), one, *operands, batch=2)


def test_concat_does_not_join_batches(agrees_with_torch, examples, parameter):
    output = agrees_with_torch(Concat(), lambda *parts: torch.cat(parts), examples((2,)), parameter((3,)), batch=3)
    assert output.shape == (3, 5)


@pytest.mark.parametrize(
    ("operation", "shapes", "message"),
    [
        (
            Reshape(to=(4, 4)),
            [(3, 5)],
            r"x has shape \[3, 5\]; reshape wants .*\[4, 4\] cannot hold 15; the batch axis",
        ),
        (Reshape(to=(-1, 4)), [(3, 5)], r"\[-1, 4\] cannot hold 15"),
        (Reshape(to=(-1, 100)), [(3, 5)], r"\[-1, 100\] cannot hold 15"),
        (Reshape(to=(-1, -1)), [(4,)], r"at most one -1, not \[-1, -1\]"),
        (Reshape(to=(-1, 0)), [(4,)], r"lengths of at least 1 and at most one -1, not \[-1, 0\]"),
        (Reshape(to=(-2, -2)), [(4,)], r"lengths of at least 1"),
        (Transpose(), [(3,)], r"x has shape \[3\]; transpose wants at least two axes: write \"reshape\""),
        (Transpose(axes=(0, 0)), [(3, 4)], r"each of its 2 axes once in `axes`, not \[0, 0\]"),
        (Transpose(axes=(0,)), [(3, 4)], r"each of its 2 axes once"),
        (Transpose(axes=(0, 2)), [(3, 4)], r"transpose wants axis 2 of one example"),
        (Slice(start=4), [(4,)], r"at least one element taken along axis 0: 4::1 takes none"),
        (Slice(axis=1), [(4,)], r"slice wants axis 1 of one example: it has axes -1 to 0"),
        (Broadcast(to=(3, 4)), [(3,)], r"x has shape \[3\]; broadcast wants one that broadcasts to `shape` = \[3, 4\]"),
        (Broadcast(to=(4,)), [(3, 4)], r"broadcasts to `shape` = \[4\]"),
        (Broadcast(to=(0,)), [(1,)], r"broadcasts to `shape` = \[0\]"),
        (Concat(), [(3,), (3, 1)], r"x1 has shape \[3, 1\]; concat wants the shape of x0, \[3\], but along axis 0"),
        (Concat(axis=1), [(3, 2), (3, 4), (4, 2)], r"x2 has shape \[4, 2\]; concat wants the shape of x0, \[3, 2\]"),
        (Concat(), [(), ()], r"x0 has shape \[\]; concat wants axis 0 of one example: it has no axes at all"),
    ],
)
def test_what_does_not_fit_is_refused(operation, shapes, message):
    with pytest.raises(ShapeError, match=message):
        operation.shape(*shapes)

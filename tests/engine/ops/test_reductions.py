"""Sums and means count axes within one example."""

from __future__ import annotations

import pytest
import torch

from chainrule.engine.errors import ShapeError
from chainrule.engine.ops.reductions import Mean, Sum

AXES = [None, (0,), (1,), (-1,), (0, -1), (2, 0), (0, 1, 2), ()]
reductions = pytest.mark.parametrize(("operation", "function"), [(Sum, torch.sum), (Mean, torch.mean)])


@reductions
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_it_reduces_each_example(operation, function, axes, keepdims, agrees_with_torch, examples, parameter):
    reduced = (0, 1, 2) if axes is None else axes

    def one(x):
        return function(x, dim=reduced, keepdim=keepdims) if reduced else x.clone()

    for kind in (examples, parameter):
        agrees_with_torch(operation(axes=axes, keepdims=keepdims), one, kind((2, 3, 4)), batch=2)


@reductions
def test_of_a_number_it_is_that_number(operation, function, agrees_with_torch, examples):
    agrees_with_torch(operation(), torch.clone, examples(()))


@reductions
@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((2,), r"x has shape \[3, 4\]; .* wants axis 2 of one example: it has axes -2 to 1; the batch axis is not"),
        ((-3,), r"x has shape \[3, 4\]; .* wants axis -3"),
        ((0, -2), r"different axes, not \[0, -2\]: name each axis once"),
    ],
)
def test_axes_that_are_not_there_are_refused(operation, function, axes, message):
    with pytest.raises(ShapeError, match=message):
        operation(axes=axes).shape((3, 4))


def test_a_number_has_no_axes():
    with pytest.raises(ShapeError, match="it has no axes at all"):
        Sum(axes=(0,)).shape(())

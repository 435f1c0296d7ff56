"""Mistakes in the gradient of one parameter alone: the reduction over the batch, the product, the shape."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.engine.structure import Outer
from chainrule.grading.mistakes.places import ParameterPlace
from chainrule.grading.mistakes.registry import Altered, Registry

parameter_mistake: Registry[ParameterPlace] = Registry()


@parameter_mistake(
    "transposed",
    "∂C/∂{at} is transposed",
    "The layout asked for says which axis comes first.",
    of_sum=True,
)
def transposed(here: ParameterPlace) -> Iterator[Altered]:
    if here.right.ndim == 2:
        yield Altered(here.right.T)


@parameter_mistake(
    "unsummed",
    "∂C/∂{at} still has the batch axis",
    "Every example contributes to a parameter's gradient: sum over the batch.",
)
def unsummed(here: ParameterPlace) -> Iterator[Altered]:
    yield Altered(here.each)


@parameter_mistake(
    "keepdims",
    "∂C/∂{at} has an axis too many",
    "The gradient of a parameter has the parameter's own shape.",
    of_sum=True,
)
def keepdims(here: ParameterPlace) -> Iterator[Altered]:
    if here.right.ndim == 1:
        yield Altered(here.right[None])
        yield Altered(here.right[:, None])


@parameter_mistake(
    "collapsed",
    "∂C/∂{at} is collapsed: the sum went over more than the batch",
    "Sum over the batch axis alone.",
    of_sum=True,
)
def collapsed(here: ParameterPlace) -> Iterator[Altered]:
    if here.is_bias and here.right.size > 1:
        yield Altered(here.right.sum())
        yield Altered(here.right.sum(keepdims=True))
        yield Altered(here.each.sum(-1), "summed over the outputs instead of the batch")


@parameter_mistake(
    "wrong_input",
    "∂C/∂{at} is taken with {detail}",
    "∂C/∂W is the product of ∂C/∂s with what this layer was given.",
)
def wrong_input(here: ParameterPlace) -> Iterator[Altered]:
    outer = here.outer
    if outer is None:
        return
    for name, value in here.others:
        yield Altered(_sum(Outer(outer.left, value, False, outer.transposed)), f"{name} in place of {here.input_name}")


@parameter_mistake(
    "product_of_sums",
    "∂C/∂{at} is a product of sums over the batch instead of the sum of products",
    "Multiply example by example and then sum, which the matrix product GᵀX does in one.",
)
def product_of_sums(here: ParameterPlace) -> Iterator[Altered]:
    outer = here.outer
    if outer is not None and outer.left.shape[0] > 1:
        yield Altered(
            _sum(Outer(outer.left.sum(0, keepdims=True), outer.right.sum(0, keepdims=True), False, outer.transposed))
        )


@parameter_mistake(
    "one_example",
    "∂C/∂{at} is that of {detail} example alone",
    "Every example contributes to a parameter's gradient: sum over the batch.",
)
def one_example(here: ParameterPlace) -> Iterator[Altered]:
    each = here.each
    if len(each) > 1:
        yield Altered(each[0], "the first")
        yield Altered(each[-1], "the last")


@parameter_mistake(
    "last_left_out",
    "∂C/∂{at} leaves the last example out",
    "Every example contributes to a parameter's gradient: check the bounds of the loop.",
)
def last_left_out(here: ParameterPlace) -> Iterator[Altered]:
    if len(here.each) > 1:
        yield Altered(here.right - here.each[-1])


def _sum(outer: Outer) -> object:
    return outer.right.mT @ outer.left if outer.transposed else outer.left.mT @ outer.right

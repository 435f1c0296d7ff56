"""Mistakes in the backward pass through s = W x + b, where ∂C/∂x = Wᵀ ∂C/∂s."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.grading.mistakes.places import LinearPlace
from chainrule.grading.mistakes.registry import Altered, Registry

linear_mistake: Registry[LinearPlace] = Registry()


@linear_mistake(
    "weight_not_transposed",
    "the weight of {at} is used the wrong way round in the backward pass",
    "Going back through s = W x, ∂C/∂x as a column is Wᵀ ∂C/∂s, as a row ∂C/∂s W.",
)
def weight_not_transposed(here: LinearPlace) -> Iterator[Altered]:
    weight = here.out_in
    if weight.shape[0] == weight.shape[1]:
        yield Altered(here.cotangent @ weight.mT)

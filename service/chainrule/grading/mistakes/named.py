"""Mistakes for which no rule is altered: a constant, a reduction, an order, bookkeeping. Their words are here.

Where they are recognised is in the module that judges the quantity in question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """`message` may hold {at}, {what} it is about, {detail} and {factor}."""

    code: str
    message: str
    hint: str


_EVERY = (
    Named("sign", "the sign is flipped at {at}", "Check each minus sign on the way."),
    Named(
        "factor",
        "there is a factor of {factor} too much at {at}",
        "Look for a constant that the derivative has, or has not: a 2, a 1/N, a 1/K, a scale.",
    ),
    Named(
        "averaged",
        "∂C/∂{at} is averaged over the batch instead of summed",
        "The loss has its 1/N already: sum the examples' contributions.",
    ),
    Named("log_base", "the logarithm is to {detail}", "These losses use the natural logarithm."),
    Named(
        "reduction",
        "the loss is {factor} times what it should be: another reduction",
        "Is the loss a sum or a mean, and over what?",
    ),
    Named(
        "unreduced",
        "the loss is left as one number an element or an example",
        "The loss of a batch is one number: apply the reduction.",
    ),
    Named(
        "moved",
        "the factor {factor} is missing from ∂C/∂{what} and comes in later in the backward pass: the gradients are "
        "right in the end",
        "The loss's derivative has the constant of the loss itself, such as the 1/N of a mean.",
    ),
    Named(
        "stopped_short",
        "∂C/∂{at} is taken from the gradient before {what}, whose derivative is left out",
        "Every activation on the way back multiplies the gradient by its own derivative.",
    ),
    Named(
        "one_way",
        "∂C/∂{at} counts {detail}: what comes back on other ways is left out",
        "What is used in several places has the sum of what comes back from each as its gradient.",
    ),
    Named("exchanged", "{what} are exchanged", "Check the order in which you return the gradients."),
    Named(
        "accumulated",
        "every gradient is twice what it should be: a second backward pass was added to the first",
        "Clear the gradients before each backward pass.",
    ),
    Named("zeros", "∂C/∂{at} is all zeros", "Is it assigned at all, and after the backward pass?"),
    Named("rounded", "{what} is right, but rounded to {detail}", "Give the numbers in full."),
    Named(
        "order_reversed",
        "the factors of {at}'s Jacobian are multiplied in the reverse order",
        "For h = g∘f, J_h = J_g J_f: the outer function's Jacobian stands first.",
    ),
)

NAMED: Mapping[str, Named] = {named.code: named for named in _EVERY}
"""By code."""

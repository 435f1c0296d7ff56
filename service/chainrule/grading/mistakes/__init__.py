"""What people get wrong when they apply the chain rule: one small entry a mistake, by the place where it is made."""

from chainrule.grading.mistakes.activation import activation_mistake
from chainrule.grading.mistakes.linear import linear_mistake
from chainrule.grading.mistakes.loss import loss_mistake
from chainrule.grading.mistakes.named import NAMED
from chainrule.grading.mistakes.parameter import parameter_mistake
from chainrule.grading.mistakes.registry import Altered, Mistake, Registry
from chainrule.grading.mistakes.value import value_mistake

__all__ = [
    "NAMED",
    "Altered",
    "Mistake",
    "Registry",
    "activation_mistake",
    "linear_mistake",
    "loss_mistake",
    "parameter_mistake",
    "value_mistake",
]

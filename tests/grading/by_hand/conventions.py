"""What mistakes are called where several names would do: the classes that are declared.

A class is every slip that gives the same numbers. Of each, these names are left out, for the reason given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Key

Keys = frozenset[Key]
Convention = Callable[[Keys, Shape, Collection[str]], Keys]


def an_identity_does_nothing(keys: Keys, shape: Shape, _: Collection[str]) -> Keys:
    """A constant in a hidden stretch is at any op of it; at an identity only where the stretch has no other."""
    identities = {f"a{layer}" for layer, f in enumerate(shape.functions, start=1) if f == "identity"}
    constants = {key for key in keys if key.code in ("factor", "sign")}
    elsewhere = {(key.code, key.value) for key in constants if key.at not in identities}
    return keys - {key for key in constants if key.at in identities and (key.code, key.value) in elsewhere}


def a_reduction_is_seen_in_the_loss(keys: Keys, _: Shape, quantities: Collection[str]) -> Keys:
    """Where the value of the loss is not handed in, another reduction is a factor at C."""
    if "loss" in quantities:
        return keys
    return frozenset(Key("factor", key.at, value=key.value) if key.code == "reduction" else key for key in keys)


def a_rule_goes_before_a_constant_in_a_value(keys: Keys, _: Shape, __: Collection[str]) -> Keys:
    """A scale left out is called that, and not a factor too."""
    rules = {key.at for key in keys if key.code in OF_VALUES}
    return frozenset(key for key in keys if key.code not in ("factor", "sign") or key.at not in rules)


OF_VALUES = ("activation_missing", "scale_missing", "other_activation", "activation_twice", "bias_missing")

CONVENTIONS: tuple[Convention, ...] = (
    an_identity_does_nothing,
    a_reduction_is_seen_in_the_loss,
    a_rule_goes_before_a_constant_in_a_value,
)


def declared(keys: Keys, shape: Shape, quantities: Collection[str]) -> Keys:
    """The names that are to be reported for a class."""
    for convention in CONVENTIONS:
        keys = convention(keys, shape, quantities)
    return keys

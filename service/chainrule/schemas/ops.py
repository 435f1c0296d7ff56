"""Request models of the ops, made from the registry: what a layer, a node, a loss and a penalty may say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import get_annotations, getdoc
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, create_model
from typing_extensions import TypeAliasType

from chainrule.engine.op import Elementwise, Op, options_of, wire_name
from chainrule.engine.registry import ops
from chainrule.schemas.own_words import array_only, no_object
from chainrule.schemas.tensors import Inline, Integers, Numbers, Tensor

NAME_PATTERN = r"^[^\s/]{1,100}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""What a node, parameter or input is called: no white space, no slash (`y_hat/W1` names a Jacobian)."""

ParameterNames: TypeAlias = Annotated[
    list[Name], Inline, array_only('wants a list of names: write ["W1"] for W1 alone')
]
"""Names of parameters, and of more where that is said."""

InputNames: TypeAlias = Annotated[list[Name], Inline, array_only('wants a list of names: write ["x"] for x alone')]
"""Names of what a node takes."""


class Strict(BaseModel):
    """Nothing is converted and no unknown field is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    # Deferred: of the many models of ops, a process needs those that its requests lead to.


def text_or(other: str, text: str = "name") -> Discriminator:
    """What tells the members of a union apart of which one is a string: the tag `text` for that, else `other`."""
    return Discriminator(lambda value: text if isinstance(value, str) else other)


ParameterSource = Annotated[
    Union[Annotated[Name, Tag("name")], Annotated[Tensor, Tag("tensor")]],  # noqa: UP007
    text_or("tensor"),
    no_object(
        'numbers are drawn under a name: put it under network.parameters, as {"W": {"shape": …}}, and name it here'
    ),
    Field(description="A tensor in place, or the name of an entry in `parameters`."),
]


class OpSpec(Strict):
    """What every use of an op says. Made for each op by `layer_model`, `node_model` and the like."""

    op: str


# Named, so that they can be part of a union: what annotates them cannot be hashed.
_LISTS: dict[Any, Any] = {
    tuple[int, ...]: TypeAliasType("Integers", Integers),
    tuple[float, ...]: TypeAliasType("Numbers", Numbers),
}


def _option_type(hint: Any) -> Any:
    if hint in _LISTS:
        return _LISTS[hint]
    if type(None) in get_args(hint):
        (inner,) = (arg for arg in get_args(hint) if arg is not type(None))
        return _option_type(inner) | None
    return hint


def _hint(op: type[Op], option: str) -> Any:
    """The type of one option. `get_type_hints` would evaluate every annotation of the op and its bases."""
    owner = next(each for each in op.__mro__ if option in get_annotations(each))
    return eval(get_annotations(owner)[option], vars(sys.modules[owner.__module__]))


def _options(op: type[Op]) -> dict[str, Any]:
    fields = {}
    for found in options_of(op):
        bounds = {"ge": found.metadata["minimum"], "gt": found.metadata["above"]}
        field = Field(alias=wire_name(found), default=found.default, description=found.metadata["doc"], **bounds)
        fields[wire_name(found)] = (_option_type(_hint(op, found.name)), field)
    return fields


def _op_field(op: type[Op]) -> tuple[Any, Any]:
    return Literal[(op.name, *op.aliases)], Field(description=f"{op.formula}; derivative {op.derivative_formula}")


def _parameters(op: type[Op]) -> dict[str, Any]:
    return {
        name: (ParameterSource | None, None) if name in op.optional else (ParameterSource, ...)
        for name in op.parameters
    }


def _model(op: type[Op], kind: str, fields: dict[str, Any]) -> type[OpSpec]:
    return create_model(f"{op.name}_{kind}", __base__=OpSpec, __doc__=getdoc(op), op=_op_field(op), **fields)


def layer_model(op: type[Op]) -> type[OpSpec]:
    """The model of `op` as a layer, which takes what the layer before it gives."""
    fields = {"name": (Name | None, Field(default=None, description="What the node is called; see the naming rules."))}
    return _model(op, "layer", {**fields, **_parameters(op), **_options(op)})


def node_model(op: type[Op]) -> type[OpSpec]:
    """The model of `op` as a node of a graph."""
    least, most = (2, None) if op.variadic else (len(op.operands), len(op.operands))
    taken = Field(min_length=least, max_length=most, description="Names of nodes, inputs or parameters.")
    fields = {
        "name": (Name, Field(description="What the node is called.")),
        "inputs": (InputNames, taken),
    }
    return _model(op, "node", {**fields, **_parameters(op), **_options(op)})


def activation_model(op: type[Op]) -> type[OpSpec]:
    """The model of an activation by itself, to stand in the place of another."""
    return _model(op, "activation", _options(op))


def loss_model(op: type[Op]) -> type[OpSpec]:
    """The model of a loss."""
    return _model(op, "loss", _options(op))


def penalty_model(op: type[Op]) -> type[OpSpec]:
    """The model of a penalty on named parameters."""
    named = Field(min_length=1, description="Names of the parameters that it is taken of.")
    return _model(op, "penalty", {"parameters": (ParameterNames, named), **_options(op)})


def op_names(kept: Callable[[type[Op]], bool]) -> list[str]:
    """The names and aliases of those ops."""
    return [name for op in ops().values() if kept(op) for name in (op.name, *op.aliases)]


def is_loss(op: type[Op]) -> bool:
    """A loss, the node C."""
    return op.family == "loss"


def is_penalty(op: type[Op]) -> bool:
    """A penalty on parameters."""
    return op.family == "penalty"


def is_activation(op: type[Op]) -> bool:
    """A function of each element alone, without parameters: it can stand in the place of any other."""
    return issubclass(op, Elementwise) and op.family == "activation" and not op.parameters


def is_node(op: type[Op]) -> bool:
    """An op that a node may be."""
    return not (is_loss(op) or is_penalty(op))


def is_layer(op: type[Op]) -> bool:
    """An op that a layer may be: it takes one operand."""
    return is_node(op) and not op.variadic and len(op.operands) == 1


def one_of(kept: Callable[[type[Op]], bool], model: Callable[[type[Op]], type[OpSpec]]) -> Any:
    """The union of the models of those ops, told apart by `op`."""
    models = tuple(model(op) for op in ops().values() if kept(op))
    return Annotated[Union[models], Field(discriminator="op")]  # noqa: UP007

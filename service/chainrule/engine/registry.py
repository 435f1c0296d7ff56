"""The one list of ops. Schemas, documentation, `/v1/ops`, the test matrix and the cost of a request all read it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeVar

from chainrule.engine.op import Op

FAMILIES = ("linear", "activation", "arithmetic", "reduction", "shaping", "loss", "penalty")
"""In the order of the catalogue."""

_ops: dict[str, type[Op]] = {}
_names: dict[str, str] = {}

OpType = TypeVar("OpType", bound=type[Op])


def register(op: OpType) -> OpType:
    """Class decorator: enter an op under its name and aliases."""
    if op.family not in FAMILIES:
        raise ValueError(f"{op.name} is of the family {op.family}, which is none of {', '.join(FAMILIES)}")
    for name in (op.name, *op.aliases):
        if name in _names:
            raise ValueError(f"two ops are called {name}")
        _names[name] = op.name
    _ops[op.name] = op
    return op


@cache
def ops() -> Mapping[str, type[Op]]:
    """Every op by its own name, family by family, each in the order of registration."""
    import chainrule.engine.ops

    assert chainrule.engine.ops
    return MappingProxyType(dict(sorted(_ops.items(), key=lambda entry: FAMILIES.index(entry[1].family))))


def names() -> Mapping[str, str]:
    """Every name an op answers to, aliases included, and its own name."""
    ops()
    return MappingProxyType(_names)


def find(name: str) -> type[Op]:
    """The op of that name or alias. Raises KeyError."""
    return ops()[names()[name]]

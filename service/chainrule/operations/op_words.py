"""What to say of an op that is not where it belongs, or that is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chainrule.engine.near_names import nearest
from chainrule.engine.op import Op
from chainrule.engine.registry import find, names
from chainrule.schemas.ops import is_layer, is_loss, is_node, is_penalty, op_names

ELSEWHERE = "GET /v1/ops lists those there are"

EXAMPLES: Mapping[str, str] = {
    "layers": '{"op": "relu"}',
    "nodes": '{"name": "a", "op": "relu", "inputs": ["x"]}',
    "loss": '{"op": "mse"}',
    "penalties": '{"op": "l2_penalty", "parameters": ["W1"]}',
}
"""By the field that ops stand under, how one is written there."""

_BELONGS: Mapping[str, Callable[[type[Op]], bool]] = {
    "layers": is_layer,
    "nodes": is_node,
    "loss": is_loss,
    "penalties": is_penalty,
}


def not_here(name: str, field: str) -> str:
    """Of an op, or a word that is none, under `field`, where no such op belongs."""
    if name not in names():
        return f"there is no such op here: {nearest(name[:100], op_names(_BELONGS[field]), ELSEWHERE)}"
    op = find(name)
    if is_loss(op):
        return f"{name} is a loss: write it under loss"
    if is_penalty(op):
        return f"{name} is a penalty: write it under penalties"
    if field == "layers":
        return f"{name} takes {_count(op)}, and a layer is given one: write nodes in place of layers"
    kind = "loss" if field == "loss" else "penalty"
    return f"{name} is no {kind}: write it among the layers or nodes"


def _count(op: type[Op]) -> str:
    if op.variadic:
        return "two inputs or more"
    return "two inputs" if len(op.operands) == 2 else f"{len(op.operands)} inputs"

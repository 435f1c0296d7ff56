"""What nodes and parameters are called, and which names stand for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainrule.engine.graph import DATA, INPUT, LOSS, OUTPUT, TARGETS
from chainrule.engine.near_names import known, nearest
from chainrule.engine.op import Op
from chainrule.engine.plan import Plan
from chainrule.operations.refusals import Refused, refuse
from chainrule.schemas.binary import REFERENCE
from chainrule.schemas.requests import Problem

GROUPS = ("parameters", "all")


@dataclass(frozen=True, slots=True)
class LayerNames:
    """The node of a layer, and what those of its parameters are called that are given in place."""

    node: str
    parameters: dict[str, str]


def name_layers(layers: Iterable[tuple[type[Op], str | None]]) -> list[LayerNames]:
    """Names for layers, each an op and the name it was given, if any.

    The i-th linear is s{i} with W{i} and b{i}, the first activation after it a{i}; anything else is {op}{k}, the
    k-th of its op, with parameters {node}.{parameter}.
    """
    linears, activated, counts, found = 0, True, Counter[str](), list[LayerNames]()
    for op, given in layers:
        counts[op.name] += 1
        if op.name == "linear":
            linears += 1
            activated = False
            found.append(LayerNames(given or f"s{linears}", {"weight": f"W{linears}", "bias": f"b{linears}"}))
            continue
        usual = f"{op.name}{counts[op.name]}"
        if op.family == "activation" and not activated:
            usual, activated = f"a{linears}", True
        node = given or usual
        found.append(LayerNames(node, {parameter: f"{node}.{parameter}" for parameter in op.parameters}))
    return found


def check_names(own: Iterable[tuple[str, str]], output: str, inputs: tuple[str, ...]) -> None:
    """Refuse names that would collide with y_hat, x, a group, or what stands for a tensor of a file.

    `own`: (name, pointer) of all that has a name.
    """
    for name, pointer in own:
        stands_for = None
        if name == OUTPUT and name != output:
            stands_for = "the output"
        if name == INPUT and len(inputs) == 1 and name not in inputs:
            stands_for = "the single input"
        if name in GROUPS:
            stands_for = "a group of names"
        if name == REFERENCE:
            stands_for = "a tensor of a file"
        if stands_for:
            raise _taken(name, pointer, stands_for)


def check_names_beside_loss(own: Iterable[tuple[str, str]], request: Problem) -> None:
    """Refuse C, C.data and y where the request has what they stand for; elsewhere they are names as any other."""
    taken = {
        LOSS: (request.loss is not None, "the loss"),
        DATA: (bool(request.penalties), "the loss before penalties"),
        TARGETS: (request.targets is not None, "the targets"),
    }
    for name, pointer in own:
        is_taken, by = taken.get(name, (False, ""))
        if is_taken:
            raise _taken(name, pointer, by)


def _taken(name: str, pointer: str, stands_for: str) -> Refused:
    return refuse(pointer, f"{name} stands for {stands_for}: give this another name")


def resolve(plan: Plan, name: str, pointer: str) -> int:
    """The slot that a name in a request means. Raises Refused where there is none."""
    slot = plan.find(name)
    if slot is not None and slot != plan.targets:
        return slot
    if name == LOSS:
        raise refuse(pointer, "C is the loss, and this request has none: give a loss and targets")
    if name == TARGETS:
        raise refuse(pointer, "y is the targets, with respect to which nothing is differentiated")
    names = [held.name for number, held in enumerate(plan.slots) if number != plan.targets]
    raise refuse(pointer, f"there is no such name; {nearest(name, names) if len(names) < 50 else known(names)}")


def resolve_wrt(plan: Plan, wrt: str | Sequence[str]) -> dict[str, int]:
    """The slots by the names that `wrt` holds or, as `parameters` or `all`, stands for. Raises Refused."""
    names = group(plan, wrt) if isinstance(wrt, str) else wrt
    if not names:
        raise refuse("/wrt", "there is nothing to differentiate with respect to: name a node or an input")
    return {name: resolve(plan, name, f"/wrt/{position}") for position, name in enumerate(names)}


def group(plan: Plan, which: str) -> tuple[str, ...]:
    """The names that `parameters` or `all` stands for."""
    return plan.parameters if which == "parameters" else (*plan.parameters, *plan.inputs, *plan.nodes)

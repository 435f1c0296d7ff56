"""Slips in the forward pass. What the way back then makes of it differs: `how` says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from grading.by_hand import functions
from grading.by_hand.net import Shape
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import Array, Here, Place, Rule


def slips(shape: Shape) -> Iterator[Slip]:
    for layer, function in enumerate(shape.functions, start=1):
        yield from _other_functions(layer, function)
        twice = functions.FORWARD[function]
        rule: Rule = lambda here, f=twice: f(here.right)  # noqa: E731
        yield from _ways_back(layer, function, "activation_twice", None, rule)
        yield from _in_linear(shape, layer)
        yield from _wrong_inputs(shape, layer)
        yield from _times_constants(shape, layer)


def _other_functions(layer: int, function: str) -> Iterator[Slip]:
    others: list[tuple[str, str | None, str]] = [("activation_missing", None, "identity")]
    if function == "relu3":
        others.append(("scale_missing", None, "relu"))
    names = ("relu", "tanh", "sigmoid", "softargmax")
    others += [("other_activation", other, other) for other in names if other != function.removesuffix("3")]
    for code, detail, other in others:
        forward: Rule = lambda here, f=functions.FORWARD[other]: f(here.s)  # noqa: E731
        yield from _ways_back(layer, function, code, detail, forward)
        back: Rule = lambda here, other=other: functions.back(other, here.s, here.g)  # noqa: E731
        rules = {("activation", layer): forward, ("back through the activation", layer): back}
        yield Slip(code, f"a{layer}", rules, detail, how="back through what was done")


def _ways_back(layer: int, function: str, code: str, detail: str | None, forward: Rule) -> Iterator[Slip]:
    """An activation's value is another, and the way back goes through the right function, by s or by a."""
    yield Slip(code, f"a{layer}", {("activation", layer): forward}, detail, how="back through the right function of s")
    by_output = partial(_back_by_output, function)
    rules = {("activation", layer): forward, ("back through the activation", layer): by_output}
    yield Slip(code, f"a{layer}", rules, detail, how="back through the right function by its output")


def _back_by_output(function: str, here: Here) -> Array:
    if function == "softargmax":
        return functions.back_through_probabilities(here.a, here.g)
    return here.g * functions.IN_THE_OUTPUT[function](here.a)


def _in_linear(shape: Shape, layer: int) -> Iterator[Slip]:
    place = ("linear", layer)
    yield Slip("bias_missing", f"s{layer}", {place: lambda here: here.x @ here.W.T})
    if shape.widths[layer - 1] == shape.widths[layer]:
        forward: Rule = lambda here: here.x @ here.W + here.b  # noqa: E731
        yield Slip("weight_transposed", f"s{layer}", {place: forward}, how="in the forward pass alone")
        consistent: dict[Place, Rule] = {
            place: forward,
            ("back through the linear", layer): lambda here: here.g @ here.W.T,
            ("weight", layer): lambda here: here.x.T @ here.g,
        }
        yield Slip("weight_transposed", f"s{layer}", consistent, how="back through what was done")


def _wrong_inputs(shape: Shape, layer: int) -> Iterator[Slip]:
    """A layer or an activation that is given an earlier value of the size of its own."""
    widths = {"x": shape.widths[0]}
    for k in range(1, shape.layers + 1):
        widths |= {f"s{k}": shape.widths[k], f"a{k}": shape.widths[k]}
    order = list(widths)
    own = order[2 * layer - 2]
    for name in order[: order.index(f"s{layer}")]:
        if name != own and widths[name] == widths[own]:
            rule: Rule = lambda here, name=name: here.values[name] @ here.W.T + here.b  # noqa: E731
            weight: Rule = lambda here, name=name: here.g.T @ here.values[name]  # noqa: E731
            detail = f"{name} in place of {own}"
            yield Slip("wrong_input", f"s{layer}", {("linear", layer): rule}, detail, how="in the forward pass alone")
            rules = {("linear", layer): rule, ("weight", layer): weight}
            yield Slip("wrong_input", f"s{layer}", rules, detail, how="in the weight's gradient too")
    for name in order[: order.index(f"s{layer}")]:
        if widths[name] == shape.widths[layer]:
            f = functions.FORWARD[shape.functions[layer - 1]]
            given: Rule = lambda here, name=name, f=f: f(here.values[name])  # noqa: E731
            detail = f"{name} in place of s{layer}"
            yield from _ways_back(layer, shape.functions[layer - 1], "wrong_input", detail, given)
            back: Rule = partial(_back_at, name, shape.functions[layer - 1])
            rules = {("activation", layer): given, ("back through the activation", layer): back}
            yield Slip("wrong_input", f"a{layer}", rules, detail, how="back through what was done")


def _back_at(name: str, function: str, here: Here) -> Array:
    return functions.back(function, here.values[name], here.g)


def _times_constants(shape: Shape, layer: int) -> Iterator[Slip]:
    """A constant too much in a value: it can be named where that value is handed in."""
    for constant in (-1.0, 2.0, 0.5, 1 / shape.batch):
        code = "sign" if constant == -1 else "factor"
        for at, step in ((f"s{layer}", "linear"), (f"a{layer}", "activation")):
            needs = ("outputs" if at == f"a{shape.layers}" else f"values.{at}",)
            rule: Rule = lambda here, c=constant: c * here.right  # noqa: E731
            how = "in the forward pass alone"
            yield Slip(code, at, {(step, layer): rule}, value=constant, how=how, needs=needs)
            if step == "activation":
                back = partial(_back_by_output, shape.functions[layer - 1])
                rules = {(step, layer): rule, ("back through the activation", layer): back}
                yield Slip(code, at, rules, value=constant, how="back by the output", needs=needs)

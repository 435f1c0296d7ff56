"""Writes docs/ops.md, the catalogue of ops, from the registry: `python docs/make_ops.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field
from inspect import getdoc
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from chainrule.engine.op import Op, options_of, wire_name
from chainrule.engine.registry import ops
from chainrule.schemas.tensors import MOST_INTEGERS, MOST_NUMBERS

PAGE = Path(__file__).with_name("ops.md")

INTRODUCTION = """\
# Ops

<!-- Made by `python docs/make_ops.py` from the registry. Change the op, not this page. -->

Every op of the service, with its formula, its derivative, and what the derivative is where the function has a kink.
`GET /v1/ops` and `GET /v1/ops/{op}` give the same as JSON ([api.md](api.md#get-v1ops-and-get-v1opsop)).

An op acts on one example. Its shapes and axes never count the batch axis. *Operands* come from the network: in `layers`
the one operand is what the layer before gives, in `nodes` they are listed under `inputs`, in the order shown here.
*Parameters* are tensors of the op's own. Options that are left out have the default shown.
"""

LISTS = f"""\
An option that is a list of integers, such as a shape or axes, has at most {MOST_INTEGERS} of them; a list of numbers,
such as a weight for each class, at most {MOST_NUMBERS:_}.
""".replace("_", " ")

FAMILIES = {
    "linear": "Linear maps",
    "activation": "Activations",
    "arithmetic": "Arithmetic",
    "reduction": "Reductions",
    "shaping": "Shapes",
    "loss": "Losses",
    "penalty": "Penalties",
}
"""Headings, in the order of the page, which is the catalogue's."""

NOTES = {
    "linear": "`linear` can be a layer; `matmul` takes two operands, so it is written as a node.",
    "activation": "Each can be a layer or a node. What happens at a kink is fixed, and every reply of `gradients` "
    "lists the kinks it met ([gradients.md](gradients.md#kinks)).",
    "arithmetic": "Operands broadcast as in NumPy, example with example. Only `scale` can be a layer; the rest are "
    "nodes.",
    "reduction": "Each can be a layer or a node.",
    "shaping": "`concat` is a node; the rest can be layers too.",
    "loss": "Written under `loss`, never as a layer. A loss compares the output with `targets`; the prediction alone "
    "is differentiated. `reduction` and `scale` are explained in [conventions.md](conventions.md#reductions).",
    "penalty": "Written under `penalties`, with the names of `parameters`; each is added to the loss.",
}


def page() -> str:
    """The whole page."""
    sections = [INTRODUCTION, LISTS, _summary()]
    for family, heading in FAMILIES.items():
        of_family = [op for op in ops().values() if op.family == family]
        sections += [f"## {heading}\n\n{NOTES[family]}\n", *(_entry(op) for op in of_family)]
    return "\n".join(sections)


def _summary() -> str:
    rows = [
        f"| {heading} | {', '.join(f'[`{op.name}`](#{op.name})' for op in ops().values() if op.family == family)} |"
        for family, heading in FAMILIES.items()
    ]
    return "\n".join(["| family | ops |", "|---|---|", *rows]) + "\n"


def _entry(op: type[Op]) -> str:
    return "\n\n".join([f"### {op.name}", getdoc(op) or "", _facts(op), *_options(op)]) + "\n"


def _facts(op: type[Op]) -> str:
    facts = {
        "Also called": ", ".join(f"`{alias}`" for alias in op.aliases),
        "Formula": op.formula,
        "Derivative": op.derivative_formula,
        "At a kink": op.at_kink,
        "Operands": _operands(op),
        "Parameters": ", ".join(_parameter(op, name) for name in op.parameters),
    }
    return "\n".join(f"- {what}: {said}" for what, said in facts.items() if said)


def _operands(op: type[Op]) -> str:
    if op.family == "penalty":
        return "one or more parameters, by name"
    return "`x0`, `x1`, …: two or more" if op.variadic else ", ".join(f"`{name}`" for name in op.operands)


def _parameter(op: type[Op], name: str) -> str:
    return f"`{name}`" + (" (may be left out)" if name in op.optional else "")


def _options(op: type[Op]) -> Iterator[str]:
    hints, options = get_type_hints(op), options_of(op)
    if options:
        rows = [
            f"| `{wire_name(option)}` | {_type(hints[option.name])} | {_default(option)} | {_meaning(option)} |"
            for option in options
        ]
        yield "\n".join(["| option | type | default | meaning |", "|---|---|---|---|", *rows])


def _type(hint: Any) -> str:
    names = {float: "number", int: "integer", bool: "true or false"}
    lists = {tuple[int, ...]: "integers", tuple[float, ...]: "numbers"}
    if hint in names:
        return names[hint]
    if get_origin(hint) is Literal:
        return " or ".join(f"`{_json(value)}`" for value in get_args(hint))
    if type(None) in get_args(hint):
        return " or ".join([*(_type(arg) for arg in get_args(hint) if arg is not type(None)), "null"])
    return lists[hint]


def _default(option: Field[Any]) -> str:
    return f"`{_json(option.default)}`"


def _json(value: Any) -> str:
    words = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, str):
        return f'"{value}"'
    return str(list(value)) if isinstance(value, tuple) else f"{value:g}"


def _meaning(option: Field[Any]) -> str:
    least, above = option.metadata["minimum"], option.metadata["above"]
    bounds = f"; at least {least:g}" if least is not None else f"; above {above:g}" if above is not None else ""
    return f"{option.metadata['doc']}{bounds}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

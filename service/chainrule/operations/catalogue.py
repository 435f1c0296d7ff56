"""The catalogue of ops, read off the registry: what each takes, its formulas, and for an activation its curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import Field
from inspect import getdoc
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from chainrule.engine.backends import Namespace, choose
from chainrule.engine.errors import DomainError, EngineError
from chainrule.engine.near_names import nearest
from chainrule.engine.op import Elementwise, Op, options_of, wire_name
from chainrule.engine.registry import find, names, ops
from chainrule.operations.description import make_op
from chainrule.operations.op_words import ELSEWHERE
from chainrule.operations.refusals import Refused, refuse
from chainrule.operations.results import Reply
from chainrule.operations.validation import refusal_of
from chainrule.pictures.curves import curve_from, curves_svg
from chainrule.schemas.ops import is_layer, is_loss, is_penalty, layer_model
from chainrule.schemas.tensors import ArrayCollector

LOW, HIGH, POINTS = -5.0, 5.0, 201
FARTHEST = 1e6
MOST_POINTS = 2_001

_TYPES = {float: "number", int: "integer", bool: "boolean", str: "text"}


def catalogue() -> Reply:
    """Every op, family by family."""
    return {"ops": [_entry(op) for op in ops().values()]}


def describe_op(
    name: str,
    low: float = LOW,
    high: float = HIGH,
    points: int = POINTS,
    options: Mapping[str, Any] | None = None,
) -> Reply:
    """One op, by its name or an alias; an activation with its curve over [low, high], under `options` of the op.

    Raises Refused.
    """
    if name not in names():
        raise Refused(f"there is no such op; {nearest(name[:100], names(), ELSEWHERE)}", title="Not Found", status=404)
    if not (-FARTHEST <= low < high <= FARTHEST):
        raise refuse("", f"a curve wants low below high, both within ±{FARTHEST:g}")
    if not 2 <= points <= MOST_POINTS:
        raise refuse("", f"a curve has 2 to {MOST_POINTS} points")
    op = find(name)
    made = _made(op, options) if options else op()
    curve = _curve(made, np.linspace(low, high, points)) if isinstance(made, Elementwise) else None
    return {**_entry(op), "curve": curve}


def op_svg(name: str, description: Reply) -> str:
    """The curve of a description as a picture. Raises Refused where it has none."""
    if description["curve"] is None:
        raise refuse("", f"{description['op']} is no function of one number: it has no curve to draw")
    return curves_svg([curve_from(name, description["curve"])])


def _made(op: type[Op], options: Mapping[str, Any]) -> Op:
    """The op with options as a layer has them. Raises Refused, with pointers into the options."""
    if not is_layer(op) or op.parameters:
        raise refuse("", f"{op.name} has no curve: options are for those that have one")
    for name in ("op", "name"):
        if name in options:
            raise refuse(f"/{name}", f"{name} is no option of an op")
    model = layer_model(op)
    given = {"op": op.name, **options}
    try:
        made = make_op(model.model_validate(given, context={"arrays": ArrayCollector()}))
        made.shape((1,))
    except ValidationError as error:
        raise refusal_of(error, given, model) from None
    except EngineError as error:
        raise refuse("", error.message) from None
    return made


def _entry(op: type[Op]) -> Reply:
    return {
        "op": op.name,
        "aliases": list(op.aliases),
        "family": op.family,
        "serves_as": _roles(op),
        "operands": list(op.operands),
        "variadic": op.variadic,
        "parameters": [{"name": name, "optional": name in op.optional} for name in op.parameters],
        "options": [_option(found, get_type_hints(op)[found.name]) for found in options_of(op)],
        "formula": op.formula,
        "derivative": op.derivative_formula,
        "at_kink": op.at_kink,
        "description": getdoc(op) or "",
    }


def _roles(op: type[Op]) -> list[str]:
    if is_loss(op):
        return ["loss"]
    if is_penalty(op):
        return ["penalty"]
    return ["layer", "node"] if is_layer(op) else ["node"]


def _option(found: Field[Any], hint: Any) -> Reply:
    nullable = NoneType in get_args(hint)
    kind = next(part for part in get_args(hint) if part is not NoneType) if nullable else hint
    default = found.default
    return {
        "name": wire_name(found),
        "type": _type(kind),
        "choices": list(get_args(kind)) if get_origin(kind) is Literal else None,
        "nullable": nullable,
        "default": list(default) if isinstance(default, tuple) else default,
        "minimum": found.metadata["minimum"],
        "above": found.metadata["above"],
        "description": found.metadata["doc"],
    }


def _type(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "choice"
    return f"{_TYPES[get_args(kind)[0]]}s" if get_origin(kind) is tuple else _TYPES[kind]


def _curve(op: Elementwise, x: NDArray[np.float64]) -> Reply:
    """Value and derivative at the points where the op is defined, and its kinks among them, the integers nearby and the
    numbers that are its options, such as bounds."""
    xp = choose("numpy", "cpu", "float64")
    with np.errstate(all="ignore"):
        defined = _defined(op, xp, x)
        value = op.f(xp, defined)
        derivative = op.derivative(xp, defined, value)
        near = np.arange(max(math.ceil(x[0]), -10), min(math.floor(x[-1]), 10) + 1, dtype=np.float64)
        bounds = [bound for bound in _numbers(op) if x[0] <= bound <= x[-1]]
        candidates = _defined(op, xp, np.union1d(x, [*near, *bounds]))
        mask = op.kink(xp, candidates)
        kinks = candidates[:0] if mask is None else candidates[mask]
        at_kinks = op.f(xp, kinks)
        used = op.derivative(xp, kinks, at_kinks)
    return {
        "x": defined,
        "value": value,
        "derivative": derivative,
        "kinks": kinks,
        "kink_values": at_kinks,
        "kink_derivatives": used,
    }


def _numbers(op: Op) -> Iterator[float]:
    """The options that are numbers."""
    for option in options_of(type(op)):
        value = getattr(op, option.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)


def _defined(op: Elementwise, xp: Namespace, x: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        op.f(xp, x)
    except DomainError:
        return x[[_is_defined(op, xp, point) for point in x]]
    return x


def _is_defined(op: Elementwise, xp: Namespace, point: float) -> bool:
    try:
        op.f(xp, np.array([point]))
    except DomainError:
        return False
    return True

"""What is said of each kind of error that pydantic finds: what is wanted, and what was found, which is never quoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.engine.near_names import nearest
from chainrule.operations.locations import LONGEST_KEY, Location
from chainrule.operations.op_words import EXAMPLES, not_here
from chainrule.schemas.envelope import TensorRef
from chainrule.schemas.ids import ID_PATTERN
from chainrule.schemas.ops import NAME_PATTERN
from chainrule.schemas.own_words import OWN_WORDS
from chainrule.schemas.requests import DEVICE_PATTERN

OTHERWISE = "is not of the kind that is wanted here"
"""Said of an error of a kind that nothing here is known to raise."""

_WANTED: Mapping[str, str] = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "an array",
    "tuple_type": "an array of numbers",
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "an integer",
    "float_type": "a number",
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}

_PATTERNS: Mapping[str, str] = {
    NAME_PATTERN: "a name has 1 to 100 characters, no white space and no slash among them",
    ID_PATTERN: "an id has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or a digit",
    DEVICE_PATTERN: "wants auto, cpu, cuda, or for one GPU of several cuda:1",
}

Context = Mapping[str, Any]


def wording(kind: str, message: str, context: Context, location: Location) -> str:
    """The message of an error of a kind, whose own message was `message`, at a location."""
    if kind in ("tensor", OWN_WORDS):
        return message
    if kind in _WANTED:
        return f"wants {_WANTED[kind]}{_found(location.value)}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"wants {words} {context[bound]:,}".replace(",", " ").removesuffix(".0")
    return _SAYINGS[kind](context, location) if kind in _SAYINGS else OTHERWISE


def _found(value: Any) -> str:
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true" if value else "false"),
        (int, "an integer"),
        (float, "a number with a decimal point"),
        (str, "text"),
        (Mapping, "an object"),
        ((list, tuple, TensorRef), "an array"),
    ]
    if value is None:
        return "; found null"
    return next((f"; found {name}" for kind, name in kinds if isinstance(value, kind)), "")


def _no_field(_: Context, location: Location) -> str:
    said = f"{location.key} is not a field here"
    if not location.siblings or len(location.key) > LONGEST_KEY:
        return said
    return f"{said}: {nearest(location.key, location.siblings, several='the fields are')}"


def _of_op(location: Location) -> str:
    """The field that an op stands under."""
    return next((str(part) for part in reversed(location.path) if part in EXAMPLES), "layers")


def _no_op(_: Context, location: Location) -> str:
    if not isinstance(location.value, str):
        return f"op wants text{_found(location.value)}"
    return not_here(location.value, _of_op(location))


def _op_missing(_: Context, location: Location) -> str:
    return f"op is missing: write {EXAMPLES[_of_op(location)]}, say"


def _no_spec(_: Context, location: Location) -> str:
    return f"wants an object such as {EXAMPLES[_of_op(location)]}{_found(location.value)}"


def _not_among(context: Context, location: Location) -> str:
    if location.path[-1:] == ("loss",) and isinstance(location.value, str):
        return not_here(location.value, "loss")
    return f"wants {context['expected']}".replace("'", '"')


def _length(words: str, bound: str, one: str = "entry", several: str = "entries") -> Callable[[Context, Location], str]:
    def say(context: Context, _: Location) -> str:
        counted = one if context[bound] == 1 else several
        found = context.get("actual_length")
        return f"wants {words} {context[bound]} {counted}" + ("" if found is None else f"; found {found}")

    return say


_SAYINGS: Mapping[str, Callable[[Context, Location], str]] = {
    "missing": lambda _, location: f"{location.key} is missing",
    "extra_forbidden": _no_field,
    "model_attributes_type": _no_spec,
    "union_tag_invalid": _no_op,
    "union_tag_not_found": _op_missing,
    "literal_error": _not_among,
    "finite_number": lambda *_: "wants a finite number",
    "int_parsing_size": lambda *_: "wants an integer of at most 64 bits",
    "string_unicode": lambda *_: "has characters that are not Unicode",
    "invalid_key": lambda *_: "names of fields are text",
    "string_pattern_mismatch": lambda context, _: _PATTERNS.get(context["pattern"], OTHERWISE),
    "too_short": _length("at least", "min_length"),
    "too_long": _length("at most", "max_length"),
    "string_too_short": _length("at least", "min_length", "character", "characters"),
    "string_too_long": _length("at most", "max_length", "character", "characters"),
    "value_error": lambda context, _: str(context["error"]),
}

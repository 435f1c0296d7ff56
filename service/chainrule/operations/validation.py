"""Pydantic's errors as a refusal: bounded, pointing into the request, and never echoing it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from chainrule.operations.refusals import MOST_SHOWN, Fault, Refused
from chainrule.schemas.ops import NAME_PATTERN, nearest

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field here",
    "model_type": "wants an object",
    "model_attributes_type": "wants an object",
    "dict_type": "wants an object",
    "list_type": "wants an array",
    "string_type": "wants text",
    "bool_type": "wants true or false",
    "int_type": "wants an integer",
    "float_type": "wants a number",
    "finite_number": "wants a finite number",
    "string_pattern_mismatch": "is not of the form that is wanted here",
    "union_tag_not_found": 'wants an object with an "op"',
}


def refusal_of(error: ValidationError, request: Any) -> Refused:
    """The first MOST_SHOWN faults, with the true count."""
    found = error.errors(include_url=False, include_input=False)
    faults = [_fault(each, request) for each in found[:MOST_SHOWN]]
    first = faults[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    refused = Refused(f"{first.pointer or 'the request'}: {first.message}{more}", faults=faults)
    refused.count = len(found)
    return refused


def _fault(error: Any, request: Any) -> Fault:
    pointer, key = _pointer(error["loc"], request, missing=error["type"] == "missing")
    return Fault(pointer, _message(error, key))


def _pointer(loc: tuple[int | str, ...], request: Any, *, missing: bool) -> tuple[str, str]:
    """`loc` less the names of union branches, which are not in the request. Also its last part."""
    at: Any = request
    parts: list[str] = []
    for position, part in enumerate(loc):
        if part in at if isinstance(at, dict) else isinstance(at, list) and part in range(len(at)):
            at = at[part]
        elif not (missing and position == len(loc) - 1):
            continue
        parts.append(str(part).replace("~", "~0").replace("/", "~1")[:100])
    return "".join(f"/{part}" for part in parts), parts[-1] if parts else "request"


def _message(error: Any, key: str) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        return f"there is no such op here: {nearest(str(context['tag'])[:100], tags)}"
    if kind == "string_pattern_mismatch" and context["pattern"] == NAME_PATTERN:
        return "a name has 1 to 100 characters, no white space and no slash among them"
    if kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return f"wants {bound} of them; found {context['actual_length']}"
    if kind == "literal_error":
        return f"wants one of {context['expected']}"
    if kind == "value_error":
        return str(context["error"])
    if kind in _WORDS:
        return f"{key} {_WORDS[kind]}" if kind in ("missing", "extra_forbidden") else _WORDS[kind]
    return str(error["msg"])

"""Where in a request an error of pydantic's is, and what may stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from chainrule.schemas.pointers import shown

UNKNOWN: Any = object()
"""The value at a location that is not in the request, or inside an array that is still text."""

LONGEST_KEY = 40
"""Characters of a key that a message repeats."""

Schema = Mapping[str, Any]
"""Pydantic's description of a type, as it validates it."""


@dataclass(frozen=True, slots=True)
class Location:
    """A location in a request.

    path: the keys and indices that lead there. value: what is there. siblings: the fields that the object around it
    may have, empty where there is no object or its fields have no names of ours.
    """

    path: tuple[str | int, ...]
    value: Any
    siblings: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """As a JSON pointer."""
        return "".join(f"/{shown(str(part))}" for part in self.path)

    @property
    def key(self) -> str:
        """The last part, for a message: cut where no name of ours is as long."""
        key = str(self.path[-1]) if self.path else "request"
        return key if len(key) <= LONGEST_KEY else f"{key[:LONGEST_KEY]}…"

    def inside(self, key: str) -> Location:
        """The location of a field of what is here."""
        return Location((*self.path, key), _member(self.value, key))


def location_of(model: type[BaseModel], loc: tuple[int | str, ...], request: Any) -> Location:
    """The location of an error at `loc`, which also names branches of unions; those are in no request."""
    schemas = _Schemas(model)
    schema = schemas.of_model
    location = Location((), request)
    for part in loc:
        fields: tuple[str, ...] = ()
        match schema:
            case {"type": "tagged-union", "choices": choices}:
                schema = schemas.bare(choices.get(part))
                continue
            case {"type": "union"}:
                schema = None
                continue
            case {"type": "model-fields", "fields": known}:
                fields = tuple(known)
                inner = known.get(part)
            case {"type": "list", "items_schema": inner} | {"type": "dict", "values_schema": inner}:
                pass
            case {"type": "tuple", "items_schema": [inner, *_]}:
                pass
            case _:
                inner = None
                if _member(location.value, part) is UNKNOWN:
                    continue
        schema = schemas.bare(inner)
        location = Location((*location.path, part), _member(location.value, part), fields)
    return location


def _member(value: Any, part: int | str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, UNKNOWN)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return UNKNOWN


class _Schemas:
    """The schema of a model, and the definitions that it refers to."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._definitions: dict[str, Schema] = {}
        self.of_model = self.bare(model.__pydantic_core_schema__)

    def bare(self, schema: Schema | None) -> Schema | None:
        """The schema without what is wrapped around it: defaults, null, validators. None stays None."""
        while schema is not None:
            if schema["type"] == "definitions":
                self._definitions |= {each["ref"]: each for each in schema["definitions"]}
            if schema["type"] == "definition-ref":
                schema = self._definitions.get(schema["schema_ref"])
            elif "schema" in schema:
                schema = schema["schema"]
            else:
                break
        return schema

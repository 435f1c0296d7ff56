"""Pydantic's errors as a refusal: bounded, pointing into the request, and never echoing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from chainrule.operations.locations import location_of
from chainrule.operations.refusals import MOST_SHOWN, Fault, Refused, refuse_for
from chainrule.operations.wording import wording
from chainrule.schemas.requests import Problem


def refusal_of(error: ValidationError, request: Any, model: type[BaseModel] = Problem) -> Refused:
    """The first MOST_SHOWN faults of a request that is no `model`, with the true count."""
    found = error.errors(include_url=False, include_input=False)
    faults = [_fault(each, model, request) for each in found[:MOST_SHOWN]]
    return refuse_for(faults, len(found))


def _fault(error: Any, model: type[BaseModel], request: Any) -> Fault:
    kind, location = error["type"], location_of(model, error["loc"], request)
    if kind == "union_tag_not_found" and not isinstance(location.value, Mapping):
        kind = "model_attributes_type"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        location = location.inside("op")
    return Fault(location.pointer, wording(kind, str(error["msg"]), error.get("ctx", {}), location))

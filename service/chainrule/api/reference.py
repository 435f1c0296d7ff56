"""What there is: the ops, the limits in force, and where to read on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from chainrule.api.accept import preferred
from chainrule.api.exchange import JSON
from chainrule.api.pictures import SVG, picture
from chainrule.api.problems import Problem, problem_of
from chainrule.api.settings import Settings
from chainrule.engine.backends import BackendUnavailable, choose
from chainrule.operations import Limits, Refused
from chainrule.operations.catalogue import FARTHEST, HIGH, LOW, MOST_POINTS, POINTS, catalogue, describe_op, op_svg
from chainrule.operations.information import information
from chainrule.schemas.encoding import encode
from chainrule.schemas.reference import Catalogue, Index, Information, OpDescription
from chainrule.version import VERSION

router = APIRouter(tags=["reference"])

LONGEST = 500
"""Characters of options: each is up to twelve where it is escaped, and the head of a request has 16 KiB."""

Bound = Annotated[float, Query(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]


@router.get("/", response_model=Index, summary="Where to go from here")
async def index() -> Response:
    """The service's name and version, and its pages."""
    pages = {"docs": "/docs", "openapi": "/openapi.json", "ops": "/v1/ops", "info": "/v1/info"}
    return as_json({"service": "chainrule", "version": VERSION, **pages})


@router.get("/v1/ops", response_model=Catalogue, summary="Every op")
async def ops() -> Response:
    """Formula, derivative, kinks, operands, parameters and options of every op."""
    return as_json(catalogue())


@router.get(
    "/v1/ops/{op}",
    response_model=OpDescription,
    responses={200: {"content": {SVG.decode(): {"schema": {"type": "string"}}}}, 404: {}, 422: {}},
    summary="One op",
)
async def op(
    request: Request,
    op: str,
    low: Bound = LOW,
    high: Bound = HIGH,
    points: Annotated[int, Query(ge=2, le=MOST_POINTS)] = POINTS,
    options: Annotated[str, Query(max_length=LONGEST, description='As JSON: `{"slope": 0.1}`.')] = "{}",
    format: Annotated[Literal["json", "svg"] | None, Query(description="In place of an Accept header.")] = None,
) -> Response:
    """An op by its name or an alias; an activation with its curve over [low, high], as JSON or as a picture."""
    chosen = _options(options)
    try:
        found = describe_op(op, low, high, points, chosen)
        if _is_picture(request, format):
            return picture(op_svg(_label(op, chosen), found), SVG)
        return as_json(found)
    except Refused as refused:
        raise problem_of(refused) from None


def _options(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Problem(422, 'options wants a JSON object, such as {"slope": 0.1}', title="Request not valid")
    return found


def _is_picture(request: Request, format: str | None) -> bool:
    if format is not None:
        return format == "svg"
    return preferred(request.scope["chainrule.exchange"].headers.get(b"accept"), (JSON, SVG)) == SVG


def _label(op: str, options: dict[str, Any]) -> str:
    return ", ".join([op, *(f"{name} {value}" for name, value in options.items())])


@router.get("/v1/info", response_model=Information, summary="Versions, and the limits in force")
def info(request: Request) -> Response:
    """What a request may cost, which conventions hold, and what computes here. It stays as it is until the end."""
    return Response(_info(request.app.settings, request.app.limits), media_type="application/json")


@lru_cache(maxsize=8)
def _info(settings: Settings, limits: Limits) -> bytes:
    found = information(limits)
    found["limits"] |= {
        "body_bytes": settings.body_bytes,
        "seconds": settings.deadline,
        "processes": settings.processes,
        "concurrency": settings.workers,
        "queue": settings.queue,
    }
    return encode({**found, "backends": _backends()})


@cache
def _backends() -> dict[str, list[str]]:
    """The devices of each backend that is installed."""
    found = {"torch": list(_devices("torch")), "numpy": ["cpu"]}
    return {backend: devices for backend, devices in found.items() if devices}


def _devices(backend: str) -> Iterator[str]:
    candidates = ("cpu", *(f"cuda:{number}" for number in range(1000)))
    for device in candidates:
        try:
            choose(backend, device, "float64")
        except BackendUnavailable:
            return
        yield device


def as_json(reply: dict[str, Any]) -> Response:
    """A reply of arrays, as JSON."""
    return Response(encode(reply), media_type="application/json")

"""The problems on file, for those who may compute."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from chainrule.api.exchange import Exchange
from chainrule.api.problems import problem_of
from chainrule.api.reference import as_json
from chainrule.operations import Refused
from chainrule.operations.instances.library import Library
from chainrule.operations.problems import describe_problem, list_problems
from chainrule.schemas.on_file import ProblemReply, ProblemsReply

router = APIRouter(tags=["reference"])

KEYED: dict[str, Any] = {"security": [{}, {"key": []}]}


@router.get(
    "/v1/problems",
    response_model=ProblemsReply,
    responses={401: {}, 403: {}},
    openapi_extra=KEYED,
    summary="The problems on file",
)
async def problems(request: Request) -> Response:
    """Every set, the bundled ones and those of the service's folder: what a request may name as its problem."""
    return as_json(list_problems(_library(request)))


@router.get(
    "/v1/problems/{set}/{problem}",
    response_model=ProblemReply,
    responses={401: {}, 403: {}, 404: {}, 422: {}},
    openapi_extra=KEYED,
    summary="One problem on file",
)
async def problem(
    set: Annotated[str, Path(description="The set's id.", examples=["nyu-hw1"])],
    problem: Annotated[str, Path(description="The problem's id in it.", examples=["1.2b"])],
    request: Request,
) -> Response:
    """What it asks, how its numbers are drawn, and how answers are marked; never the answers."""
    try:
        return as_json(describe_problem(_library(request), f"{set}/{problem}"))
    except Refused as refused:
        raise problem_of(refused) from None


def _library(request: Request) -> Library:
    """The problems, once the caller's key has been looked at."""
    exchange: Exchange = request.scope["chainrule.exchange"]
    request.app.keys.caller(exchange.headers).check("problems")
    library: Library = request.app.calls.problems.library
    return library

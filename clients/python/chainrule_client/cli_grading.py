"""The commands about grading: a report on answers, and what is wrong with a file for a grading platform."""

from __future__ import annotations

import json as json_text
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule_client.cli_running import (
    BAD_REQUEST,
    FileOrProblem,
    Folder,
    Json,
    Problem,
    Seed,
    Source,
    Url,
    client_for,
    contents,
    reporting,
    show,
)

if TYPE_CHECKING:
    from chainrule_client.client import Client
    from chainrule_client.local import LocalClient


class GradedLayout(StrEnum):
    """How gradients and Jacobians may be shaped."""

    torch = "torch"
    numerator = "numerator"
    denominator = "denominator"
    either = "either"


Level = StrEnum("Level", ["verdict", "shape", "count", "indices", "magnitude", "values"])
"""How much a report says, from least to most. (`count` would hide a method of text in a class's body.)"""


def grade(
    file: FileOrProblem = None,
    url: Url = None,
    json: Json = False,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", metavar="FILE", help="The answers, in JSON, - for stdin; else those in the request."),
    ] = None,
    layout: Annotated[GradedLayout | None, typer.Option("--layout", help="How the answers may be shaped.")] = None,
    places: Annotated[int | None, typer.Option("--places", help="Decimals that answers were rounded to.")] = None,
    feedback: Annotated[Level | None, typer.Option("--feedback", help="How much is told.")] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="PLATFORM:PATH", help="Write what a grading platform reads."),
    ] = None,
) -> None:
    """Which answers are right, and what went wrong in the others."""
    given = {"layout": layout, "places": places, "feedback": feedback}
    policy = {name: value for name, value in given.items() if value is not None}
    source = Source(file, problem, seed, folder)
    if output is None:
        with reporting():
            reply = _graded(source.request(), client_for(url, folder), _answers(answers), policy)
        if json:
            show(reply, reply.raw, json)
        else:
            from chainrule_client.cli_reports import report_as_text

            typer.echo(report_as_text(reply))
        return
    from chainrule_client import exporters

    with reporting():
        platform, path = exporters.output(output)
        submitted = _answers(answers, missing_if_unreadable=True)

    def graded() -> Any:
        return _graded(source.request(), client_for(url, folder), submitted, policy)

    exporters.deliver(platform, graded, path)


def check(
    platform: Annotated[str, typer.Argument(help="gradescope, prairielearn, otter, autolab or nbgrader.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What was produced for it.")],
) -> None:
    """What is wrong with a file for a grading platform: a line for each fault, and exit status 2 if there is any."""
    from chainrule_client import exporters

    with reporting():
        try:
            faults = exporters.validate(platform, file)
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror}") from error
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(BAD_REQUEST)


def _graded(request: dict[str, Any], client: Client | LocalClient, answers: Any, policy: dict[str, Any]) -> Any:
    in_request, marked = request.pop("answers", None), request.pop("policy", None)
    submitted = in_request if answers is None else answers
    if submitted is None:
        raise ValueError('there are no answers: give --answers FILE, or write "answers" in the request')
    if not isinstance(marked, dict | None):
        raise ValueError('"policy" in the request is no JSON object; it is one, such as {"places": 2}')
    merged = {**(marked or {}), **policy}
    return client.grade(request, submitted, policy=merged or None, points=request.pop("points", None))


def _answers(file: Path | None, *, missing_if_unreadable: bool = False) -> Any:
    """The JSON object in a file, or on stdin where it is `-`; None where no file is given. Raises ValueError."""
    if file is None:
        return None
    try:
        return _object(*contents(file))
    except ValueError:
        if missing_if_unreadable:
            return {}
        raise


def _object(where: str, text: bytes) -> dict[str, Any]:
    """What the text says, which may hold NaN."""
    try:
        found = json_text.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{where} holds no JSON object; answers are one, by quantity")
    return found

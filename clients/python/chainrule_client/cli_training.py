"""`chainrule train`: steps of descent, with a bar while they are taken."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule_client.cli_running import (
    FileOrProblem,
    Folder,
    Json,
    Problem,
    Seed,
    Source,
    Url,
    client_for,
    names_of,
    reporting,
    show,
)

if TYPE_CHECKING:
    from chainrule_client.client import Client
    from chainrule_client.local import LocalClient


def train(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    steps: Annotated[int | None, typer.Option("--steps", help="How many.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="The rate η.")] = None,
    optimizer: Annotated[
        str | None, typer.Option("--optimizer", metavar="NAME", help="sgd or adam, with its default options.")
    ] = None,
    momentum: Annotated[float | None, typer.Option("--momentum", help="Of sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", help="Of either optimizer.")] = None,
    wrt: Annotated[
        list[str] | None,
        typer.Option("--wrt", metavar="NAME", help="What moves: a name, or `parameters`; may be given several times."),
    ] = None,
    maximize: Annotated[bool, typer.Option("--maximize", help="Go uphill.")] = False,
    accumulate: Annotated[
        bool, typer.Option("--accumulate", help="Do not clear the gradients: they add up from step to step.")
    ] = False,
    record: Annotated[
        int | None, typer.Option("--record", help="Show the first step and every so-many-th after it; 0 for none.")
    ] = None,
) -> None:
    """Steps of descent, the five stages of each with their numbers."""
    with reporting():
        request = Source(file, problem, seed, folder).request()
        given = {
            "steps": steps,
            "learning_rate": learning_rate,
            "record": record,
            "maximize": maximize or None,
            "wrt": names_of(wrt),
        }
        request |= {name: value for name, value in given.items() if value is not None}
        if accumulate:
            request["clear_gradients"] = False
        _set_optimizer(request, optimizer, {"momentum": momentum, "weight_decay": weight_decay})
        for name, option in (("steps", "--steps 10"), ("learning_rate", "--learning-rate 0.1")):
            if name not in request:
                raise ValueError(f'the request has no {name}: give {option}, or write "{name}" in the file')
        reply = _trained(request, client_for(url, folder))
    if json:
        show(reply, reply.raw, json)
        return
    from chainrule_client.cli_steps import training_as_text

    typer.echo(training_as_text(reply))


def _set_optimizer(request: dict[str, Any], name: str | None, options: dict[str, float | None]) -> None:
    """The optimizer of the options in place of the request's; options alone change the request's own."""
    given = {key: value for key, value in options.items() if value is not None}
    if name is None and not given:
        return
    own = request.get("optimizer", "sgd")
    base = {"name": name} if name is not None else own if isinstance(own, dict) else {"name": own}
    request["optimizer"] = {**base, **given}


def _trained(request: dict[str, Any], client: Client | LocalClient) -> Any:
    """The reply, with a bar on stderr until it is there, where stderr is a terminal."""
    from chainrule_client.classes.progress import progress

    steps = request["steps"]
    if not (sys.stderr.isatty() and isinstance(steps, int)):
        return client.call("train", request)
    with progress(steps, label="training") as show_done:
        return client.call("train", request, watch=lambda told: show_done(told.step))

"""The commands that draw: curves of ops, the flow of gradients, the graph of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from chainrule_client.cli_running import (
    FileOrProblem,
    Folder,
    Json,
    Loss,
    Problem,
    Seed,
    Source,
    Url,
    client_for,
    reporting,
    show,
    write,
)

OTHER_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf")

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The file to write; - prints the picture.")]


def plot(
    ops: Annotated[
        list[str], typer.Argument(metavar="OP…", help="Ops, with options where wanted: relu leaky_relu:slope=0.1")
    ],
    url: Url = None,
    low: Annotated[float, typer.Option("--low", help="Where the curves begin.")] = -5,
    high: Annotated[float, typer.Option("--high", help="Where they end.")] = 5,
    columns: Annotated[int, typer.Option("--columns", min=1, help="How many stand side by side.")] = 4,
    out: Out = None,
) -> None:
    """Activations and their derivatives side by side, kinks marked, as an SVG file."""
    with reporting():
        picture = client_for(url).plot(*map(_op_with_options, ops), low=low, high=high, columns=columns)
        write_picture(picture, out or Path("curves.svg"))


def flow(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    alternative: Annotated[
        list[str] | None,
        typer.Option("--alternative", metavar="OP", help="An activation, such as leaky_relu:slope=0.1; several times."),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="NODE", help="Where they stand; else at all but the output.")
    ] = None,
    loss: Loss = None,
    out: Out = None,
) -> None:
    """How much of the gradient reaches each node, for each of some activations."""
    with reporting():
        given = {"alternatives": [_op_with_options(each) for each in alternative or ()], "at": at, "loss": loss}
        source = Source(file, problem, seed, folder)
        request = source.request() | {name: value for name, value in given.items() if value}
        reply = client_for(url, folder).call("flow", request | ({"format": "svg"} if out is not None else {}))
        if out is not None:
            write_picture(reply.svg, out)
    if str(out) == "-":
        return
    if json:
        show(reply, reply.raw, json)
        return
    from chainrule_client.cli_flow import flow_as_text

    typer.echo(flow_as_text(reply))


def graph(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    values: Annotated[bool, typer.Option("--values", help="Each node's value as well.")] = False,
    gradients: Annotated[
        bool, typer.Option("--gradients", help="The gradients, node by node and edge by edge.")
    ] = False,
    loss: Loss = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write a picture: .svg, or .dot for Graphviz; - prints the SVG."),
    ] = None,
) -> None:
    """The computation as a graph: what takes what, with shapes, and values and gradients where asked for."""
    form = "json" if out is None else "dot" if out.suffix in (".dot", ".gv") else "svg"
    with reporting():
        given = {"values": values, "gradients": gradients, "loss": loss, "format": form}
        source = Source(file, problem, seed, folder)
        request = source.request() | {name: value for name, value in given.items() if value}
        reply = client_for(url, folder).call("graph", request)
        if out is not None:
            write_picture(reply[form], out)
    if out is not None:
        return
    if json:
        show(reply, reply.raw, json)
        return
    from chainrule_client.cli_graph import graph_as_text

    typer.echo(graph_as_text(reply))


def write_picture(picture: str, out: Path) -> None:
    """Write a picture, and say where; or print it. Raises ValueError where it cannot be, or not as its name says."""
    if str(out) == "-":
        typer.echo(picture)
        return
    if out.suffix.lower() in OTHER_PICTURES:
        raise ValueError(f"a picture is written as SVG, and {out.name} would say otherwise: write {out.stem}.svg")
    write(picture.encode(), out)


def _op_with_options(words: str) -> str | dict[str, Any]:
    """`leaky_relu:slope=0.1`, options separated by commas. Raises ValueError."""
    name, colon, options = words.partition(":")
    if not colon:
        return name
    found: dict[str, Any] = {"op": name}
    for each in options.split(","):
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise ValueError(f"{words}: options are written leaky_relu:slope=0.1, separated by commas")
        try:
            found[key] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found[key] = value
    return found

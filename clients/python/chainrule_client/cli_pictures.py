"""The commands that draw: curves of ops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from chainrule_client.cli_running import Url, client_for, reporting

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


def write_picture(picture: str, out: Path) -> None:
    """Write a picture, and say where; or print it. Raises ValueError where it cannot be written."""
    if str(out) == "-":
        typer.echo(picture)
        return
    try:
        out.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(f"written: {out}")


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

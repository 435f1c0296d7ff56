"""What the commands share: their files, who answers, how an answer is shown, and how failure is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from chainrule_client.errors import APIError, AuthenticationFailed, ChainruleError, Overloaded, ServerFault, TimedOut

if TYPE_CHECKING:
    from chainrule_client.client import Client
    from chainrule_client.local import LocalClient

BAD_REQUEST = 2
FAILED = 1


class Layout(StrEnum):
    """How gradients and Jacobians are shaped."""

    torch = "torch"
    numerator = "numerator"
    denominator = "denominator"


FileOrProblem = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="The request, in JSON; - reads it from stdin.")
]
Problem = Annotated[
    str | None, typer.Option("--problem", metavar="PROBLEM", help="One on file, as set/problem, in place of FILE.")
]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="CHAINRULE_URL", help="The service to ask; without one, computed here on NumPy."),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", envvar="CHAINRULE_PROBLEMS", metavar="FOLDER", help="Problem sets of your own, where computed here."
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Which numbers.")]
Json = Annotated[bool, typer.Option("--json", help="Print the reply itself, as JSON.")]
LayoutOption = Annotated[Layout | None, typer.Option("--layout", help="How gradients and Jacobians are shaped.")]
Loss = Annotated[str | None, typer.Option("--loss", metavar="OP", help="A loss by name, in place of the request's.")]
Wrt = Annotated[
    list[str] | None,
    typer.Option("--wrt", metavar="NAME", help="A name, `parameters` or `all`; may be given several times."),
]


@dataclass(frozen=True)
class Source:
    """Where a request comes from: a file, or a problem on file by its name; a seed; and a folder of more problems."""

    file: Path | None
    problem: str | None
    seed: int | None
    folder: Path | None

    def request(self) -> dict[str, Any]:
        """The request as it stands there. Raises ValueError where it cannot be read."""
        if (self.file is None) == (self.problem is None):
            raise ValueError("give one of FILE, which holds a request, and --problem, for one on file")
        request = read_object(self.file) if self.file is not None else {"problem": self.problem}
        return request if self.seed is None else {**request, "seed": self.seed}


def show(answer: Mapping[str, Any], raw: Mapping[str, Any], json: bool) -> None:
    """Print an answer for a person to read, or with `json` as it came."""
    from chainrule.schemas.encoding import encode
    from chainrule_client.cli_rendering import as_text

    typer.echo(encode(raw).decode() if json else as_text(answer))


def client_for(url: str | None, folder: Path | None = None, retries: int = 2) -> Client | LocalClient:
    """Who answers: the service at `url`, or this process, which also knows the problem sets in `folder`."""
    if url:
        from chainrule_client.client import Client

        return Client(url, retries=retries)
    from chainrule_client.local import LocalClient

    return LocalClient() if folder is None else LocalClient(problems=folder)


def contents(file: Path) -> tuple[str, bytes]:
    """What to call a file, or stdin where it is `-`, and what it holds. Raises ValueError where it cannot be read."""
    if str(file) == "-":
        if sys.stdin is None:
            raise ValueError("stdin cannot be read: it is closed")
        return "stdin", sys.stdin.buffer.read()
    try:
        return str(file), file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from error


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file, or on stdin where it is `-`. Raises ValueError."""
    where, text = contents(file)
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ValueError(f"{where} holds no JSON object; a request is one, with a network and inputs")
    return request


def write(content: bytes, out: Path) -> None:
    """Write a file, and say where. Raises ValueError where it cannot be written."""
    try:
        out.write_bytes(content)
    except OSError as error:
        raise ValueError(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(f"written: {out}")


def names_of(wrt: list[str] | None) -> list[str] | str | None:
    """What was given with --wrt, as a request has it."""
    return wrt[0] if wrt in (["parameters"], ["all"]) else wrt


@contextmanager
def reporting() -> Iterator[None]:
    """Say on stderr what went wrong: exit code 2 where the request is at fault, 1 where it is not."""
    try:
        yield
    except (ChainruleError, ValueError, OSError) as error:
        typer.echo(f"chainrule: {error}", err=True)
        if isinstance(error, AuthenticationFailed):
            typer.echo("  the key that is sent is that in CHAINRULE_API_KEY", err=True)
        theirs = isinstance(error, APIError) and not isinstance(error, ServerFault | Overloaded | TimedOut)
        raise typer.Exit(BAD_REQUEST if theirs or isinstance(error, ValueError) else FAILED) from error

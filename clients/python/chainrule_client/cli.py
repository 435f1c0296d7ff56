"""The `chainrule` command: the operations on JSON files, and the service itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from chainrule_client.errors import APIError, ChainruleError, Overloaded, ServerFault, TimedOut

if TYPE_CHECKING:
    from chainrule.api.settings import Settings
    from chainrule_client.client import Client
    from chainrule_client.local import LocalClient

BAD_REQUEST = 2
FAILED = 1

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Forward values, losses, gradients and Jacobians of a network described in JSON. "
    "Computed here, on NumPy, unless --url or CHAINRULE_URL names a service.",
)


class Layout(StrEnum):
    """How gradients and Jacobians are shaped."""

    torch = "torch"
    numerator = "numerator"
    denominator = "denominator"


class Form(StrEnum):
    """Whether Jacobians keep their structure."""

    dense = "dense"
    structured = "structured"


class Backend(StrEnum):
    """What does the arithmetic."""

    torch = "torch"
    numpy = "numpy"


class DType(StrEnum):
    """The precision of the computation."""

    float64 = "float64"
    float32 = "float32"


RequestFile = Annotated[Path, typer.Argument(metavar="FILE", help="The request, in JSON; - reads it from stdin.")]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="CHAINRULE_URL", help="The service to ask; without one, computed here on NumPy."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the reply itself, as JSON.")]
LayoutOption = Annotated[Layout | None, typer.Option("--layout", help="How gradients and Jacobians are shaped.")]
BackendOption = Annotated[Backend | None, typer.Option("--backend", help="What does the arithmetic.")]
DTypeOption = Annotated[DType | None, typer.Option("--dtype", help="The precision to compute in.")]
Loss = Annotated[str | None, typer.Option("--loss", metavar="OP", help="A loss by name, in place of the request's.")]
PerExample = Annotated[bool, typer.Option("--per-example", help="Each example's own part as well.")]


@app.command()
def validate(file: RequestFile, url: Url = None, json: Json = False) -> None:
    """Names, shapes, order and cost of everything, computing nothing."""
    _compute("validate", file, url, json, {})


@app.command()
def forward(
    file: RequestFile,
    url: Url = None,
    json: Json = False,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Every node's inputs and output as well.")] = False,
) -> None:
    """The network's output."""
    _compute("forward", file, url, json, {"dtype": dtype, "backend": backend, "trace": trace})


@app.command()
def loss(
    file: RequestFile,
    url: Url = None,
    json: Json = False,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    loss: Loss = None,
    per_example: PerExample = False,
) -> None:
    """The output and the loss."""
    _compute("loss", file, url, json, {"dtype": dtype, "backend": backend, "loss": loss, "per_example": per_example})


@app.command()
def gradients(
    file: RequestFile,
    url: Url = None,
    json: Json = False,
    layout: LayoutOption = None,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    loss: Loss = None,
    wrt: Annotated[
        list[str] | None,
        typer.Option("--wrt", metavar="NAME", help="A name, `parameters` or `all`; may be given several times."),
    ] = None,
    per_example: PerExample = False,
    steps: Annotated[bool, typer.Option("--steps", help="The backward pass, node by node.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check the gradients by an independent method.")] = False,
) -> None:
    """The loss and its gradients with respect to parameters, inputs and nodes."""
    changes = {
        "layout": layout,
        "dtype": dtype,
        "backend": backend,
        "loss": loss,
        "wrt": _names(wrt),
        "per_example": per_example,
        "steps": steps,
        "verify": verify,
    }
    _compute("gradients", file, url, json, changes)


@app.command()
def jacobians(
    file: RequestFile,
    url: Url = None,
    json: Json = False,
    layout: LayoutOption = None,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    pair: Annotated[
        list[str] | None,
        typer.Option("--pair", metavar="OF/WRT", help="Such as y_hat/W1; may be given several times."),
    ] = None,
    form: Annotated[Form | None, typer.Option("--form", help="Whether Jacobians keep their structure.")] = None,
) -> None:
    """Jacobians between any two names, per example."""
    from chainrule_client.requests import pairs_on_the_wire

    with _reporting():
        pairs = pairs_on_the_wire(pair) if pair else None
    changes = {"layout": layout, "dtype": dtype, "backend": backend, "pairs": pairs, "form": form}
    _compute("jacobians", file, url, json, changes, wanted={"pairs": "--pair y_hat/W1, once for each"})


@app.command()
def ops(
    name: Annotated[str | None, typer.Argument(metavar="OP", help="One op in full; without it, all of them.")] = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """The catalogue of ops: formula, derivative, kinks and options."""
    with _reporting():
        client = _client(url)
        answer = client.ops() if name is None else client.op(name)
    if name is None and not json:
        from chainrule_client.cli_rendering import ops_as_text

        typer.echo(ops_as_text(answer))
    else:
        _show(answer, answer, json)


@app.command()
def info(url: Url = None, json: Json = False) -> None:
    """Versions, and the limits in force."""
    with _reporting():
        answer = _client(url).info()
    _show(answer, answer, json)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; else CHAINRULE_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port, 0 for any that is free; else CHAINRULE_PORT, else 8000.")
    ] = None,
) -> None:
    """Run the service. Its other settings come from the environment, as CHAINRULE_…"""
    with _reporting():
        try:
            settings = _settings()
            settings.limit_threads()  # before the server loads NumPy and torch, which read it once
            from chainrule.api.server import serve as run
        except ModuleNotFoundError as error:
            raise ChainruleError(f"serve needs {error.name}: pip install 'chainrule[service]'") from error
    run(host, port, settings)


def _settings() -> Settings:
    from pydantic import ValidationError

    from chainrule.api.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"CHAINRULE_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
        raise ValueError("; ".join(wrong)) from None


def _compute(
    operation: str,
    file: Path,
    url: str | None,
    json: bool,
    changes: Mapping[str, Any],
    wanted: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Have a request answered and print the answer. `changes` replaces fields of it, where not None or False.

    wanted: fields that there have to be, each with the option that gives it.
    """
    with _reporting():
        request = {**_read(file), **{name: value for name, value in changes.items() if value}}
        for name, given_by in wanted.items():
            if name not in request:
                raise ValueError(f'the request has no {name}: give {given_by}, or write "{name}" in the file')
        reply = _client(url).call(operation, request)
    _show(reply, reply.raw, json)


def _show(answer: Mapping[str, Any], raw: Mapping[str, Any], json: bool) -> None:
    from chainrule.schemas.encoding import encode
    from chainrule_client.cli_rendering import as_text

    typer.echo(encode(raw).decode() if json else as_text(answer))


def _client(url: str | None) -> Client | LocalClient:
    if url:
        from chainrule_client.client import Client

        return Client(url)
    from chainrule_client.local import LocalClient

    return LocalClient()


def _read(file: Path) -> dict[str, Any]:
    where = "stdin" if str(file) == "-" else str(file)
    try:
        request = orjson.loads(sys.stdin.buffer.read() if where == "stdin" else file.read_bytes())
    except OSError as error:
        raise ValueError(f"{where} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise ValueError(f"{where} holds no JSON object; a request is one, with a network and inputs")
    return request


def _names(wrt: list[str] | None) -> list[str] | str | None:
    return wrt[0] if wrt in (["parameters"], ["all"]) else wrt


@contextmanager
def _reporting() -> Iterator[None]:
    """Say on stderr what went wrong: exit code 2 where the request is at fault, 1 where it is not."""
    try:
        yield
    except (ChainruleError, ValueError) as error:
        typer.echo(f"chainrule: {error}", err=True)
        theirs = isinstance(error, APIError) and not isinstance(error, ServerFault | Overloaded | TimedOut)
        raise typer.Exit(BAD_REQUEST if theirs or isinstance(error, ValueError) else FAILED) from error


if __name__ == "__main__":
    app()

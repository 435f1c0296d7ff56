"""The `chainrule` command: the operations on JSON files, and the service itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule_client import cli_class, cli_derivation, cli_grading, cli_pictures, cli_problems, cli_training
from chainrule_client.cli_running import (
    FileOrProblem,
    Folder,
    Json,
    LayoutOption,
    Loss,
    Problem,
    Seed,
    Source,
    Url,
    Wrt,
    client_for,
    names_of,
    reporting,
    show,
)
from chainrule_client.errors import ChainruleError

if TYPE_CHECKING:
    from chainrule.api.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Forward values, losses, gradients and Jacobians of a network described in JSON. "
    "Computed here, on NumPy, unless --url or CHAINRULE_URL names a service.",
)


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


BackendOption = Annotated[Backend | None, typer.Option("--backend", help="What does the arithmetic.")]
DTypeOption = Annotated[DType | None, typer.Option("--dtype", help="The precision to compute in.")]
PerExample = Annotated[bool, typer.Option("--per-example", help="Each example's own part as well.")]


@app.command()
def validate(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """Names, shapes, order and cost of everything, computing nothing."""
    _compute("validate", Source(file, problem, seed, folder), url, json, {})


@app.command()
def forward(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    trace: Annotated[bool, typer.Option("--trace", help="Every node's inputs and output as well.")] = False,
) -> None:
    """The network's output."""
    changes = {"dtype": dtype, "backend": backend, "trace": trace}
    _compute("forward", Source(file, problem, seed, folder), url, json, changes)


@app.command()
def loss(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    loss: Loss = None,
    per_example: PerExample = False,
) -> None:
    """The output and the loss."""
    changes = {"dtype": dtype, "backend": backend, "loss": loss, "per_example": per_example}
    _compute("loss", Source(file, problem, seed, folder), url, json, changes)


@app.command()
def gradients(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
    url: Url = None,
    json: Json = False,
    layout: LayoutOption = None,
    dtype: DTypeOption = None,
    backend: BackendOption = None,
    loss: Loss = None,
    wrt: Wrt = None,
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
        "wrt": names_of(wrt),
        "per_example": per_example,
        "steps": steps,
        "verify": verify,
    }
    _compute("gradients", Source(file, problem, seed, folder), url, json, changes)


@app.command()
def jacobians(
    file: FileOrProblem = None,
    problem: Problem = None,
    seed: Seed = None,
    folder: Folder = None,
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

    with reporting():
        pairs = pairs_on_the_wire(pair) if pair else None
    changes = {"layout": layout, "dtype": dtype, "backend": backend, "pairs": pairs, "form": form}
    wanted = {"pairs": "--pair y_hat/W1, once for each"}
    _compute("jacobians", Source(file, problem, seed, folder), url, json, changes, wanted)


app.command()(cli_derivation.derive)
app.command()(cli_grading.grade)
app.command("class")(cli_class.class_)
app.command()(cli_grading.check)
app.command()(cli_training.train)
app.command()(cli_pictures.plot)
app.command()(cli_pictures.flow)
app.command()(cli_pictures.graph)
app.command()(cli_problems.problems)
app.command()(cli_problems.instance)


@app.command()
def ops(
    name: Annotated[str | None, typer.Argument(metavar="OP", help="One op in full; without it, all of them.")] = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """The catalogue of ops: formula, derivative, kinks and options."""
    with reporting():
        client = client_for(url)
        answer = client.ops() if name is None else client.op(name)
    if name is None and not json:
        from chainrule_client.cli_rendering import ops_as_text

        typer.echo(ops_as_text(answer))
    else:
        show(answer, answer, json)


@app.command()
def info(url: Url = None, json: Json = False) -> None:
    """Versions, and the limits in force."""
    with reporting():
        answer = client_for(url).info()
    show(answer, answer, json)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on; else CHAINRULE_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="The port, 0 for any that is free; else CHAINRULE_PORT, else 8000."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the port; else CHAINRULE_PROCESSES, else 1.")
    ] = None,
) -> None:
    """Run the service. Its other settings come from the environment, as CHAINRULE_…"""
    # While it starts. The first process of a container would pay no heed to a signal that it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with reporting():
        try:
            settings = _settings()
            settings.limit_threads()  # before the server loads NumPy and torch, which read it once
            from chainrule.api.server import serve as run
        except ModuleNotFoundError as error:
            raise ChainruleError(f"serve needs {error.name}: pip install 'chainrule[service]'") from error
    run(host, port, settings, processes)


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
    source: Source,
    url: str | None,
    json: bool,
    changes: Mapping[str, Any],
    wanted: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Have a request answered and print the answer. `changes` replaces fields of it, where not None or False.

    wanted: fields that there have to be, each with the option that gives it.
    """
    with reporting():
        request = {**source.request(), **{name: value for name, value in changes.items() if value}}
        for name, given_by in wanted.items():
            if name not in request:
                raise ValueError(f'the request has no {name}: give {given_by}, or write "{name}" in the file')
        reply = client_for(url, source.folder).call(operation, request)
    show(reply, reply.raw, json)


if __name__ == "__main__":
    app()

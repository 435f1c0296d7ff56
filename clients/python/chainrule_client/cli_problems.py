"""The commands about problems on file and templates: what there is, and instances of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule_client.cli_running import Folder, Json, Seed, Url, client_for, read_object, reporting, show

IDENTITY = ("assignment", "question", "student", "revision")
FILES = (".json", ".yaml", ".yml")


def problems(
    name: Annotated[
        str | None, typer.Argument(metavar="PROBLEM", help="One problem in full, as set/problem; without it, all.")
    ] = None,
    url: Url = None,
    json: Json = False,
    folder: Folder = None,
) -> None:
    """The problems on file: what they ask, and how their numbers are drawn."""
    with reporting():
        client = client_for(url, folder)
        answer = client.problems() if name is None else client.problem(name)
    if name is None and not json:
        from chainrule_client.cli_rendering import problems_as_text

        typer.echo(problems_as_text(answer))
    else:
        show(answer, answer, json)


def instance(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A problem on file, as set/problem; or a template in a .json or .yaml file, - for JSON on stdin.",
        ),
    ],
    seed: Seed = None,
    assignment: Annotated[str | None, typer.Option("--assignment", help="With a secret: of which assignment.")] = None,
    question: Annotated[str | None, typer.Option("--question", help="With a secret: of which question.")] = None,
    student: Annotated[str | None, typer.Option("--student", help="With a secret: for whom.")] = None,
    revision: Annotated[int | None, typer.Option("--revision", help="With a secret: other numbers.")] = None,
    attempt: Annotated[int | None, typer.Option("--attempt", help="Just this drawing, as an earlier one said.")] = None,
    url: Url = None,
    json: Json = False,
    folder: Folder = None,
) -> None:
    """A problem with its numbers, drawn from a seed, or from whom it is for and the secret in CHAINRULE_SECRET."""
    parts = dict(zip(IDENTITY, (assignment, question, student, revision), strict=True))
    identity = {name: part for name, part in parts.items() if part is not None}
    with reporting():
        of = {"template": _template(source)} if _is_file(source) else {"problem": source}
        reply = client_for(url, folder).instances(**of, seed=seed, identity=identity or None, attempt=attempt)
    show(reply, reply.raw, json)


def _is_file(source: str) -> bool:
    return source == "-" or source.endswith(FILES)


def _template(source: str) -> dict[str, Any]:
    if not source.endswith(FILES[1:]):
        return read_object(Path(source))
    import yaml  # type: ignore[import-untyped]

    try:
        loaded = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{source} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{source} is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"{source} holds no mapping; a template is one, with a network and inputs")
    return loaded

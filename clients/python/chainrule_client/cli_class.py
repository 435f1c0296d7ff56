"""The command that grades a whole class."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule_client.cli_running import (
    BAD_REQUEST,
    FAILED,
    Folder,
    Json,
    Seed,
    Url,
    client_for,
    read_object,
    reporting,
)

if TYPE_CHECKING:
    from chainrule_client.class_report import Summary
    from chainrule_client.classes.graded import Graded
    from chainrule_client.local import LocalClient

Submissions = Annotated[
    Path,
    typer.Argument(
        metavar="SUBMISSIONS", help='A line of JSON a submission: {"id": …, "answers": …}; - reads them from stdin.'
    ),
]
_SHOWN = 10
"""Mistakes that are listed."""
_RETRIES = 6
"""Some ten seconds: a service that starts anew meanwhile ends no run."""


def class_(
    submissions: Submissions,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where scores.csv and report.html go.")],
    problem: Annotated[
        str | None,
        typer.Option("--problem", metavar="PROBLEM", help="One on file, as set/problem, or a request in a .json file."),
    ] = None,
    seed: Seed = None,
    url: Url = None,
    json: Json = False,
    folder: Folder = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="FILE", help="Remembers what was graded; else DIR/graded.ndjson.")
    ] = None,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="Grade on a cluster of Ray: the one at RAY_ADDRESS, else one on this machine.")
    ] = False,
) -> None:
    """Grade a class: a table of scores, and a page with their distribution and the mistakes that were made.

    Stopped half-way, the same command goes on where it stopped. Exit status 1 says that some could not be graded now,
    2 that some lines are no submission, or that none could be graded.
    """
    from chainrule_client.class_report import Summary, write_class_report
    from chainrule_client.cli_submissions import broken, lines_of, together

    with reporting():
        lines = lines_of(submissions)
        sound = [line for line in lines if isinstance(line, dict)]
        out.mkdir(parents=True, exist_ok=True)
        shared = {**_problem(problem), **({} if seed is None else {"seed": seed})}
        client = _on_ray(url, folder) if on_ray else client_for(url, folder, _RETRIES)
        graded = together(lines, client.grade_many(sound, shared, resume=resume or out / "graded.ndjson"))
        files = write_class_report(graded, out)
    summary = Summary.of(graded)
    typer.echo(_as_json(summary) if json else "\n".join([*_told(summary), *map(str, files)]))
    _end(graded, len(broken(lines)))


def _on_ray(url: str | None, folder: Path | None) -> LocalClient:
    if url:
        raise ValueError("--ray grades on a cluster of Ray, and --url by a service: give one of them")
    try:
        from chainrule_client.on_ray import RayClient
    except ImportError as error:
        raise ValueError(f"--ray needs Ray ({error}): install chainrule[ray]") from None
    return RayClient(problems=folder and folder.resolve())  # workers start elsewhere


def _end(graded: Sequence[Graded], lines_broken: int) -> None:
    """Say what has to be seen to. A submission that was refused may be the student's fault; all of them are not."""
    none = bool(graded) and not any(each.report or _is_passing(each) for each in graded)
    if lines_broken:
        said = "1 line is no submission" if lines_broken == 1 else f"{lines_broken} lines are no submissions"
        typer.echo(f"chainrule: {said}; scores.csv says why", err=True)
    elif none:
        typer.echo("chainrule: not one submission could be graded; scores.csv says why", err=True)
    passing = any(_is_passing(each) for each in graded)
    if passing:
        typer.echo("chainrule: some were not graded just now; the same command goes on with them", err=True)
    if passing or lines_broken or none:
        raise typer.Exit(FAILED if passing else BAD_REQUEST)


def _problem(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    return read_object(Path(given)) if given.endswith(".json") else {"problem": given}


def _told(summary: Summary) -> Iterator[str]:
    graded = len(summary.shares)
    yield f"{summary.total} submissions, {graded} graded: mean {summary.mean:.1%}, median {summary.median:.1%}"
    if summary.mistakes:
        from chainrule_client.cli_rendering import table

        rows = [[str(found.count), found.code, found.at, found.message] for found in summary.mistakes[:_SHOWN]]
        yield f"\n{table([['made by', 'mistake', 'at', ''], *rows])}\n"
    if summary.failed:
        shown = [f"{id}: {why}" for id, why in summary.failed[:_SHOWN]]
        yield "\n".join(["not graded:", *(f"  {line}" for line in shown), ""])


def _as_json(summary: Summary) -> str:
    return json_text.dumps(
        {
            "total": summary.total,
            "graded": len(summary.shares),
            "mean": summary.mean,
            "median": summary.median,
            "distribution": summary.bins(),
            "mistakes": [
                {"mistake": found.code, "at": found.at, "message": found.message, "count": found.count}
                for found in summary.mistakes
            ],
            "failed": _failures(summary.failed),
        },
        ensure_ascii=False,
    )


def _failures(failed: Sequence[tuple[Any, str]]) -> list[dict[str, Any]]:
    return [{"id": id, "why": why} for id, why in failed]


def _is_passing(graded: Graded) -> bool:
    from chainrule_client.classes.graded import PASSING

    return graded.error is not None and graded.error.status in PASSING

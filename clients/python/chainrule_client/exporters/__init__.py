"""Reports of grading as the files that grading platforms read.

    from chainrule_client import exporters, local

    exporters.deliver("gradescope", lambda: local.grade(problem, answers, points=points))

`deliver` writes the report, or, where grading fails, what says that nothing was graded: a fault of ours never looks
like a wrong answer. `export` and `failure` give the text alone; `validate` and `validate_text` check one.

A module for each platform has the same functions with its own options.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule_client.exporters import autolab, files, gradescope, nbgrader, otter, prairielearn
from chainrule_client.exporters.failures import NotGraded, notice, reason_for
from chainrule_client.exporters.marks import Report, marks

__all__ = [
    "PLATFORMS",
    "NotGraded",
    "Platform",
    "Report",
    "deliver",
    "export",
    "failure",
    "marks",
    "notice",
    "output",
    "validate",
    "validate_text",
    "write",
]


@dataclass(frozen=True)
class Platform:
    """What a platform wants. `path` is where it looks for the file; None where the text is printed instead.

    `private` says whether stderr is for the staff alone.
    """

    name: str
    export: Callable[..., str]
    failure: Callable[..., str]
    validate: Callable[..., list[str]]
    path: str | None = None
    private: bool = False
    emit: Callable[[str], object] = print


PLATFORMS = {
    each.name: each
    for each in (
        Platform(
            "gradescope",
            gradescope.export,
            gradescope.failure,
            gradescope.validate,
            path=gradescope.RESULTS,
            private=True,
        ),
        Platform(
            "prairielearn",
            prairielearn.export,
            prairielearn.failure,
            prairielearn.validate,
            path=prairielearn.RESULTS,
            private=True,
        ),
        Platform("otter", otter.export, otter.failure, otter.validate),
        Platform("autolab", autolab.export, autolab.failure, autolab.validate, emit=autolab.emit),
        Platform("nbgrader", nbgrader.export, nbgrader.failure, nbgrader.validate),
    )
}
"""Every platform, by name."""


def export(platform: str, report: Report, **options: Any) -> str:
    """A report as a platform's text. Raises ValueError for an unknown platform and for what cannot be exported."""
    return _platform(platform).export(report, **options)


def failure(platform: str, reason: str, **options: Any) -> str:
    """A platform's text for a fault of ours."""
    return _platform(platform).failure(reason, **options)


def validate(platform: str, path: str | os.PathLike[str], **options: Any) -> list[str]:
    """What is wrong with a file that was produced for a platform, in sentences; nothing where all is well."""
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"not UTF-8: {error}"]
    return validate_text(platform, text, **options)


def validate_text(platform: str, text: str, **options: Any) -> list[str]:
    """The same for text."""
    return _platform(platform).validate(text, **options)


def write(platform: str, text: str, path: str | os.PathLike[str] | None = None) -> None:
    """Put a text at `path`, or where the platform looks for it: all of it or none. Where it looks nowhere, print it."""
    found = _platform(platform)
    target = path or found.path
    if target is None:
        found.emit(text)
    else:
        files.write(target, text)


def output(text: str) -> tuple[str, str]:
    """The platform and the path of `PLATFORM:PATH`; without a path, where the platform looks. Raises ValueError."""
    platform, _, given = text.partition(":")
    looked_at = _platform(platform).path
    path = given or looked_at
    if not path:
        raise ValueError(f"{text}: write {platform}:PATH")
    return platform, path


def deliver(
    platform: str,
    grade: Callable[[], Report],
    path: str | os.PathLike[str] | None = None,
    *,
    options: dict[str, Any] | None = None,
    failure_options: dict[str, Any] | None = None,
) -> bool:
    """Call `grade` and hand its report to the platform. Returns whether it was graded.

    Whatever `grade` raises is a fault of ours, and so is a report that cannot be exported: the platform's form of "not
    graded" is written instead, and the trace goes to stderr where only staff see that. So call what a student wrote
    before, and hand over None for an answer that it failed to give. The script should end with exit status 0.
    """
    found = _platform(platform)
    try:
        text = found.export(grade(), **(options or {}))
        graded = True
    except Exception as error:
        if found.private:
            traceback.print_exc(file=sys.stderr)
        text = found.failure(reason_for(error), **(failure_options or {}))
        graded = False
    write(platform, text, path)
    return graded


def _platform(name: str) -> Platform:
    try:
        return PLATFORMS[name]
    except KeyError:
        raise ValueError(f"no platform {name!r}; there are {', '.join(PLATFORMS)}") from None

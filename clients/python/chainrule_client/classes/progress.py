"""A bar that shows how far grading, or a training, has come: on a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def _nowhere(done: int) -> None:
    """Shows nothing."""


@contextmanager
def progress(total: int, wanted: bool | None = None, label: str = "grading") -> Iterator[Callable[[int], None]]:
    """What to call with how many are done. wanted: None for a bar where stderr is a terminal."""
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield _nowhere
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)

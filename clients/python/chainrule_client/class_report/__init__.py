"""A class's reports in two files: `scores.csv`, a row a submission, and `report.html`, one page to look at.

from chainrule_client.class_report import write_class_report

write_class_report(client.grade_many(submissions, problem), "out")
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from chainrule_client.class_report.page import as_page
from chainrule_client.class_report.rows import as_csv
from chainrule_client.class_report.summary import Summary
from chainrule_client.classes.graded import Graded

__all__ = ["Summary", "as_csv", "as_page", "write_class_report"]


def write_class_report(graded: Iterable[Graded], folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write both files into the folder, which is made if need be. Their paths."""
    found = list(graded)
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    scores, page = into / "scores.csv", into / "report.html"
    _write(scores, as_csv(found))
    _write(page, as_page(Summary.of(found)))
    return scores, page


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    unfinished = path.with_suffix(f"{path.suffix}.part")
    unfinished.write_text(text, encoding="utf-8", newline="")
    unfinished.replace(path)

"""A class in two files: right in numbers, safe for whoever opens them, and needing nothing else."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chainrule_client import Graded, local
from chainrule_client.class_report import Summary, as_csv, as_page, write_class_report
from chainrule_client.errors import InvalidRequest
from client.classes.submissions import PROBLEM, RIGHT, WRONG, submissions

HOSTILE = [
    '<script>alert("1")</script>',
    "=HYPERLINK(1)",
    "a,b\n'c'",
    '"quoted"',
    "&amp;",
    "+1",
    "@x",
    "-2",
    "学生",
    "",
]


class Page(HTMLParser):
    """The tags of a page, its text, and the rows of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def graded() -> list[Graded]:
    hostile = [{"id": id, "answers": WRONG if number % 2 else RIGHT} for number, id in enumerate(HOSTILE)]
    failed = Graded("late <b>", error=InvalidRequest(422, "Request not valid", "there is no <i>W9</i>"))
    return [*local.grade_many([*submissions(90), *hostile], PROBLEM), failed]


def rows(graded: list[Graded]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(graded), newline="")))


def test_a_row_a_submission_with_its_points(graded: list[Graded]) -> None:
    found = rows(graded)
    assert len(found) == len(graded)
    right, wrong = found[1], found[3]
    assert (right["id"], right["score"], right["max_score"], right["first_error"]) == ("student-1", "3.0", "3.0", "")
    assert (wrong["score"], wrong["first_error"]) == ("2.0", "gradients.W1")
    assert (wrong["loss"], wrong["gradients.W1"], wrong["gradients.b1"]) == ("1.0", "0.0", "1.0"), (
        "b1 follows from W1's mistake"
    )
    assert found[-1]["error"] == "there is no <i>W9</i>"
    assert found[-1]["score"] == ""


def test_a_spreadsheet_computes_nothing_of_an_id(graded: list[Graded]) -> None:
    ids = [row["id"] for row in rows(graded)]
    assert not [id for id in ids if id[:1] in ("=", "+", "-", "@")]
    assert {id.removeprefix("'") for id in ids} == {str(each.id) for each in graded}


def test_the_page_counts_mistakes_and_scores(graded: list[Graded]) -> None:
    summary = Summary.of(graded)
    assert summary.total == len(graded)
    assert sum(summary.bins()) == len(summary.shares) == sum(each.report is not None for each in graded)
    assert summary.mistakes
    assert [mistake.count for mistake in summary.mistakes] == sorted(
        (mistake.count for mistake in summary.mistakes), reverse=True
    )
    made = sum(1 for each in graded if each.report and each.report["diagnosis"])
    assert max(mistake.count for mistake in summary.mistakes) <= made
    shown = {tuple(row[:3]) for row in Page(as_page(summary)).rows}
    assert {(str(mistake.count), mistake.code, mistake.at) for mistake in summary.mistakes} <= shown


def test_the_page_is_safe_and_needs_nothing_else(graded: list[Graded]) -> None:
    text = as_page(Summary.of(graded))
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "i", "b", "a"} & {tag for tag, _ in page.tags}
    assert not [
        name for _, attributes in page.tags for name in attributes if name in ("src", "href") or name[:2] == "on"
    ]
    assert not re.search(r"https?:|url\(|@import", text)
    assert "<script" not in text
    said = "".join(page.texts)
    for id in HOSTILE[1::2]:
        assert id in said, "those that made a mistake are named"


@pytest.mark.parametrize("count", [0, 1])
def test_a_small_class_has_a_page_too(count: int) -> None:
    found = local.grade_many([{"id": 1, "answers": {}}][:count], PROBLEM)
    summary = Summary.of(found)
    assert (summary.total, summary.mean, summary.median) == (count, 0.0, 0.0)
    assert "None was found" in as_page(summary)
    assert len(rows(found)) == count


def test_files_are_written_whole_and_over_old_ones(graded: list[Graded], tmp_path: Path) -> None:
    into = tmp_path / "a" / "b"
    for part in (graded, graded[:5]):
        scores, page = write_class_report(part, into)
        assert scores.read_bytes().count(b"\r\n") > len(part)
        assert f"{len(part)} submissions" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in into.iterdir()) == ["report.html", "scores.csv"]


def test_only_a_wrong_answer_wants_an_explanation() -> None:
    answers = {
        "missing": {"loss": 6.5, "gradients": {"W1": None}},
        "odd": {"loss": 6.5, "gradients": {"W1": [[1.5, 0.3]]}},
    }
    found = local.grade_many([{"id": id, "answers": each} for id, each in answers.items()], PROBLEM)
    assert Summary.of(found).unexplained == ("odd",)

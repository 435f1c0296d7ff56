"""The table of the page on the homework: every row is there, and what its commands print has the answer in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.pages import ROOT, Snippet, prose, snippets
from docs.session import WRITTEN_URL, Session

PAGE = ROOT / "docs" / "homework.md"
IDS = ["1.2a", "1.2b", "1.2c", "1.2d", "1.3a", "1.3b", "1.3c", "1.4a", "1.4b", "1.4c", "1.4d", "1.4e", "2.1", "2.2"]
"""The rows of the homework."""


@dataclass(frozen=True)
class Row:
    """A row of the table: what stands in code in its cells."""

    commands: tuple[str, ...]
    answers: tuple[str, ...]


def rows(table: str) -> dict[str, Row]:
    """The rows by their ids."""
    found: dict[str, Row] = {}
    for line in table.splitlines():
        if row := re.match(r"\| \[?(\d\.\d[a-z]?)\b", line):
            assert row[1] not in found, f"{row[1]} is there twice"
            _, commands, answers = line.strip("| ").split(" | ")[1:]
            found[row[1]] = Row(*(tuple(re.findall(r"`([^`]+)`", cell)) for cell in (commands, answers)))
    return found


ROWS = rows(prose(PAGE))


def test_every_row_of_the_homework_is_in_the_table() -> None:
    assert list(ROWS) == IDS
    assert [name for name, row in ROWS.items() if not (row.commands and row.answers)] == []


@pytest.mark.parametrize("asked", ["", f" --url {WRITTEN_URL}"], ids=["here", "of the service"])
@pytest.mark.parametrize("name", IDS)
def test_the_answer_is_in_what_the_commands_print(name: str, asked: str, url: str, tmp_path: Path) -> None:
    session = Session(PAGE, url, tmp_path)
    for snippet in snippets(PAGE):
        if snippet.words[:2] == ("json", "file"):
            session.run(snippet)
    printed: list[str] = []
    for command in ROWS[name].commands:
        session.run(Snippet(("bash",), f"{command}{asked}", 0))
        printed.append(session.said)
    missing = [answer for answer in ROWS[name].answers if not any(stands_in(answer, said) for said in printed)]
    assert missing == [], "\n\n".join(printed)


@pytest.mark.parametrize(
    ("said", "answer", "there"),
    [
        ("loss  2.5\nmeta", "loss 2.5", True),
        ("loss  2.5\nmeta", "loss 2.50", False),
        ("loss  2.51\nmeta", "loss 2.5", False),
        ("[[ 1.  0.]\n [12.  3.]]", "[12. 3.]", True),
        ("[[ 1.  0.]\n [12.  3.]]", "2. 3.", False),
        ("[[-1.  0.]\n [12.  3.]]", "[[1. 0.]", False),
    ],
)
def test_numbers_are_found_whole_and_as_printed(said: str, answer: str, there: bool) -> None:
    assert stands_in(answer, said) is there


def stands_in(answer: str, said: str) -> bool:
    """Whether the words of an answer follow each other in what was said. White space and brackets part words."""
    words, wanted = _words(said), _words(answer)
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))


def _words(text: str) -> list[str]:
    return re.sub(r"([\[\](),;:])", r" \1 ", text).split()

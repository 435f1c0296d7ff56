"""The file that a run goes on from: whole whatever moment it is cut off at, and true to what was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chainrule_client.classes.ledger import Ledger

ANSWER: dict[str, Any] = {"status": 200, "reply": {"score": 1.0}}
REFUSED: dict[str, Any] = {"status": 422, "problem": {"detail": "…"}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resume.ndjson"


def add(path: Path, *records: tuple[Any, str, Any]) -> None:
    with Ledger(path) as ledger:
        ledger.add(records)


def test_what_was_added_is_there_again(path: Path) -> None:
    add(path, ("a", "x", ANSWER), (7, "y", REFUSED))
    add(path, ("b\n\u2028", "x", ANSWER))
    with Ledger(path) as ledger:
        assert ledger.answers == {("a", "x"): ANSWER, (7, "y"): REFUSED, ("b\n\u2028", "x"): ANSWER}


def test_a_file_cut_off_anywhere_has_every_whole_line_and_takes_more(path: Path) -> None:
    add(path, ("a", "x", ANSWER), ("b", "x", ANSWER))
    text = path.read_bytes()
    ends = [end + 1 for end, byte in enumerate(text) if byte == ord("\n")]
    for length in range(len(text) + 1):
        path.write_bytes(text[:length])
        add(path, ("c", "x", REFUSED))
        with Ledger(path) as ledger:
            assert len(ledger.answers) == 1 + sum(end <= length for end in ends)
            assert ledger.answers["c", "x"] == REFUSED
        assert all(json.loads(line) for line in path.read_text().splitlines())


def test_another_question_by_the_same_student_is_another(path: Path) -> None:
    add(path, ("a", "x", ANSWER))
    with Ledger(path) as ledger:
        assert ("a", "y") not in ledger.answers


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1}\n',
        "grades of 2024\n",
        "grades of 2024",
        "[1]\n",
        "[1]",
        '{"id": 1, "asked": "x", "status"\n',
        '{"i:',
        '{"id":"ada","answers":{"loss":9}}',
    ],
)
def test_another_file_is_left_as_it_is(text: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(ValueError, match="line 1: not what a run of grading wrote"):
        Ledger(path)
    assert path.read_text() == text


def test_two_runs_do_not_write_one_file(path: Path) -> None:
    with Ledger(path), pytest.raises(ValueError, match="another run"):
        Ledger(path)
    Ledger(path).close()


def test_what_was_added_is_on_the_disk_before_it_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr("os.fsync", lambda _: written.append(path.read_bytes()))
    add(path, ("a", "x", ANSWER))
    assert [json.loads(text) for text in written if text] == [{"id": "a", "asked": "x", **ANSWER}]

"""What a run asks for, and what it makes of answers, those that do not come included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chainrule_client import InvalidRequest
from chainrule_client.classes.session import MOST_BYTES, MOST_ITEMS, Chunk, Session, answers_in, request_of
from chainrule_client.errors import ResponseInvalid, ServerFault
from client.classes.submissions import PROBLEM, RIGHT, submissions

GRADED: dict[str, Any] = {"status": 200, "reply": {"score": 3.0}}


def positions(chunk: Chunk) -> list[int]:
    return [task.position for task in chunk]


def all_of(chunk: Chunk, answer: Any = GRADED) -> dict[int, Any]:
    return dict.fromkeys(positions(chunk), answer)


def test_chunks_are_bounded_and_have_every_submission_once() -> None:
    session = Session(submissions(3 * MOST_ITEMS + 7), PROBLEM)
    chunks = list(session.chunks())
    malformed = {each for each in range(len(session)) if each % 40 == 30}
    assert [position for chunk in chunks for position in positions(chunk)] == [
        position for position in range(len(session)) if position not in malformed
    ]
    assert max(map(len, chunks)) == MOST_ITEMS
    assert session.done == len(malformed)


def test_long_submissions_go_in_few_or_alone() -> None:
    answers = {"outputs": [0.123456789] * (MOST_BYTES // 30)}
    session = Session([{"id": number, "answers": answers} for number in range(5)], PROBLEM)
    assert [len(chunk) for chunk in session.chunks()] == [2, 2, 1]


def test_what_is_asked_is_a_line_an_item() -> None:
    (chunk,) = Session(submissions(5), PROBLEM).chunks()
    request = request_of(chunk)
    assert (request.method, request.path, request.headers["Content-Type"]) == (
        "POST",
        "/v1/batch",
        "application/x-ndjson",
    )
    assert request.body is not None
    assert request.body.count(b'"operation":"grade"') == request.body.count(b"\n") + 1 == 5


def test_what_was_not_answered_is_asked_again_and_in_the_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "resume"
    with Session(submissions(5)[1:], PROBLEM, resume=path) as session:
        (chunk,) = session.chunks()
        busy = {"status": 503, "problem": {"title": "Service Unavailable", "detail": "draining"}}
        left = session.take(chunk, {0: GRADED, 1: busy, 3: GRADED})
        assert positions(left) == [1, 2]
        assert session.take(left, {1: busy}, last=True) == []
        found = session.graded()
    assert [each.report is not None for each in found] == [True, False, False, True]
    assert all(isinstance(each.error, ServerFault) for each in found[1:3])
    with Session(submissions(5)[1:], PROBLEM, resume=path) as session:  # neither is remembered as an answer
        (chunk,) = session.chunks()
        assert positions(chunk) == [1, 2]
        assert session.take(chunk, all_of(chunk)) == []
    with Session(submissions(5)[1:], PROBLEM, resume=path) as session:
        assert list(session.chunks()) == []
        assert len(session.graded()) == 4


def test_a_submission_that_changed_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "resume"
    with Session([{"id": "a", "answers": RIGHT}], PROBLEM, resume=path) as session:
        (chunk,) = session.chunks()
        session.take(chunk, all_of(chunk))
    for changed in ({"answers": {"loss": 1}}, {"answers": RIGHT, "policy": {"places": 2}}):
        with Session([{"id": "a", **changed}], PROBLEM, resume=path) as session:
            assert len(list(session.chunks())) == 1


def test_what_no_request_can_be_made_of_is_an_error_of_its_own() -> None:
    odd: list[dict[str, Any]] = [{"id": 1}, {"id": 2, "answers": [1]}, {"id": 3, "answers": {"grads": {}}}]
    unsendable = {"id": 4, "answers": {}, "inputs": [[float("nan")]]}
    session = Session([*odd, unsendable, {"id": 5, "answers": RIGHT}], PROBLEM)
    (chunk,) = session.chunks()
    session.take(chunk, all_of(chunk))
    found = session.graded()
    assert all(isinstance(each.error, InvalidRequest) for each in found[:4])
    assert "finite" in str(found[3].error)
    assert found[4].report is not None


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["a", "a"], "two submissions are called 'a'"),
        (["a", None], "submission 2: it has no id"),
        ([True, "b"], "submission 1: it has no id"),
        ([1.5], "submission 1: it has no id"),
        ([2**64], "submission 1: its id is an integer of more than 64 bits"),
        ([-(2**63) - 1], "submission 1: its id is an integer of more than 64 bits"),
        (["a", "\ud800"], "submission 2: its id has characters"),
    ],
)
def test_ids_are_wanted_and_tell_submissions_apart(ids: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Session([{"id": id, "answers": {}} for id in ids], PROBLEM)


def test_every_id_that_is_taken_can_be_remembered(tmp_path: Path) -> None:
    given = [{"id": id, "answers": RIGHT} for id in (-(2**63), 2**64 - 1, "", "\u2028\n", "\U0010ffff")]
    for chunks in (1, 0):
        with Session(given, PROBLEM, resume=tmp_path / "resume") as session:
            found = list(session.chunks())
            assert len(found) == chunks
            for chunk in found:
                session.take(chunk, all_of(chunk))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (submissions(2)[1], "a list of submissions is wanted"),
        ([submissions(2)[1], ["id", "b"]], "submission 2 is no mapping"),
        ("class.ndjson", "submission 1 is no mapping"),
    ],
)
def test_submissions_are_mappings(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Session(given, PROBLEM)


def test_a_problem_is_a_mapping() -> None:
    with pytest.raises(ValueError, match="a problem has fields"):
        Session(submissions(2), "nyu-hw1/1.2b")  # type: ignore[arg-type]


def test_a_line_that_was_not_read_is_known_by_its_number() -> None:
    first, second = (list(each) for each in (Session(submissions(60)[1:], PROBLEM).chunks()))
    told = b'{"id": null, "line": 2, "status": 413, "problem": {"title": "Content Too Large"}}\n'
    waited = b'{"id": null, "status": 408, "problem": {"title": "Request Timeout"}}\n'
    for chunk in (first, second):
        refused = {"status": 413, "problem": {"title": "Content Too Large"}}
        assert answers_in(told + waited, "id", chunk) == {chunk[1].position: refused}


@pytest.mark.parametrize(
    "text",
    [b"<html>", b"[1]\n", b'{"id": 1}\n', b'{"id": 0, "status": 200}\n', b'{"id": null, "line": 9, "status": 413}\n'],
)
def test_an_answer_that_is_none_is_said_to_be(text: bytes) -> None:
    (chunk,) = Session(submissions(5), PROBLEM).chunks()
    with pytest.raises(ResponseInvalid, match="not that to a batch"):
        answers_in(text, "id", chunk)

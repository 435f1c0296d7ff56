"""Gradescope's results.json, and who submitted."""

import json

import pytest

from chainrule_client.exporters import deliver, gradescope
from chainrule_client.exporters.gradescope_submission import User, read_submission
from client.exporters.conftest import REPORTS

METADATA = {
    "id": 123,
    "users": [{"id": 7, "email": "ann@example.org", "name": "Ann"}],
    "previous_submissions": [
        {"submission_time": "2024-04-06T14:24:48.087023-07:00", "score": 3.5, "results": {"score": 3.5}},
        {"submission_time": "2024-04-05T14:24:48.087023-07:00", "score": "1.0", "results": {}},
        {"submission_time": "2024-04-07T14:24:48.087023-07:00", "score": None, "results": None},
    ],
}


@pytest.fixture
def metadata(tmp_path):
    path = tmp_path / "submission_metadata.json"
    path.write_text(json.dumps(METADATA))
    return path


def test_a_test_for_each_quantity():
    found = json.loads(gradescope.export(REPORTS["wrong"], execution_time=0.25))
    assert (found["score"], found["execution_time"], found["output"]) == (4.5, 0.25, "4.5 of 6 points")
    assert [
        (test["number"], test["name"], test["score"], test["max_score"], test["status"]) for test in found["tests"]
    ] == [
        ("1", "gradients.y_hat", 0, 1, "failed"),
        ("2", "gradients.W1", 4, 4, "passed"),
        ("3", "gradients.b1", 0.5, 1, "failed"),
    ]


def test_who_submitted_and_what_came_before(metadata):
    found = read_submission(metadata)
    assert (found.id, found.users) == ("123", (User("7", "ann@example.org", "Ann"),))
    assert [each.score for each in found.previous] == [1.0, 3.5, None]
    assert found.last_score == 3.5
    assert found.previous[1].results == {"score": 3.5}


def test_a_fault_of_ours_keeps_the_score_before(metadata):
    found = json.loads(gradescope.failure("the grader failed", metadata=metadata))
    assert found["score"] == 3.5
    assert found["tests"] == []
    assert found["output"].startswith("Not graded: the grader failed. This says nothing about your answers.")
    assert "3.5, is kept" in found["output"]


@pytest.mark.parametrize(
    "text", [None, "", "[]", '{"previous_submissions": 3}', '{"previous_submissions": [{"score": "NaN"}]}', "[" * 9999]
)
def test_without_a_score_before_the_fault_is_still_named(tmp_path, text):
    path = tmp_path / "metadata"
    if text is not None:
        path.write_text(text)
    found = json.loads(gradescope.failure("the grader failed", metadata=path))
    assert found["score"] == 0
    assert "Not graded" in found["output"]
    assert "kept" not in found["output"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"score": "3"}, "score: a finite number is wanted, not str"),
        ({"score": True}, "score: a finite number"),
        ({"output_format": "markdown"}, "output_format: one of text, html"),
        ({"visibility": "shown"}, "visibility: one of hidden"),
        ({"stdout_visibility": "after"}, "stdout_visibility: one of"),
        ({"extra_data": []}, "extra_data"),
        ({"leaderboard": [{"name": "speed", "value": None}]}, "leaderboard[0].value"),
        ({"leaderboard": [{"name": "speed", "value": 3, "order": "down"}]}, "leaderboard[0].order"),
        ({"tests": 3}, "tests: a list is wanted"),
        ({"tests": [3]}, "tests[0]: an object is wanted"),
        ({"tests": [{"number": 1}]}, "tests[0].number: text is wanted"),
        ({"tests": [{"status": "ok"}]}, "tests[0].status: one of passed, failed"),
        ({"tests": [{"max_score": "1"}]}, "tests[0].max_score"),
        ({"tests": [{"tags": "one"}]}, "tests[0].tags"),
        ({"tests": [{"points": 1}]}, "tests[0].points: no such field"),
        ({"tests": [{"visibility": "hidden"}, {}]}, "one hidden test hides the total"),
        ({"scores": 1}, "scores: no such field"),
        ({"output": "oops", "extra_data": {"chainrule": {"graded": False}}}, "not graded"),
    ],
)
def test_each_rule_is_checked(change, says):
    faults = gradescope.validate(json.dumps({"score": 1, **change}))
    assert len(faults) == 1
    assert says in faults[0]


def test_a_score_is_needed_unless_every_test_has_one():
    assert gradescope.validate('{"tests": [{"score": 1}, {"score": 2}]}') == []
    assert "needed" in gradescope.validate('{"tests": [{"score": 1}, {}]}')[0]
    assert "needed" in gradescope.validate('{"tests": []}')[0]


def test_a_visibility_that_gradescope_does_not_know_is_a_fault_of_ours(tmp_path):
    path = tmp_path / "results.json"
    assert not deliver("gradescope", lambda: REPORTS["wrong"], path, options={"visibility": "after_deadline"})
    assert gradescope.validate(path.read_text()) == []
    assert "Not graded" in path.read_text()


def test_all_may_be_hidden():
    hidden = gradescope.export(REPORTS["wrong"], visibility="hidden")
    assert json.loads(hidden)["visibility"] == "hidden"
    assert gradescope.validate(hidden) == []

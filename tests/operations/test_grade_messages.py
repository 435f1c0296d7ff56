"""What a report says of an answer, in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chainrule import operations
from chainrule.api.examples import PROBLEM
from chainrule.operations import Calls
from chainrule.schemas.encoding import encode
from chainrule_client import local


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return operations.run("gradients", {**PROBLEM, "wrt": "all", "backend": "numpy"})


def report(answers: Any, **more: Any) -> dict[str, Any]:
    reply = Calls().parse("grade", encode({**PROBLEM, "answers": answers, **more})).run()
    found: dict[str, Any] = json.loads(encode(reply))
    return found


def message_of(answers: Any, quantity: str, **more: Any) -> str:
    (item,) = [item for item in report(answers, **more)["items"] if item["quantity"] == quantity]
    return str(item["message"])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "there is no answer"),
        ("half", "found text"),
        ({"a": 1}, "found an object"),
        ([1, None], "found null; a tensor holds numbers only"),
        ([[1], [1, 2]], "the array is ragged: row 1 has 2 entries, row 0 has 1"),
        ([1, "half"], "found text; a tensor holds numbers only"),
    ],
)
def test_what_is_no_tensor_is_told_in_one_sentence_however_it_comes(answer: Any, said: str) -> None:
    answers = {"gradients": {"W1": answer}}
    assert message_of(answers, "gradients.W1") == said
    assert local.grade(PROBLEM, answers)["items"][0]["message"] == said
    assert message_of({}, "gradients.W1", points={"gradients.W1": 1}) == "there is no answer"


def test_what_follows_is_not_called_right_where_it_has_no_points(truth: dict[str, Any]) -> None:
    flipped = {name: -truth["gradients"][name] for name in ("a2", "W2")}
    policy = {"follow_through": False}
    for level, source in (("verdict", "an earlier answer of your own"), ("shape", "gradients.a2")):
        said = message_of({"gradients": flipped}, "gradients.W2", policy={**policy, "feedback": level})
        assert said == f"follows from {source}, which costs points here too"
    assert message_of({"gradients": flipped}, "gradients.W2") == "right, given your own earlier work"


def test_the_second_of_two_exchanged_gradients_is_called_that(truth: dict[str, Any]) -> None:
    gradients = truth["gradients"]
    exchanged = {"gradients": {"W1": gradients["W2"], "W2": gradients["W1"]}}
    found = report(exchanged)
    (mistake,) = found["diagnosis"]
    assert mistake["mistake"] == "exchanged"
    (first,), (second,) = mistake["explains"], mistake["follows"]
    assert message_of(exchanged, second) == f"right, but exchanged with {first}"
    told = message_of(exchanged, second, policy={"feedback": "verdict", "follow_through": False})
    assert told == "right, but exchanged with another answer, which costs points here too"

"""grade as an operation: what it takes and refuses, what is planned and computed once, and what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from chainrule import operations
from chainrule.api.examples import PROBLEM
from chainrule.operations import Call, Calls, Refused
from chainrule.operations.grade import Grade
from chainrule.operations.graders import Graders
from chainrule.operations.terms import Terms
from chainrule.schemas.encoding import encode
from chainrule.schemas.replies import GradeReply
from chainrule_client import local

LEVELS = ("verdict", "shape", "count", "indices", "magnitude", "values")


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    return operations.run("gradients", {**PROBLEM, "wrt": "all", "backend": "numpy"})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """One entry for each grader that is made."""
    graders: list[None] = []
    make = Grade._grader

    def counted(self: Grade, *given: Any) -> Any:
        graders.append(None)
        return make(self, *given)

    monkeypatch.setattr(Grade, "_grader", counted)
    return graders


def body(answers: Any, **more: Any) -> bytes:
    return encode({**PROBLEM, "answers": answers, **more})


def report(answers: Any, **more: Any) -> dict[str, Any]:
    reply = encode(Calls().parse("grade", body(answers, **more)).run())
    GradeReply.model_validate_json(reply)
    found: dict[str, Any] = json.loads(reply)
    return found


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {item["quantity"]: item["status"] for item in found["items"]}


def refusal(answers: Any, **more: Any) -> Refused:
    with pytest.raises(Refused) as error:
        Calls().parse("grade", body(answers, **more))
    return error.value


def test_a_whole_reply_of_gradients_is_right(truth: dict[str, Any]) -> None:
    answers = {name: truth[name] for name in ("outputs", "loss", "gradients")}
    found = report(answers)
    assert set(statuses(found).values()) == {"correct"}
    assert found["score"] == found["max_score"] == len(found["items"]) == 11
    assert found["meta"] | {"version": ""} == {
        "version": "", "conventions": 1, "backend": "numpy", "device": "cpu", "dtype": "float64",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (None, "missing"),
        ("none", "shape"),
        (True, "shape"),
        ([], "shape"),
        ([[1, 2], [3]], "shape"),
        ({"a": 1}, "shape"),
        ([1.0], "shape"),
        ("NaN", "nonfinite"),
        ([["NaN", 1], [2, 3], [4, "-Infinity"]], "nonfinite"),
        ([[0, 0], [28.5, 87], [50.25, 295.5]], "correct"),
        ([[0, 0], [28.5, 87], [50.25, 0]], "wrong"),
    ],
)
def test_whatever_an_answer_is_it_is_marked(answer: Any, status: str) -> None:
    assert statuses(report({"gradients": {"W1": answer}})) == {"gradients.W1": status}
    in_process = operations.run("grade", {**PROBLEM, "answers": {"gradients": {"W1": answer}}})
    assert statuses(in_process) == {"gradients.W1": status}


def test_points_name_what_is_missing() -> None:
    found = report({"loss": 166.5625, "outputs": 1}, points={"loss": 2, "gradients.b1": 3})
    assert statuses(found) == {"outputs": "shape", "loss": "correct", "gradients.b1": "missing"}
    assert (found["score"], found["max_score"]) == (2, 5)


@pytest.mark.parametrize(
    ("answers", "more", "pointer", "message"),
    [
        ({"gradients": {"w1": [1]}}, {}, "/answers/gradients/w1", "did you mean W1"),
        ({"values": {"s9": 1}}, {}, "/answers/values/s9", "s1"),
        ({"values": {"W1": [[1]]}}, {}, "/answers/values/W1", "W1 is given"),
        ({"values": {"x": [[1]]}}, {}, "/answers/values/x", "x is given"),
        ({"values": {"C": 1}}, {}, "/answers/values/C", "answer it as loss"),
        ({"gradients": {"C": 1}}, {}, "/answers/gradients/C", "is 1"),
        ({}, {"points": {"values.b2": 1}}, "/points/values.b2", "b2 is given"),
        ({"jacobians": {"y_hat": 1}}, {}, "/answers/jacobians/y_hat", "<of>/<wrt>"),
        ({"jacobians": {"y_hat/q": 1}}, {}, "/answers/jacobians/y_hat~1q", "there are"),
        ({"gradient": {}}, {}, "/answers/gradient", "gradients"),
        ({"gradients.W1": [1]}, {}, "/answers/gradients.W1", r'write {"gradients": {"W1": …}}'),
        ({"jacobians.x/x": [1]}, {}, "/answers/jacobians.x~1x", r'write {"jacobians": {"x/x": …}}'),
        ({}, {"points": {"W1": 1}}, "/points/W1", "gradients.<name>"),
        ([1], {}, "/answers", "object"),
        ({}, {"points": {"gradients.W9": 1}}, "/points/gradients.W9", "W1"),
        ({}, {"points": {"loss": -1}}, "/points/loss", "at least 0"),
        ({}, {"policy": {"rtol": "tight"}}, "/policy/rtol", "number"),
        ({}, {"policy": {"feedback": "all"}}, "/policy/feedback", "verdict"),
        ({}, {"policy": {"places": 3, "atol": 0.1}}, "/policy", "one or the other"),
        ({}, {"polcy": {}}, "/polcy", "policy"),
        ({}, {"layout": "numerator"}, "/layout", "policy.layout"),
        ({}, {"layout": "either"}, "/layout", "policy.layout"),
        ({}, {"layout": None}, "/layout", "policy.layout"),
        ({"loss": 1}, {"loss": None, "targets": None}, "/answers/loss", "there is no loss"),
    ],
)
def test_a_request_that_is_wrong_is_pointed_at(answers: Any, more: Any, pointer: str, message: str) -> None:
    refused = refusal(answers, **more)
    assert (refused.status, refused.faults[0].pointer) == (422, pointer)
    assert message in refused.faults[0].message


def test_torch_may_be_named_beside_the_answers_and_a_problem_on_file_names_no_layout() -> None:
    assert report({"loss": 166.5625}, layout="torch")["score"] == 1
    on_file = {"problem": "nyu-hw1/1.3a", "seed": 7, "answers": {"loss": None}}
    assert json.loads(encode(Calls().parse("grade", encode(on_file)).run()))["items"]
    with pytest.raises(Refused, match=r"^/layout: .*policy\.layout"):
        Calls().parse("grade", encode({**on_file, "layout": "denominator"}))


def test_a_group_that_is_null_is_an_empty_one() -> None:
    answers = {"loss": 166.5625, "values": None, "gradients": None, "jacobians": None}
    assert statuses(report(answers)) == {"loss": "correct"}
    assert local.grade(PROBLEM, answers)["score"] == 1


def test_answers_are_wanted() -> None:
    with pytest.raises(Refused, match="answers is missing"):
        Calls().parse("grade", encode(PROBLEM))
    with pytest.raises(Refused, match="answers is missing"):
        operations.run("grade", PROBLEM)


def test_a_key_given_twice_is_seen_the_second_time_too() -> None:
    calls = Calls()
    calls.parse("grade", encode({**PROBLEM, "answers": {}}))
    for twice in (b'"penalties": [[1]], "penalties": [], ', b'"answers": {"loss": [1]}, '):
        with pytest.raises(Refused, match="same key twice"):
            calls.parse("grade", encode({**PROBLEM, "answers": {}}).replace(b"{", b"{" + twice, 1))


def test_submissions_of_one_problem_are_planned_once_whatever_they_answer(made: list[None]) -> None:
    calls = Calls()
    random = np.random.default_rng(0)
    plans = set()
    for each in (
        {"loss": 1.5},
        {"loss": 2.5},
        {"outputs": random.normal(size=(2, 2)), "gradients": {"W1": random.normal(size=(3, 2))}},
        {"gradients": {"W1": random.normal(size=(1, 7)), "b1": "none", "x": [["NaN"]], "W2": None}},
        {},
    ):
        call = calls.parse("grade", body(each))
        call.run()
        plans.add(id(call.operation.prepared))
    assert len(plans) == 1
    assert len(made) <= 1
    assert len(calls.structures._kept) == 1


def test_other_numbers_have_another_truth(made: list[None]) -> None:
    calls = Calls()
    for scale in (3.0, 5.0, 3.0, 5.0):
        targets = (np.array(PROBLEM["targets"]) * scale).tolist()
        loss = operations.run("loss", {**PROBLEM, "targets": targets, "backend": "numpy"})["loss"]
        found = calls.parse("grade", body({"loss": loss}, targets=targets)).run()
        assert found["score"] == 1
    assert len(made) == 2


def test_graders_are_kept_in_bounded_room() -> None:
    graders: Graders[object] = Graders(room=100)
    owner, numbers = object(), [[np.full(3, float(each))] for each in range(20)]
    made = [graders.get(owner, each, 30, object) for each in numbers]
    assert graders.get(owner, numbers[-1], 30, object) is made[-1]
    assert graders.get(owner, numbers[0], 30, object) is not made[0]
    assert len(graders) == 3
    assert graders.get(object(), numbers[-1], 30, object) is not made[-1]


def test_a_huge_truth_is_not_kept() -> None:
    graders: Graders[object] = Graders()
    first = graders.get(graders, [], 1 << 40, object)
    assert graders.get(graders, [], 1 << 40, object) is not first


def test_no_more_is_told_than_the_terms_allow() -> None:
    answers = {"gradients": {"W1": [[1, 0], [28.5, 87], [50.25, 295.5]], "b1": [[1]]}}
    for most in LEVELS:
        for asked in LEVELS:
            call = Calls().parse("grade", body(answers, policy={"feedback": asked}), Terms(most_told=most))
            assert call.run()["feedback"] == min(most, asked, key=LEVELS.index)


SECRET = np.array([[0.0, 0.0], [28.5, 87.0], [50.25, 295.5]])


@pytest.mark.parametrize("level", LEVELS[:-1])
def test_below_values_nothing_of_the_truth_is_in_the_reply(level: str) -> None:
    answers = {"gradients": {"W1": (SECRET + 0.0625).tolist(), "b1": [[[9.0]]], "W2": None, "b2": "text"}}
    text = json.dumps(report(answers, policy={"feedback": level}))
    for number in ("28.5", "87.0", "50.25", "295.5", "52.5", "206.25", "188.25"):
        assert number not in text, number
    assert ("[3]" in text.replace("[3, 2]", "")) == (level != "verdict"), "the wanted shape of b1"


def test_a_problem_is_refused_for_what_its_truth_would_cost() -> None:
    network = {"parameters": {"W": {"shape": [3000, 2]}}, "layers": [{"op": "linear", "weight": "W"}, {"op": "tanh"}]}
    request = {"network": network, "inputs": [[1.0, 2.0]]}
    with pytest.raises(Refused, match="the limit is"):
        operations.run("grade", {**request, "answers": {"jacobians": {"y_hat/W": 1}}})


def test_no_torch_is_asked_for() -> None:
    call: Call = Calls().parse("grade", body({"loss": 1}, backend="torch", device="cuda:7"))
    assert call.run()["meta"]["backend"] == "numpy"


def test_threads_share_a_grader(truth: dict[str, Any]) -> None:
    calls = Calls()
    wrong = {name: -value for name, value in truth["gradients"].items()}
    bodies = [
        body({"gradients": given}) for given in (truth["gradients"], wrong, {**wrong, "W1": truth["gradients"]["W1"]})
    ]
    expected = [encode(Calls().parse("grade", each).run()) for each in bodies]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda number: encode(calls.parse("grade", bodies[number % 3]).run()), range(60)))
    assert found == expected * 20


def test_an_upstream_stands_in_place_of_a_loss() -> None:
    rng = np.random.default_rng(8)
    weight, upstream, x = rng.normal(size=(5, 3)), rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
    request = {"network": {"layers": [{"op": "linear", "weight": weight}]}, "inputs": x, "upstream": upstream}
    gradients = {"W1": upstream.T @ x, "x": -upstream @ weight}
    reply = operations.run("grade", {**request, "answers": {"gradients": gradients}})
    assert {item["quantity"]: item["status"] for item in reply["items"]} == {
        "gradients.W1": "correct",
        "gradients.x": "wrong",
    }
    assert [each["mistake"] for each in reply["diagnosis"]] == ["sign"]

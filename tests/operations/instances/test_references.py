"""A problem on file in place of a problem's fields, in requests of Python values and in bodies."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from chainrule.operations.calls import OPERATIONS, Calls
from chainrule.operations.instances.generator import Accept, make_instance
from chainrule.operations.instances.library import Library
from chainrule.operations.instances.references import LEAST, Problems
from chainrule.operations.instances.seeds import seed_for
from chainrule.operations.instances.telling_apart import telling_apart
from chainrule.operations.limits import Limits
from chainrule.operations.refusals import Refused

NAMED = {"problem": "nyu-hw1/1.2b", "seed": 7, "backend": "numpy"}
ANN = {"assignment": "hw1", "question": "1.2b", "student": "ann"}


@pytest.fixture
def calls() -> Calls:
    return Calls()


def both_ways(calls: Calls, name: str, request: dict[str, Any]) -> list[Any]:
    """The reply by Python values, by a body, and by the same body again, from what was kept of it."""
    body = orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY)
    return [calls.take(name, request).run(), calls.parse(name, body).run(), calls.parse(name, body).run()]


BESIDE: dict[str, dict[str, Any]] = {
    "validate": {},
    "forward": {"trace": True},
    "loss": {},
    "gradients": {"wrt": ["W2", "x"], "layout": "numerator"},
    "jacobians": {"pairs": [{"of": "y_hat", "wrt": "x"}]},
    "derivation": {"wrt": ["W1"]},
    "flow": {"alternatives": ["tanh"]},
    "graph": {"values": True, "gradients": True},
    "grade": {"answers": {"outputs": [1, 2, 3, 4, 5]}},
    "train": {"steps": 2, "learning_rate": 0.01},
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_name_stands_for_the_whole_problem(name: str, calls: Calls) -> None:
    instance = calls.problems.instance("nyu-hw1/1.2b", 7)
    whole = calls.take(name, {**instance.problem, "backend": "numpy", **BESIDE[name]}).run()
    for reply in both_ways(calls, name, {**NAMED, **BESIDE[name]}):
        if name == "grade":
            assert reply["items"][-1] == {**whole["items"][0]}
            continue
        np.testing.assert_equal(reply, whole)


def test_every_operation_was_tried() -> None:
    assert set(BESIDE) == set(OPERATIONS)


def test_other_seeds_and_other_fields_are_told_apart_though_they_look_alike(calls: Calls) -> None:
    first = calls.problems.instance("nyu-hw1/1.2b", 1).problem["inputs"]
    for seed in (1, 2, 1, 3, 2):
        body = orjson.dumps({**NAMED, "seed": seed, "wrt": ["x"]})
        reply = calls.parse("gradients", body).run()
        x = calls.problems.instance("nyu-hw1/1.2b", seed).problem["inputs"]
        wanted = calls.take("gradients", {**NAMED, "seed": seed, "wrt": ["x"]}).run()
        np.testing.assert_array_equal(reply["outputs"], wanted["outputs"])
        assert np.array_equal(x, first) == (seed == 1)
    upstreams = [[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 2.0]]
    for upstream in upstreams:
        named = {"problem": "nyu-hw1/1.4a", "seed": 1, "backend": "numpy", "wrt": ["x"], "upstream": 1.0}
        softmax = calls.parse("gradients", orjson.dumps({**named, "upstream": upstream[4] + 1})).run()
        np.testing.assert_allclose(softmax["gradients"]["x"].sum(), upstream[4] + 1)


def test_a_marked_problem_brings_its_policy_and_points_and_a_request_may_have_its_own(calls: Calls) -> None:
    answers = {"gradients": {"y_hat": [[1.0, 2, 3, 4, 5]]}}
    named = {"problem": "nyu-hw1/1.2d", "seed": 7, "answers": answers}
    for reply in both_ways(calls, "grade", named):
        assert (reply["score"], reply["max_score"]) == (0, 3)
        assert {item["quantity"]: item["status"] for item in reply["items"]}["jacobians.a1/s1"] == "missing"
        assert reply["feedback"] == "indices"
    own = {**named, "points": {"gradients.y_hat": 5}, "policy": {"feedback": "verdict"}}
    for reply in both_ways(calls, "grade", own):
        assert (reply["max_score"], reply["feedback"]) == (5, "verdict")


@pytest.mark.parametrize(
    ("changes", "pointer", "message"),
    [
        ({"problem": "nyu-hw1/1.2x"}, "/problem", "did you mean"),
        ({"problem": "nyu-hw1"}, "/problem", "no such problem"),
        ({"problem": ""}, "/problem", "at least 1 character"),
        ({"problem": "x" * 201}, "/problem", "at most 200 characters"),
        ({"problem": 3}, "/problem", "text"),
        ({"problem": [1, 2]}, "/problem", "text"),
        ({"problem": {"inputs": [1]}}, "/problem", "the fields of a whole problem stand in its place"),
        ({"seed": -1}, "/seed", "at least 0"),
        ({"seed": 2**64}, "/seed", "at most"),
        ({"seed": 1.0}, "/seed", "integer"),
        ({"seed": True}, "/seed", "integer"),
        ({"seed": None}, "", "seed or by an identity"),
        ({"identity": ANN}, "", "seed or by an identity"),
        ({"seed": None, "identity": ANN}, "/identity", "no secret"),
        ({"seed": None, "identity": {**ANN, "students": 1}}, "/identity/students", "not a field"),
        ({"network": {}}, "/network", "problem's own"),
        ({"inputs": [1]}, "/inputs", "problem's own"),
        ({"targets": [1]}, "/targets", "problem's own"),
        ({"loss": "mse"}, "/loss", "problem's own"),
        ({"penalties": []}, "/penalties", "problem's own"),
        ({"batched": False}, "/batched", "problem's own"),
        ({"wrt": ["W9"]}, "/wrt/0", "no such name"),
        ({"bogus": 1}, "/bogus", "not a field"),
    ],
)
def test_what_cannot_stand_there_is_refused_at_its_place(
    changes: dict[str, Any], pointer: str, message: str, calls: Calls
) -> None:
    request = {**NAMED, **changes}
    for make in (
        (
            lambda: calls.take("gradients", request),
            lambda: calls.parse("gradients", orjson.dumps(request)),
        )
        if request["seed"] != 2**64
        else (lambda: calls.take("gradients", request),)
    ):
        with pytest.raises(Refused, match=message) as refused:
            make()
        assert refused.value.status == 422
        assert refused.value.faults[0].pointer == pointer


def test_an_identity_has_a_seed_where_there_is_a_secret() -> None:
    calls = Calls(problems=Problems(Library(), secret="top secret"))
    of_ann = calls.take("forward", {"problem": "nyu-hw1/1.2b", "identity": ANN, "backend": "numpy"}).run()
    seed = seed_for("top secret", "hw1", "1.2b", "ann", 0)
    np.testing.assert_array_equal(of_ann["outputs"], calls.take("forward", {**NAMED, "seed": seed}).run()["outputs"])
    with pytest.raises(Refused, match="Unicode"):
        calls.take("forward", {"problem": "nyu-hw1/1.2b", "identity": {**ANN, "student": "\ud800"}})


def test_instances_are_kept_in_bounded_room() -> None:
    asked = []

    def check(asks: list[str], *, batched: bool, limits: Limits) -> Accept:
        assert (asks[0], batched) == ("values.s1", False)
        return lambda plan, leaves: asked.append(plan)

    problems = Problems(Library(), check=check, room=3 * (LEAST + 1000))
    for seed in (1, 2, 3, 3, 2, 1):
        problems.instance("nyu-hw1/1.3a", seed)
    assert len(asked) == 3
    for seed in (4, 5, 3):
        problems.instance("nyu-hw1/1.3a", seed)
    assert len(asked) == 6


def test_drawing_gives_the_problem_and_never_what_is_kept() -> None:
    calls = Calls()
    reply = calls.draw({"problem": "nyu-hw1/1.2b", "seed": 7}).run()
    on_file = calls.problems.find("nyu-hw1/1.2b")
    expected = make_instance(on_file.template, 7, telling_apart(on_file.asks, batched=False))
    np.testing.assert_equal(reply["problem"], expected.problem)
    assert (reply["seed"], reply["sizes"], reply["attempt"]) == (7, {"K": 5, "a": 7, "n": 3}, expected.attempt)
    reply["problem"]["inputs"][:] = 99
    np.testing.assert_equal(calls.draw({"problem": "nyu-hw1/1.2b", "seed": 7}).run()["problem"], expected.problem)


def test_drawing_from_a_template_in_a_body() -> None:
    grid = {"shape": ["N", 2], "low": -1, "high": 1, "step": 0.5}
    tree = {"network": {"layers": [{"op": "tanh"}]}, "inputs": grid, "sizes": {"N": [3, 5]}}
    body = orjson.dumps({"template": tree, "seed": 3})
    calls = Calls()
    reply = calls.parse_drawing(body).run()
    np.testing.assert_equal(reply, calls.draw(orjson.loads(body)).run())
    assert reply["problem"]["inputs"].shape == (reply["sizes"]["N"], 2)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (b"{", 400, None),
        (b"[1]", 400, None),
        (b'{"seed": 1, "seed": [1,], "problem": "a"}', 400, None),
        (b"{}", 422, ""),
        (b'{"seed": 1}', 422, ""),
        (b'{"seed": 1, "problem": "a", "template": {"network": {}, "inputs": [1]}}', 422, ""),
        (b'{"seed": 1, "problem": "a"}', 422, "/problem"),
        (b'{"seed": 1, "template": {"network": {"layers": [{"op": "rleu"}]}, "inputs": [1]}}', 422, "/template"),
        (
            b'{"seed": 1, "template": {"network": {"layers": [{"op": "relu"}]}, "inputs": {"shape": [3]}}}',
            422,
            "/template",
        ),
        (b'{"seed": 1, "template": {"network": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b', "inputs": [1]}}', 422, ""),
        (b'{"seed": 1, "template": {"network": ' + b'{"a":' * 80 + b"1" + b"}" * 80 + b', "inputs": [1]}}', 400, None),
    ],
)
def test_what_nothing_can_be_drawn_from_is_refused(body: bytes, status: int, pointer: str | None) -> None:
    with pytest.raises(Refused) as refused:
        Calls().parse_drawing(body).run()
    assert refused.value.status == status
    if pointer is not None:
        assert refused.value.faults[0].pointer.startswith(pointer)


def test_an_attempt_that_is_named_is_drawn_whatever_it_fulfils(calls: Calls) -> None:
    told = calls.draw({"problem": "nyu-hw1/1.2b", "seed": 0}).run()
    assert told["attempt"] > 0
    again = calls.draw({"problem": "nyu-hw1/1.2b", "seed": 0, "attempt": told["attempt"]}).run()
    np.testing.assert_equal(again, told)
    first = calls.draw({"problem": "nyu-hw1/1.2b", "seed": 0, "attempt": 0}).run()
    assert not np.array_equal(first["problem"]["inputs"], told["problem"]["inputs"])
    for reply in both_ways(calls, "forward", {**NAMED, "seed": 0, "attempt": 0}):
        whole = calls.take("forward", {**first["problem"], "backend": "numpy"}).run()
        np.testing.assert_array_equal(reply["outputs"], whole["outputs"])


def test_mistakes_are_told_apart_by_what_is_asked() -> None:
    shape = {"low": -1, "high": 1, "step": 1}
    tree = {"network": {"layers": [{"op": "square"}]}, "inputs": {"shape": [2], **shape}}
    request = {"template": tree, "seed": 1, "asks": ["outputs", "values.square1"]}
    with pytest.raises(Refused, match="tells_apart failed 200 times"):
        Calls().draw(request).run()
    with pytest.raises(Refused, match="no") as refused:
        Calls().draw({**request, "asks": ["outputs", "values.s1"]}).run()
    assert refused.value.faults[0].pointer == "/asks/1"
    with pytest.raises(Refused, match="leave asks out"):
        Calls().draw({"problem": "nyu-hw1/1.2b", "seed": 1, "asks": ["outputs"]})


@pytest.mark.parametrize(
    ("layers", "lengths"), [(300, (2, 2)), (2, (200, 200))], ids=["a network that is deep", "one that is wide"]
)
def test_a_check_that_would_cost_too_much_is_refused_at_once(layers: int, lengths: tuple[int, int]) -> None:
    grid = {"shape": list(lengths), "low": -1, "high": 1, "step": 0.5}
    network = {"layers": [{"op": "tanh"}] * layers}
    asks = ["jacobians.y_hat/x"] if layers == 2 else ["outputs"]
    tree = {"network": network, "inputs": grid, "targets": grid, "loss": "mse"}
    with pytest.raises(Refused, match='"tells_apart": false') as refused:
        Calls().draw({"template": tree, "asks": asks, "seed": 1}).run()
    assert refused.value.title == "Request too costly"
    unchecked = {**tree, "constraints": {"tells_apart": False}}
    assert Calls().draw({"template": unchecked, "seed": 1}).run()["attempt"] == 0

"""Keys that may grade problems on file, as their files have it, and do nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import monotonic
from typing import Any

import httpx
import pytest

from api.batches import NDJSON
from api.in_process import InProcess
from api.keys import hashed, with_key
from api.problems import FORWARD, SOUND
from chainrule.operations import OPERATIONS
from problem_documents import assert_problem

ON_FILE = {"problem": "nyu-hw1/1.2b", "seed": 7}
ANSWERS: dict[str, Any] = {"values": {"s1": [0.5] * 7, "a1": [[1.0]]}, "outputs": None}


@pytest.fixture(scope="module")
def keyed() -> InProcess:
    return InProcess(keys=hashed("all", "both"), grade_keys=hashed("marks", "both"))


def grade(service: InProcess, key: str, **fields: Any) -> httpx.Response:
    return service.post("/v1/grade", json={**ON_FILE, "answers": ANSWERS, **fields}, headers=with_key(key))


def test_a_problem_on_file_is_graded_by_its_file(keyed: InProcess) -> None:
    reply = grade(keyed, "marks")
    assert reply.status_code == 200
    assert reply.json() == grade(keyed, "all").json()
    assert {item["quantity"] for item in reply.json()["items"]} >= {"values.s1", "values.s2", "outputs"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("policy", {"rtol": 1.0}),
        ("points", {"outputs": 100}),
        ("layout", "torch"),
        ("dtype", "float32"),
        ("network", SOUND["network"]),
        ("a~b/c", 1),
    ],
)
def test_nothing_else_is_this_keys_to_say(field: str, value: Any, keyed: InProcess) -> None:
    problem = assert_problem(grade(keyed, "marks", **{field: value}), 403)
    assert problem.errors is not None
    assert [error.pointer for error in problem.errors] == [f"/{field.replace('~', '~0').replace('/', '~1')}"]
    assert problem.errors[0].message.endswith("give problem, seed (or identity), attempt and answers only")


def test_a_problem_of_ones_own_is_not_graded(keyed: InProcess) -> None:
    problem = assert_problem(
        keyed.post("/v1/grade", json={**SOUND, "answers": {"loss": 1}}, headers=with_key("marks")), 403
    )
    assert problem.errors is not None
    assert problem.errors[0].pointer == "/problem"


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "grade"])
def test_nothing_else_is_computed(operation: str, keyed: InProcess) -> None:
    assert_problem(keyed.post(f"/v1/{operation}", json=SOUND, headers=with_key("marks")), 403)
    assert keyed.post("/v1/forward", json=FORWARD, headers=with_key("all")).status_code == 200


def test_nothing_else_is_computed_in_a_batch(keyed: InProcess) -> None:
    items = [
        {"id": 1, "operation": "forward", "request": FORWARD},
        {"id": 2, "operation": "grade", "request": {**ON_FILE, "answers": ANSWERS}},
        {"id": 3, "operation": "grade", "request": {**ON_FILE, "answers": ANSWERS, "policy": {}}},
        {"id": 4, "operation": "gradients", "request": {**ON_FILE, "wrt": "all"}},
    ]
    body = "\n".join(map(json.dumps, items))
    reply = keyed.post("/v1/batch", content=body, headers=with_key("marks", **NDJSON))
    assert [json.loads(line)["status"] for line in reply.text.splitlines()] == [403, 200, 403, 403]


def test_a_key_on_both_lists_may_do_all(keyed: InProcess) -> None:
    assert keyed.post("/v1/forward", json=FORWARD, headers=with_key("both")).status_code == 200
    assert grade(keyed, "both", policy={"feedback": "values"}).json()["feedback"] == "values"


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer other"}, {"Authorization": "Basic marks"}])
def test_with_keys_of_either_kind_a_key_is_wanted(given: Mapping[str, str]) -> None:
    service = InProcess(grade_keys=hashed("marks"))
    for path, body in (("/v1/grade", {**ON_FILE, "answers": ANSWERS}), ("/v1/forward", FORWARD)):
        assert_problem(service.post(path, json=body, headers=dict(given)), 401)
    assert_problem(service.post("/v1/batch", content="", headers={**given, **NDJSON}), 401)


@pytest.mark.parametrize("most", ["verdict", "shape", "count", "indices"])
def test_no_more_is_told_than_the_setting_allows(most: str) -> None:
    service = InProcess(keys=hashed("all"), grade_keys=hashed("marks"), grade_feedback=most)
    found = grade(service, "marks").json()
    assert found["feedback"] == most
    told = {name for item in found["items"] for name in item}
    assert ("wanted_shape" in told) == (most != "verdict")
    assert not {"max_abs", "tolerance", "expected"} & told


def test_below_shape_neither_reply_nor_error_gives_a_wanted_shape_away() -> None:
    service = InProcess(grade_keys=hashed("marks"), grade_feedback="verdict")
    for answers in (
        {"values": {"s1": [1]}},
        {"values": {"s1": [[1], []]}},
        {"values": {"s1": "7"}},
        {"values": {"S": 1}},
    ):
        text = service.post("/v1/grade", json={**ON_FILE, "answers": answers}, headers=with_key("marks")).text
        assert "[7]" not in text


def test_calls_are_counted_and_one_too_many_is_told_when_to_come_back() -> None:
    service = InProcess(keys=hashed("all"), grade_keys=hashed("marks", "others"), grade_rate=0.001, grade_burst=3)
    started = monotonic()
    assert [grade(service, "marks").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = grade(service, "marks")
    assert_problem(refused, 429)
    assert refused.json()["type"] == "urn:chainrule:problem:too-many-requests"
    assert 1000 - (monotonic() - started) <= int(refused.headers["Retry-After"]) <= 1000
    assert grade(service, "others").status_code == 200
    assert [grade(service, "all").status_code for _ in range(5)] == [200] * 5


def test_a_batch_waits_instead() -> None:
    service = InProcess(grade_keys=hashed("marks"), grade_rate=20, grade_burst=2)
    item = {"operation": "grade", "request": {**ON_FILE, "answers": ANSWERS}}
    body = "\n".join(json.dumps({"id": number, **item}) for number in range(6))
    reply = service.post("/v1/batch", content=body, headers=with_key("marks", **NDJSON))
    assert [json.loads(line)["status"] for line in reply.text.splitlines()] == [200] * 6
    assert reply.elapsed.total_seconds() > 0.15

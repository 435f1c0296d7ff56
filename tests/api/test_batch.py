"""Batches: a line an item, each answered as it is alone, whatever else is in the batch."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from api.batches import NDJSON, item
from api.in_process import InProcess
from api.problems import FORWARD, OUTPUTS
from chainrule.api.batch import PORTION
from chainrule.api.examples import EXAMPLES
from chainrule.api.items import Items
from chainrule.schemas.batch import BatchReply
from problem_documents import assert_problem


def answered(service: InProcess, *lines: Any) -> list[dict[str, Any]]:
    body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    reply = service.post("/v1/batch", content=body, headers=NDJSON)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/x-ndjson")
    found = [json.loads(line) for line in reply.text.splitlines()]
    for each in found:
        BatchReply.model_validate(each)
    return found


def test_every_example_is_answered_as_it_is_alone(in_process: InProcess) -> None:
    calls = [
        (operation, body)
        for operation, shown in EXAMPLES.items()
        if operation != "instances"
        for _, body in shown.values()
    ]
    found = answered(in_process, *(item(number, body, name) for number, (name, body) in enumerate(calls)))
    assert [each["id"] for each in found] == list(range(len(calls)))
    for each, (name, body) in zip(found, calls, strict=True):
        assert each == {"id": each["id"], "status": 200, "reply": in_process.post(f"/v1/{name}", json=body).json()}


def test_what_is_wrong_with_an_item_is_told_in_its_place(in_process: InProcess) -> None:
    found = answered(
        in_process,
        item("first"),
        item("wrong", {**FORWARD, "inputs": [[1.0]]}),
        b"nonsense",
        b"",
        b"[1, 2]",
        item("text", {**FORWARD, "inputs": [["NaN", 1.0]]}),
        item("odd", operation="fowrard"),
        item(True),
        item("x" * 201),
        item([1]),
        {"id": "less"},
        {**item("more"), "a/b": [1, 2]},
        item("listed", [1]),
        b'{"id": "nul", "operation": "forward", "request": {"network": "\0"}}',
        b'{"id": "twice", "operation": "forward", "request": {"inputs": [1], "inputs": [2]}}',
        item("last"),
    )
    told = [(each["id"], each["status"], each.get("line")) for each in found]
    assert told == [
        ("first", 200, None),
        ("wrong", 422, None),
        (None, 400, 3),
        (None, 400, 5),
        ("text", 422, None),
        ("odd", 422, None),
        (None, 422, 8),
        (None, 422, 9),
        (None, 422, 10),
        ("less", 422, None),
        ("more", 422, None),
        ("listed", 422, None),
        (None, 400, 14),
        ("twice", 400, None),
        ("last", 200, None),
    ]
    alone = in_process.post("/v1/forward", json={**FORWARD, "inputs": [[1.0]]}).json()
    assert {**found[1]["problem"], "request_id": ""} == {**alone, "request_id": ""}
    assert [error["pointer"] for error in found[9]["problem"]["errors"]] == ["/operation", "/request"]
    assert [error["pointer"] for error in found[10]["problem"]["errors"]] == ["/a~1b"]
    assert "forward" in found[5]["problem"]["errors"][0]["message"]
    assert found[0]["reply"]["outputs"] == found[-1]["reply"]["outputs"] == OUTPUTS


def test_a_fault_of_ours_fails_one_item(monkeypatch: pytest.MonkeyPatch, in_process: InProcess) -> None:
    parse = type(in_process.app.calls).parse_part

    def failing(self: Any, name: str, tree: Any, *rest: Any) -> Any:
        if tree.get("trace"):
            raise MemoryError if tree["trace"] == "memory" else ZeroDivisionError
        return parse(self, name, tree, *rest)

    monkeypatch.setattr(type(in_process.app.calls), "parse_part", failing)
    requests = [FORWARD, {**FORWARD, "trace": True}, {**FORWARD, "trace": "memory"}, FORWARD]
    found = answered(in_process, *(item(number, request) for number, request in enumerate(requests)))
    assert [each["status"] for each in found] == [200, 500, 503, 200]


def test_a_line_that_is_too_long_fails_alone() -> None:
    service = InProcess(max_body_bytes=2_000)
    found = answered(service, item(1), json.dumps(item(2)).encode().ljust(5_000), item(3))
    assert [(each["id"], each["status"]) for each in found] == [(1, 200), (None, 413), (3, 200)]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", None])
def test_another_content_type_is_refused(kind: str | None, in_process: InProcess) -> None:
    assert_problem(in_process.post("/v1/batch", content=b"", headers={"Content-Type": kind} if kind else {}), 415)


def test_an_empty_batch_has_an_empty_answer(in_process: InProcess) -> None:
    assert answered(in_process) == []
    assert answered(in_process, b"", b"  ") == []


def test_a_portion_is_thought_to_take_as_long_as_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    service, took = InProcess(), 2 * PORTION
    estimates: list[float] = []
    ready, submit = Items.ready, service.app.workers.submit_beside

    def slow(self: Items, item: Any) -> Any:
        time.sleep(took)
        return ready(self, item)

    def noted(work: Any, seconds: float) -> Any:
        estimates.append(seconds)
        return submit(work, seconds)

    monkeypatch.setattr(Items, "ready", slow)
    monkeypatch.setattr(service.app.workers, "submit_beside", noted)
    lines = [item(number, {**FORWARD, "trace": True}) for number in range(3)]
    for _ in range(2):
        assert [each["status"] for each in answered(service, *lines)] == [200] * 3
    first, *others = estimates
    assert first < PORTION, "nothing has been measured yet"
    assert len(others) == 5
    assert min(others) >= took, "and of another batch it is known by its length"

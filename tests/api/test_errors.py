"""Errors have one shape, point into the body where it is at fault, are bounded, and never quote what was sent."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from api.in_process import JSON, InProcess
from api.problems import FORWARD, LINEAR, SOUND
from problem_documents import assert_problem

POINTED: dict[str, tuple[str, dict[str, Any], str]] = {
    "field that is none": ("forward", {**FORWARD, "bogus": 1}, "/bogus"),
    "field left out": ("forward", {"network": SOUND["network"]}, "/inputs"),
    "field of another type": ("forward", {**FORWARD, "batched": "yes"}, "/batched"),
    "choice that is none": ("forward", {**FORWARD, "dtype": "float16"}, "/dtype"),
    "op that is none": (
        "forward",
        {**FORWARD, "network": {"layers": [LINEAR, {"op": "rleu"}]}},
        "/network/layers/1/op",
    ),
    "option that is none": (
        "forward",
        {**FORWARD, "network": {"layers": [{**LINEAR, "wieght": 1}]}},
        "/network/layers/0/wieght",
    ),
    "key with a slash and a tilde": ("forward", {**FORWARD, "a/b~c": 1}, "/a~1b~0c"),
    "ragged tensor": ("forward", {**FORWARD, "inputs": [[1.0], [1.0, 2.0]]}, "/inputs"),
    "empty tensor": ("forward", {**FORWARD, "inputs": []}, "/inputs"),
    "text for a tensor": ("forward", {**FORWARD, "inputs": "1, 2"}, "/inputs"),
    "named input that does not fit": ("forward", {**FORWARD, "inputs": {"in": [["a"]]}}, "/inputs/in"),
    "weight that does not fit": (
        "forward",
        {**FORWARD, "network": {"layers": [{**LINEAR, "weight": [[1.0], [2.0]]}]}},
        "/network/layers/0/weight",
    ),
    "targets that do not fit": ("loss", {**SOUND, "targets": [[1.0, 2.0]]}, "/targets"),
    "name that is none": ("gradients", {**SOUND, "wrt": ["W1", "W9"]}, "/wrt/1"),
    "pair that is none": ("jacobians", {**FORWARD, "pairs": [{"of": "y_hat", "wrt": "W9"}]}, "/pairs/0/wrt"),
}


@pytest.mark.parametrize("case", POINTED)
def test_a_fault_in_the_body_is_pointed_at(case: str, in_process: InProcess) -> None:
    operation, body, pointer = POINTED[case]
    problem = assert_problem(in_process.post(f"/v1/{operation}", json=body), 422)
    assert problem.errors is not None
    assert [error.pointer for error in problem.errors][:1] == [pointer]
    assert problem.error_count == len(problem.errors)


@pytest.mark.parametrize("case", POINTED)
def test_a_pointer_leads_to_what_is_there(case: str, in_process: InProcess) -> None:
    operation, body, _ = POINTED[case]
    problem = assert_problem(in_process.post(f"/v1/{operation}", json=body), 422)
    for error in problem.errors or ():
        *above, last = [part.replace("~1", "/").replace("~0", "~") for part in error.pointer.split("/")[1:]]
        found: Any = body
        for part in above:
            found = found[int(part)] if isinstance(found, list) else found[part]
        there = isinstance(found, list) or last in found
        assert there or "is missing" in error.message


@pytest.mark.parametrize("count", [1, 20, 21, 500])
def test_the_first_20_faults_are_told_and_all_are_counted(count: int, in_process: InProcess) -> None:
    body = {**FORWARD, **{f"bogus{i}": i for i in range(count)}}
    problem = assert_problem(in_process.post("/v1/forward", json=body), 422)
    assert problem.errors is not None
    assert (len(problem.errors), problem.error_count) == (min(count, 20), count)
    assert len({error.pointer for error in problem.errors}) == len(problem.errors)


def test_a_long_message_is_cut(in_process: InProcess) -> None:
    """Keys are named by the pointers, so the longest are those of keys as long as a body allows."""
    keys = {"ключ" * 2_000 + str(i): 1 for i in range(30)}
    network = {"layers": [{**LINEAR, "name": f"{'n' * 90}{i}"} for i in range(60)]}
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("forward", {**FORWARD, **keys}),
        ("gradients", {**SOUND, "network": network, "wrt": ["nothing"]}),
        ("forward", {**FORWARD, "network": {"layers": [{"op": "o" * 10_000}]}}),
    ]
    for operation, body in bodies:
        reply = in_process.post(f"/v1/{operation}", json=body)
        problem = assert_problem(reply, 422)
        assert len(problem.detail) <= 2_000
        assert all(len(error.message) <= 2_000 for error in problem.errors or ())


SECRET = "aSecretOfTheCaller"
LEAKING: dict[str, dict[str, Any]] = {
    field: {**SOUND, field: SECRET} for field in ("dtype", "device", "backend", "layout", "loss", "targets", "inputs")
} | {
    "network": {**SOUND, "network": SECRET},
    "op": {**SOUND, "network": {"layers": [{"op": SECRET}]}},
    "name": {**SOUND, "network": {"layers": [{**LINEAR, "name": f"{SECRET} /"}]}},
    "parameter": {**SOUND, "network": {"layers": [{**LINEAR, "weight": f"{SECRET} /"}]}},
    "option": {**SOUND, "loss": {"op": "mse", "reduction": SECRET}},
    "wrt": {**SOUND, "wrt": [SECRET]},
    "list of words": {**SOUND, "penalties": [SECRET]},
    "tensor": {**SOUND, "inputs": [[SECRET]]},
    "number": {**SOUND, "inputs": [[1.0, 8.7654321e300], [8.7654321e300]]},
}


@pytest.mark.parametrize("case", LEAKING)
def test_no_value_that_was_sent_comes_back(case: str, in_process: InProcess) -> None:
    reply = in_process.post("/v1/gradients", json=LEAKING[case])
    assert_problem(reply, 422)
    assert SECRET.lower() not in reply.text.lower()
    assert "8.765" not in reply.text


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b'{"network": ' + SECRET.encode(), b'["' + SECRET.encode() + b'"]', b"null", b"\xff\xfe{}", b"{}{}"],
)
def test_what_is_no_json_object_is_400_without_pointers(body: bytes, in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", content=body, headers=JSON)
    problem = assert_problem(reply, 400)
    assert problem.errors is None
    assert problem.error_count is None
    assert SECRET not in reply.text


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/forward/", "/v1/Forward", "/v2/forward", "/favicon.ico", "/v1/ops/x"]
)
def test_a_path_that_is_none_is_404(path: str, in_process: InProcess) -> None:
    problem = assert_problem(in_process.get(path), 404)
    assert problem.type == "urn:chainrule:problem:not-found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/forward", "POST"),
        ("PUT", "/v1/gradients", "POST"),
        ("OPTIONS", "/v1/jacobians", "POST"),
        ("POST", "/v1/ops", "GET"),
        ("DELETE", "/v1/ops/relu", "GET"),
        ("POST", "/livez", "GET"),
        ("POST", "/", "GET"),
        ("BREW", "/v1/loss", "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_405_and_says_which_it_takes(
    method: str, path: str, allowed: str, in_process: InProcess
) -> None:
    reply = in_process.request(method, path)
    assert_problem(reply, 405)
    assert allowed in [name.strip() for name in reply.headers["Allow"].split(",")]


def test_every_title_has_its_own_type_and_neither_depends_on_the_python(client: httpx.Client) -> None:
    replies = {
        "not-found": client.get("/nothing"),
        "method-not-allowed": client.delete("/v1/forward"),
        "content-too-large": client.post("/v1/forward", content=b" " * 60_000, headers=JSON),
        "unsupported-media-type": client.post("/v1/forward", content=b"{}"),
        "request-not-json": client.post("/v1/forward", content=b"{", headers=JSON),
        "request-not-valid": client.post("/v1/forward", json={}),
        "bad-request": client.post("/v1/forward", json=FORWARD, headers={"X-Request-Timeout": "soon"}),
    }
    assert {name: reply.json()["type"] for name, reply in replies.items()} == {
        name: f"urn:chainrule:problem:{name}" for name in replies
    }


def test_a_fault_of_ours_is_500_and_tells_the_log_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = InProcess()

    def fail(*_: object) -> None:
        raise RuntimeError(f"inside: {SECRET}")

    monkeypatch.setattr(faulty.app.calls, "recall", fail)
    bodies = {"at once": FORWARD, "in a thread": {**FORWARD, "inputs": [[1.0, 2.0]] * 5_000}}
    for body in bodies.values():
        reply = faulty.post("/v1/forward", json=body)
        problem = assert_problem(reply, 500)
        assert SECRET not in reply.text
        logged = [record for record in caplog.records if record.exc_info and record.exc_info[0] is RuntimeError]
        assert [getattr(record, "request", {}).get("request_id") for record in logged] == [problem.request_id]
        caplog.clear()


def test_a_fault_of_ours_in_a_page_is_500_too(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = InProcess()
    monkeypatch.setattr("chainrule.api.reference.information", lambda _: 1 / 0)
    assert_problem(faulty.get("/v1/info"), 500)


@pytest.mark.parametrize(
    "shortage", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_want_of_memory_is_503_and_says_when_to_try_again(shortage: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    short = InProcess(retry_after=7)

    def fail(*_: object) -> None:
        raise shortage

    monkeypatch.setattr(short.app.calls, "recall", fail)
    for body in (FORWARD, {**FORWARD, "inputs": [[1.0, 2.0]] * 5_000}):
        reply = short.post("/v1/forward", content=json.dumps(body), headers=JSON)
        assert_problem(reply, 503)
        assert reply.headers["Retry-After"] == "7"
    monkeypatch.undo()
    assert short.post("/v1/forward", json=FORWARD).status_code == 200

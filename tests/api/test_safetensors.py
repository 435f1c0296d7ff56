"""Requests and replies as safetensors: the same numbers as in JSON, at every endpoint that computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
import safetensors.numpy

from api.in_process import InProcess
from api.problems import FORWARD, OUTPUTS, SOUND
from chainrule.api.examples import EXAMPLES, PROBLEM
from chainrule.schemas.binary import REPLY, REQUEST, read_tree, write_tree
from chainrule.schemas.encoding import to_array
from problem_documents import assert_problem

KIND = "application/vnd.safetensors"
SHOWN = [(operation, name) for operation, examples in EXAMPLES.items() for name in examples]
STRUCTURE = {"shape", "values", "class_weights", "K", "choose", "axes", "options"}
"""Fields whose lists are no tensors."""


def lifted(tree: Any, field: str = "") -> Any:
    """The tree with an array for each tensor that it spells."""
    if isinstance(tree, dict):
        return {name: item if name in STRUCTURE else lifted(item, name) for name, item in tree.items()}
    if not isinstance(tree, list):
        return tree
    if not any(isinstance(item, dict | str) for item in tree):
        array = np.array(tree)
        return array if array.dtype.kind == "f" or field == "targets" else tree
    return [lifted(item) for item in tree]


def packed(request: dict[str, Any]) -> bytes:
    return b"".join(write_tree(request, REQUEST))


def post(service: InProcess, operation: str, request: dict[str, Any], accept: str = KIND) -> httpx.Response:
    headers = {"Content-Type": KIND, "Accept": accept}
    return service.post(f"/v1/{operation}", content=packed(request), headers=headers)


@pytest.mark.parametrize("kind", [KIND.upper(), f" {KIND} ;", f"{KIND};;"])
def test_the_type_is_known_by_any_spelling(kind: str, in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", content=packed(FORWARD), headers={"Content-Type": kind})
    assert reply.json()["outputs"] == OUTPUTS


def test_a_form_is_known_from_several_headers(in_process: InProcess) -> None:
    headers = [("Content-Type", KIND), ("Accept", KIND), ("Accept", "text/plain")]
    for given in (headers, headers[::-1]):
        reply = in_process.post("/v1/forward", content=packed(FORWARD), headers=given)
        assert reply.headers["Content-Type"] == KIND


def assert_same(spelled: Any, packed: Any) -> None:
    """A reply in JSON and one in tensors hold the same."""
    if isinstance(packed, np.ndarray):
        np.testing.assert_array_equal(to_array(spelled).astype(packed.dtype), packed, strict=True)
    elif isinstance(packed, dict):
        assert list(spelled) == list(packed)
        for name in packed:
            assert_same(spelled[name], packed[name])
    elif isinstance(packed, list):
        assert len(spelled) == len(packed)
        for one, other in zip(spelled, packed, strict=True):
            assert_same(one, other)
    else:
        assert spelled == packed


def arrays(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, np.ndarray):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from arrays(part)


@pytest.mark.parametrize(("operation", "name"), SHOWN)
def test_every_example_is_answered_alike_in_either_form(operation: str, name: str, in_process: InProcess) -> None:
    request = EXAMPLES[operation][name][1]
    spelled = in_process.post(f"/v1/{operation}", json=request)
    files = post(in_process, operation, lifted(request))
    assert (files.status_code, files.headers["content-type"]) == (200, KIND), files.text
    assert_same(spelled.json(), read_tree(files.content, REPLY))
    mixed = post(in_process, operation, lifted(request), "application/json")
    assert mixed.headers["content-type"] == "application/json"
    assert_same(spelled.json(), mixed.json())


def test_a_reply_in_safetensors_may_be_had_of_a_request_in_json(in_process: InProcess) -> None:
    reply = in_process.post("/v1/gradients", json=PROBLEM, headers={"Accept": f"application/json;q=0.5, {KIND}"})
    tensors = safetensors.numpy.load(reply.content)
    assert set(tensors) == {"outputs", *(f"gradients.{name}" for name in ("W1", "b1", "W2", "b2"))}
    found = in_process.post("/v1/gradients", json=PROBLEM).json()
    np.testing.assert_array_equal(tensors["gradients.W1"], found["gradients"]["W1"])


def test_a_reply_may_have_more_axes_than_a_request(in_process: InProcess) -> None:
    layers = [{"op": "reshape", "shape": [2] * 8}, {"op": "scale", "factor": 3}]
    pairs = [{"of": "scale1", "wrt": "reshape1"}]
    request = {"network": {"layers": layers}, "inputs": np.arange(256.0)[None], "pairs": pairs}
    found = read_tree(post(in_process, "jacobians", request).content, REPLY)["jacobians"]["scale1/reshape1"]
    assert found["value"].shape == (1, *[2] * 16)
    np.testing.assert_array_equal(found["value"].reshape((256, 256)), 3 * np.eye(256))
    problem = assert_problem(post(in_process, "forward", {**request, "inputs": np.ones((1,) * 9)}), 400)
    assert "a shape of at most 8 lengths" in problem.detail


def test_errors_stay_problems(in_process: InProcess) -> None:
    assert_problem(post(in_process, "gradients", {**lifted(PROBLEM), "los": "mse"}), 422)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_single_precision_stays_what_it_is(backend: str, in_process: InProcess) -> None:
    inputs = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    request = {"network": {"layers": [{"op": "identity"}]}, "inputs": inputs, "dtype": "float32", "backend": backend}
    found = read_tree(post(in_process, "forward", request).content, REPLY)
    np.testing.assert_array_equal(found["outputs"], inputs, strict=True)
    wide = read_tree(post(in_process, "forward", {**request, "dtype": "float64"}).content, REPLY)
    np.testing.assert_array_equal(wide["outputs"], inputs.astype(np.float64), strict=True)


def test_a_verification_does_not_suffer_from_single_precision(in_process: InProcess) -> None:
    narrow = {
        "network": {"layers": [{"op": "tanh"}]},
        "inputs": np.float32([[0.1, 0.7]]),
        "upstream": np.float32([[1, 1]]),
    }
    found = read_tree(post(in_process, "gradients", {**narrow, "wrt": ["x"], "verify": True}).content, REPLY)
    assert found["verification"]["passed"]
    assert found["verification"]["deviations"]["x"] < 1e-9


@pytest.mark.parametrize("dtype", ["i4", "i8"])
def test_integers_of_any_width_are_classes_and_floats_are_not(dtype: str, in_process: InProcess) -> None:
    request = {
        "network": {"layers": [{"op": "identity"}]},
        "inputs": np.eye(3),
        "targets": np.array([2, 0, 1], dtype),
        "loss": "cross_entropy",
        "wrt": ["x"],
    }
    found = read_tree(post(in_process, "gradients", request).content, REPLY)
    spelled = {**request, "inputs": np.eye(3).tolist(), "targets": [2, 0, 1]}
    assert_same(in_process.post("/v1/gradients", json=spelled).json(), found)
    assert_problem(post(in_process, "gradients", {**request, "targets": np.array([2.0, 0, 1])}), 422)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_but_in_answers(value: float, in_process: InProcess) -> None:
    spoilt = {**lifted(SOUND), "inputs": np.array([[1.0, value]]), "targets": np.array([[1.0]])}
    problem = assert_problem(post(in_process, "loss", spoilt), 422)
    assert problem.errors is not None
    assert problem.errors[0].pointer == "/inputs"
    answers = {"outputs": np.array([[value], [5.0]], "f4"), "loss": 13.625}
    report = post(in_process, "grade", {**lifted(SOUND), "answers": answers}, "application/json").json()
    assert [item["status"] for item in report["items"]] == ["nonfinite", "correct"]


def test_results_that_are_not_finite_travel_as_numbers_and_are_warned_of(in_process: InProcess) -> None:
    request = {"network": {"layers": [{"op": "exp"}]}, "inputs": np.array([[1e4, 0.0]])}
    found = read_tree(post(in_process, "forward", request).content, REPLY)
    np.testing.assert_array_equal(found["outputs"], [[np.inf, 1.0]])
    assert found["warnings"] == ["not finite: outputs"]


def test_a_training_may_be_watched_whose_request_is_a_file(in_process: InProcess) -> None:
    request = lifted(EXAMPLES["train"][next(iter(EXAMPLES["train"]))][1])
    reply = post(in_process, "train", request, "text/event-stream")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert b"event: reply" in reply.content


def test_structures_are_shared_by_requests_whose_tensors_have_other_names(in_process: InProcess) -> None:
    calls = in_process.app.calls
    request = {"network": {"layers": [{"op": "tanh", "name": "only_here"}]}, "inputs": np.ones((2, 3))}
    one = calls.parse_file("forward", packed(request))
    text = orjson.dumps({"network": request["network"], "inputs": {"$tensor": "a name"}}).decode()
    other = calls.parse_file("forward", safetensors.numpy.save({"a name": np.zeros((2, 3))}, {REQUEST: text}))
    assert other.operation is one.operation  # type: ignore[union-attr]


def test_a_batch_is_lines_of_json(in_process: InProcess) -> None:
    assert_problem(post(in_process, "batch", lifted(SOUND)), 415)

"""What is kept of one request never shows in the answer to another: any order gives the same replies."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from api.in_process import InProcess
from chainrule.api import Settings, create_app
from chainrule.api.examples import PROBLEM, TARGETS

Request = tuple[str, dict[str, Any]]


def reshaped(*shape: int, inputs: list[list[float]]) -> Request:
    return "forward", {"network": {"layers": [{"op": "reshape", "shape": list(shape)}]}, "inputs": inputs}


def classified(targets: list[Any], inputs: list[list[float]]) -> Request:
    layers = [{"op": "linear", "weight": [[1.0, 0.5], [0.25, -1.0], [0.5, 0.5]]}]
    return "loss", {"network": {"layers": layers}, "inputs": inputs, "targets": targets, "loss": "cross_entropy"}


def drawn(*shape: int, seed: int = 1, inputs: list[list[float]]) -> Request:
    parameters = {"W": {"shape": list(shape), "seed": seed}}
    return "forward", {
        "network": {"parameters": parameters, "layers": [{"op": "linear", "weight": "W"}]},
        "inputs": inputs,
    }


def weighted(weights: Sequence[float], targets: list[int]) -> Request:
    loss = {"op": "cross_entropy", "class_weights": weights}
    return "loss", {"network": {"layers": [{"op": "tanh"}]}, "inputs": [[0.5, -1.0]], "targets": targets, "loss": loss}


def subtracted(*taken: str) -> Request:
    nodes = [{"name": "f", "op": "tanh", "inputs": ["x"]}, {"name": "d", "op": "sub", "inputs": list(taken)}]
    return "forward", {"network": {"nodes": nodes, "output": "d"}, "inputs": PAIR}


PAIR = [[1.0, 2.0], [-1.0, 0.5]]
FOUR = [[1.0, 2.0, 3.0, 4.0]]

ALIKE: dict[str, list[Request]] = {
    "other numbers": [
        ("gradients", {**PROBLEM, "inputs": inputs}) for inputs in (PAIR, [[3.0, 4.0], [5.0, 6.0]], [[0.0, 0.0]] * 2)
    ],
    "other numbers of examples": [
        ("loss", {**PROBLEM, "inputs": PAIR[:n] * k, "targets": TARGETS[:n] * k}) for n in (1, 2) for k in (1, 2, 3)
    ],
    "other shapes to reshape to": [
        reshaped(*shape, inputs=inputs)
        for shape in ((2, 2), (4, 1), (1, 4), (4,), (-1, 2), (3, 3))
        for inputs in (FOUR, FOUR * 2)
    ],
    "integers and floats for targets": [
        classified(targets, inputs)
        for inputs in (PAIR, PAIR[::-1])
        for targets in (
            [2, 0],
            [0, 2],
            [2.0, 0.0],
            [2, 0.0],
            [3, 0],
            [-1, 0],
            [[0, 0, 1], [1, 0, 0]],
            [[0.0, 0.5, 0.5]] * 2,
        )
    ],
    "integers and floats for weights": [
        ("gradients", {**PROBLEM, "network": {"layers": [{"op": "linear", "weight": weight}]}})
        for weight in (
            [[1, 2], [3, 4]],
            [[1.0, 2.0], [3.0, 4.0]],
            [[1.5, 2], [3, 4]],
            [[1, 2], [3]],
            [[1, 2], [3, None]],
        )
    ],
    "other names": [
        ("gradients", {**PROBLEM, "wrt": wrt}) for wrt in (["W1"], ["W2"], ["b1", "x"], ["x", "b1"], ["W9"], [], ["C"])
    ],
    "other pairs": [
        ("jacobians", {**PROBLEM, "pairs": [{"of": of, "wrt": wrt}], "form": form})
        for of, wrt in (("y_hat", "W1"), ("a1", "s1"), ("s1", "x"))
        for form in ("dense", "structured")
    ],
    "other drawn parameters": [
        drawn(*shape, seed=seed, inputs=PAIR) for shape in ((1, 2), (2, 2), (2, 1)) for seed in (1, 2)
    ],
    "other lists of options": [
        weighted(weights, targets) for weights in ([1.0, 2.0], [2.0, 1.0], [1, 2], [1.0]) for targets in ([0], [1])
    ],
    "other inputs of a node": [
        subtracted(*taken) for taken in (("f", "x"), ("x", "f"), ("f", "f"), ("f",), ("f", "z"))
    ],
    "other operations": [(operation, PROBLEM) for operation in ("validate", "forward", "loss", "gradients")],
    "other settings of the computation": [
        ("gradients", {**PROBLEM, **other})
        for other in (
            {},
            {"dtype": "float32"},
            {"backend": "numpy"},
            {"layout": "numerator"},
            {"layout": "denominator"},
        )
    ],
    "batched and not": [
        ("forward", {"network": PROBLEM["network"], "inputs": inputs, "batched": batched})
        for inputs in (PAIR, PAIR[0])
        for batched in (True, False)
    ],
}


def answers(service: InProcess, requests: list[Request]) -> list[tuple[int, Any]]:
    replies = [service.post(f"/v1/{operation}", json=body) for operation, body in requests]
    return [(reply.status_code, without_id(reply.json())) for reply in replies]


def without_id(reply: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name != "request_id"}


@pytest.mark.parametrize("kind", ALIKE)
def test_requests_that_are_alike_are_answered_as_if_each_were_the_first(kind: str) -> None:
    requests = ALIKE[kind]
    firsts = [answers(InProcess(), [request])[0] for request in requests]
    assert 200 in {status for status, _ in firsts}
    assert len({json.dumps(reply) for _, reply in firsts}) > 1
    for seed in range(3):
        order = list(range(len(requests))) * 2
        random.Random(seed).shuffle(order)
        found = answers(InProcess(), [requests[i] for i in order])
        assert found == [firsts[i] for i in order]


def test_class_targets_written_as_floats_are_refused_after_integers_were_taken(in_process: InProcess) -> None:
    """The same words around numbers of the same shape, so only a look at the numbers themselves tells them apart."""
    statuses = [answers(in_process, [classified(targets, PAIR)])[0][0] for targets in ([2, 0], [2.0, 0.0], [1, 1])]
    assert statuses == [200, 422, 200]


def deep(number: int) -> Request:
    """A structure of a few thousand characters."""
    layers = [{"op": "relu" if i == number else "tanh"} for i in range(300)]
    return "forward", {"network": {"layers": layers}, "inputs": PAIR}


@pytest.mark.parametrize(("memory", "known"), [(1 << 30, 3), (4 << 20, 0)], ids=["plenty", "short"])
def test_less_is_kept_where_memory_is_short(memory: int, known: int) -> None:
    service = InProcess()
    service.app = create_app(Settings(max_memory_bytes=1 << 20, concurrency=1).within(memory))
    requests = [deep(number) for number in range(3)]
    assert {status for status, _ in answers(service, requests * 2)} == {200}
    assert service.app.calls.structures.known == known

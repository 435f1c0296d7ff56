"""Refusals point into the request and say what to write instead."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import orjson
import pytest

from chainrule.operations import Calls, Limits, Refused

RELU = {"op": "relu"}
LINEAR_W = {"op": "linear", "weight": "W"}
X = [[1.0, 2.0], [3.0, 4.0]]


def refusal(operation: str, limits: Limits | None = None, **request: Any) -> Refused:
    body = {"network": {"layers": [RELU]}, "inputs": X, "backend": "numpy", **request}
    with pytest.raises(Refused) as refused:
        Calls(limits).parse(operation, orjson.dumps(body)).run()
    return refused.value


CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("forward", {"network": {"layers": [{"op": "lineer"}]}}, "/network/layers/0/op", "did you mean linear"),
    ("forward", {"network": {"layers": [{"op": "relu", "scal": 3}]}}, "/network/layers/0/scal", "not a field"),
    ("forward", {"network": {"layers": [{"op": "relu", "scale": "3"}]}}, "/network/layers/0/scale", "wants a number"),
    ("forward", {"network": {"layers": [{"op": "linear"}]}}, "/network/layers/0/weight", "is missing"),
    (
        "forward",
        {"network": {"layers": [{"op": "linear", "weight": [[1, 2, 3], [4, 5, 6]]}]}, "inputs": [[1, 2]]},
        "/network/layers/0/weight",
        r"weight has shape \[2, 3\]; linear wants \[out, in\] = \[3, 2\]: transpose it",
    ),
    (
        "forward",
        {"network": {"layers": [{"op": "linear", "weight": [[1, 2]], "bias": [1, 2]}]}},
        "/network/layers/0/bias",
        r"\[out\] = \[1\]",
    ),
    ("forward", {"inputs": {"a~b": 1.0}}, "/inputs/a~0b", "no batch axis"),
    ("forward", {"network": {"layers": []}}, "/network/layers", "at least 1"),
    ("forward", {"network": {}}, "/network", "either layers or nodes"),
    ("forward", {"network": {"nodes": [{"name": "a", "op": "relu", "inputs": ["x"]}]}}, "/network", "want an output"),
    (
        "forward",
        {"network": {"nodes": [{"name": "a", "op": "relu", "inputs": ["b"]}], "output": "a"}},
        "/network/nodes/0/inputs/0",
        "there is no input, parameter or node called b; there are a, x",
    ),
    (
        "forward",
        {
            "network": {
                "nodes": [{"name": n, "op": "relu", "inputs": [m]} for n, m in ("ab", "ba")],
                "output": "a",
            }
        },
        "/network/nodes/0",
        "cycle through a, b",
    ),
    (
        "forward",
        {"network": {"nodes": [{"name": "aa", "op": "relu", "inputs": ["x"]}], "output": "aaa"}},
        "/network/output",
        r"there is no node called aaa; did you mean aa\?",
    ),
    (
        "forward",
        {
            "network": {
                "parameters": {"W": [1.0, 2.0]},
                "nodes": [{"name": "a", "op": "relu", "inputs": ["x"]}],
                "output": "W",
            }
        },
        "/network/output",
        "W is a parameter, not a node; there are a, x",
    ),
    ("forward", {"network": {"layers": [LINEAR_W]}}, "/network/layers/0/weight", "there is no parameter W: give"),
    (
        "forward",
        {"network": {"parameters": {"V": [1.0], "U": [1.0]}, "layers": [LINEAR_W]}},
        "/network/layers/0/weight",
        "there is no parameter called W; there are U, V$",
    ),
    (
        "forward",
        {"network": {"layers": [{**LINEAR_W, "weight": "x"}]}},
        "/network/layers/0/weight",
        "x is an input, not a parameter: give a tensor here, or put it under network.parameters",
    ),
    (
        "forward",
        {"network": {"layers": [RELU, {**LINEAR_W, "weight": "relu1"}]}},
        "/network/layers/1/weight",
        "node s1: weight is the same for every example, and relu1 has a value for each: name a parameter",
    ),
    ("forward", {"inputs": [[1, 2], [3]]}, "/inputs", "ragged"),
    ("forward", {"inputs": [[1, None]]}, "/inputs", "null"),
    ("forward", {"inputs": [[1, "2"]]}, "/inputs", "found text; a tensor holds numbers only"),
    ("forward", {"inputs": [["1", 2], [3, 4]]}, "/inputs", "found text; a tensor holds numbers only"),
    ("forward", {"inputs": [[1, 2], [{}, 4]]}, "/inputs", "found an object; a tensor holds numbers only"),
    ("forward", {"inputs": []}, "/inputs", "no elements|empty"),
    ("forward", {"inputs": 3}, "/inputs", '"batched": false'),
    ("forward", {"device": "tpu"}, "/device", "auto, cpu, cuda"),
    ("forward", {"device": "cuda"}, "/device", "cpu only"),
    ("forward", {"dtype": "float16"}, "/dtype", "float64"),
    ("forward", {"dtype": "float32", "inputs": [[1e39]]}, "/dtype", "beyond float32"),
    ("loss", {}, "/loss", "there is no loss"),
    ("loss", {"loss": "mse"}, "/targets", "give targets"),
    ("loss", {"loss": "msee", "targets": X}, "/loss", "mse"),
    ("loss", {"loss": "mse", "targets": [[1.0, 2.0]]}, "/targets", "lengths differ"),
    ("loss", {"loss": "mse", "targets": [1.0, 2.0]}, "/targets", "shape"),
    ("loss", {"loss": "cross_entropy", "targets": [1.0, 0.0]}, "/targets", "write 2, not 2.0|integers"),
    ("loss", {"loss": "cross_entropy", "targets": [1, 2]}, "/targets", "2"),
    ("loss", {"loss": "bce", "targets": X}, "/network/layers/0", "node relu1: .*probabilities"),
    ("loss", {"penalties": [{"op": "l2_penalty", "parameters": ["W"]}]}, "/penalties", "give a loss"),
    (
        "gradients",
        {"loss": "mse", "targets": X, "penalties": [{"op": "l2_penalty", "parameters": ["W"]}]},
        "/penalties/0/parameters/0",
        "there is no parameter W: give a tensor here, or put it under network.parameters",
    ),
    (
        "gradients",
        {
            "network": {"parameters": {"W": [[1.0, 2.0]]}, "layers": [LINEAR_W]},
            "loss": "mse",
            "targets": [[1.0], [2.0]],
            "penalties": [{"op": "l2_penalty", "parameters": ["W", "W"]}],
        },
        "/penalties/0/parameters/1",
        "W is named twice: name it once",
    ),
    ("gradients", {}, "/loss", 'there is no loss: .* or a cotangent of the outputs under "upstream"'),
    ("gradients", {"loss": "mse", "targets": X, "upstream": X}, "/upstream", "drop one"),
    ("gradients", {"upstream": [[1.0]], "wrt": ["x"]}, "/upstream", r"the outputs' shape is \[2, 2\]"),
    ("gradients", {"loss": "mse", "targets": X, "wrt": ["z"]}, "/wrt/0", "there are"),
    ("gradients", {"loss": "mse", "targets": X, "wrt": ["y"]}, "/wrt/0", "targets"),
    ("gradients", {"loss": "mse", "targets": X}, "/wrt", "nothing to differentiate"),
    (
        "gradients",
        {"loss": {"op": "mse", "reduction": "none"}, "targets": X, "wrt": ["x"]},
        "/loss/reduction",
        "one number",
    ),
    (
        "gradients",
        {"inputs": [1.0], "targets": [1.0], "loss": "mse", "batched": False, "per_example": True, "wrt": ["x"]},
        "/per_example",
        "single example",
    ),
    (
        "gradients",
        {"loss": "mse", "targets": X, "wrt": ["x", "C"], "per_example": True},
        "/wrt",
        "C is the loss of all examples",
    ),
    (
        "gradients",
        {
            "network": {
                "parameters": {"P": [1.0]},
                "nodes": [{"name": "e", "op": "exp", "inputs": ["P"]}],
                "output": "e",
            },
            "upstream": [1.0],
            "per_example": True,
        },
        "/per_example",
        "depends on no input",
    ),
    (
        "gradients",
        {
            "network": {
                "layers": [
                    {"op": "linear", "weight": [[1, 2], [3, 4]]},
                    {"op": "reshape", "shape": [2, 1, 1]},
                    {"op": "flatten"},
                ]
            },
            "upstream": X,
            "steps": True,
            "layout": "numerator",
        },
        "/layout",
        "step at reshape1: .*rank 3: ask for torch layout",
    ),
    (
        "forward",
        {"network": {"layers": [{"op": "hardtanh", "max_val": 1e300}]}, "dtype": "float32"},
        "/network/layers/0/max_val",
        'beyond float32 .*write "dtype": "float64"',
    ),
    (
        "loss",
        {"loss": {"op": "nll", "class_weights": [1, 1e39]}, "targets": [0, 1], "dtype": "float32"},
        "/loss/class_weights",
        "beyond float32",
    ),
    (
        "forward",
        {"network": {"layers": [{"op": "celu", "alpha": 1e-50}]}, "dtype": "float32"},
        "/network/layers/0/alpha",
        'alpha is 0 in float32: write "dtype": "float64"',
    ),
    (
        "loss",
        {"loss": {"op": "smooth_l1", "beta": 1e-50}, "targets": [[0, 1]], "dtype": "float32"},
        "/loss/beta",
        "beta is 0 in float32",
    ),
    (
        "loss",
        {"loss": {"op": "cross_entropy", "ignore_index": 2**63}, "targets": [0, 1]},
        "/loss",
        "ignore_index has more than 64 bits",
    ),
    ("jacobians", {"pairs": [{"of": "C", "wrt": "x"}]}, "/pairs/0/of", "no loss|has none"),
    ("jacobians", {"pairs": []}, "/pairs", "at least 1"),
    (
        "jacobians",
        {"pairs": [{"of": "y_hat", "wrt": "x"}], "form": "structured", "layout": "numerator"},
        "/form",
        "torch axis order",
    ),
    ("jacobians", {"inputs": [[[[1.0]]]], "pairs": [{"of": "a", "wrt": "x"}]}, "/pairs/0/of", "no such name"),
    (
        "jacobians",
        {"inputs": [[[[1.0]]]], "pairs": [{"of": "x", "wrt": "x"}], "layout": "numerator"},
        "/layout",
        "rank 3",
    ),
]


@pytest.mark.parametrize(("operation", "request_", "pointer", "message"), CASES)
def test_a_refusal_points_and_advises(operation: str, request_: dict[str, Any], pointer: str, message: str) -> None:
    found = refusal(operation, **request_)
    assert found.status == 422
    assert found.faults[0].pointer in pointer.split("|")
    assert any(re.search(message, fault.message) for fault in found.faults), found.faults
    assert found.detail.startswith(f"{found.faults[0].pointer}: {found.faults[0].message}")


def test_a_shape_that_does_not_fit_names_both_readings() -> None:
    found = refusal("forward", network={"layers": [{"op": "linear", "weight": [[1, 2, 3]]}]}, inputs=[[1, 2], [3, 4]])
    assert "were read as N = 2 examples of shape [2]" in found.detail
    assert '"batched": false' in found.detail


def test_at_most_twenty_faults_are_told_with_the_true_count() -> None:
    layers = [{"op": "relu", "bogus": 1} for _ in range(50)]
    found = refusal("forward", network={"layers": layers})
    assert (len(found.faults), found.count) == (20, 50)


def test_values_of_the_request_are_not_echoed() -> None:
    secret = "s3cret" * 50
    found = refusal("forward", network={"layers": [{"op": "relu", "scale": secret}]}, dtype=secret)
    assert secret not in found.detail + "".join(fault.message for fault in found.faults)


@pytest.mark.parametrize(
    "request_",
    [
        {"network": {"parameters": {"W": {"shape": [10**6, 2]}}, "layers": [{"op": "linear", "weight": "W"}]}},
        {"network": {"layers": [{"op": "broadcast", "shape": [10**6, 10**6, 2]}]}},
    ],
)
def test_cost_is_refused_before_anything_is_allocated(request_: dict[str, Any]) -> None:
    found = refusal("forward", Limits(flops=10**6, memory=10**7, returned=10**5), **request_)
    assert found.title == "Request too costly"
    assert "the limit is" in found.detail


def test_a_jacobian_too_large_to_return_is_refused() -> None:
    network = {"parameters": {"W": {"shape": [3000, 2]}}, "layers": [{"op": "linear", "weight": "W"}]}
    found = refusal("jacobians", network=network, pairs=[{"of": "y_hat", "wrt": "W"}])
    assert "numbers in the reply" in found.detail


def test_plans_are_kept_by_structure_and_numbers_are_not() -> None:
    calls = Calls()
    rng = np.random.default_rng(3)
    operations = []
    for size in (2, 2, 3):
        x = rng.normal(size=(size, 4))
        body = {"network": {"layers": [{"op": "tanh"}]}, "inputs": x.tolist(), "backend": "numpy"}
        call = calls.parse("forward", orjson.dumps(body))
        operations.append(call.operation)
        assert np.array_equal(call.run()["outputs"], np.tanh(x))
    assert operations[0] is operations[1]
    assert operations[0] is not operations[2]


def test_a_list_that_is_part_of_the_structure_is_not_mistaken_for_another() -> None:
    calls = Calls()
    for shape in ([4, 1], [2, 2], [1, 4], [4, 1]):
        network = {"layers": [{"op": "reshape", "shape": shape}]}
        body = {"network": network, "inputs": [[1, 2, 3, 4]], "backend": "numpy"}
        assert calls.parse("forward", orjson.dumps(body)).run()["outputs"].shape == (1, *shape)

"""What is refused for its form is refused in words of our own, pointing at the place, and saying what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from chainrule.engine.registry import ops
from chainrule.operations import OPERATIONS, Calls, Fault, Refused
from chainrule.operations.wording import OTHERWISE
from chainrule.schemas.networks import Drawn, Network
from chainrule.schemas.ops import is_layer, is_loss, is_penalty, layer_model, loss_model, node_model, penalty_model
from chainrule.schemas.requests import Pair

RELU = {"op": "relu"}
X = [[1.0, 2.0], [3.0, 4.0]]
LINEAR = {"op": "linear", "weight": [[1, 2]]}
DRAWN = {"op": "linear", "weight": {"shape": [1, 2]}}
NODE = {"name": "a", "op": "relu", "inputs": ["x"]}
PENALTY = {"op": "l2_penalty", "parameters": ["W1"]}
UPSTREAM = {"loss": "mse", "targets": X, "upstream": X}
LISTED = "GET /v1/ops lists those there are"
NAMES = 'write ["W1"] for W1 alone'
A_PAIR = '{"of": "y_hat", "wrt": "W1"}'


def faults(operation: str, calls: Calls | None = None, **request: Any) -> tuple[Fault, ...]:
    body = {"network": {"layers": [RELU]}, "inputs": X, "backend": "numpy", **request}
    try:
        (calls or Calls()).parse(operation, orjson.dumps(body))
    except Refused as refused:
        return refused.faults
    return ()


def layers(*specs: Any) -> dict[str, Any]:
    return {"network": {"layers": list(specs)}}


def nodes(*specs: Any) -> dict[str, Any]:
    return {"network": {"nodes": list(specs), "output": "a"}}


CASES: list[tuple[str, dict[str, Any], str, str]] = [
    # another type
    ("forward", {"network": 3}, "/network", "wants an object; found an integer"),
    ("forward", {"network": {"layers": "relu"}}, "/network/layers", "wants an array; found text"),
    ("forward", {"network": {"layers": None, "nodes": {}}}, "/network/nodes", "wants an array; found an object"),
    ("forward", layers(3), "/network/layers/0", 'wants an object such as {"op": "relu"}'),
    ("forward", layers("relu"), "/network/layers/0", 'wants an object such as {"op": "relu"}; found text'),
    ("loss", {"loss": [1]}, "/loss", 'wants an object such as {"op": "mse"}; found an array'),
    ("forward", {"batched": "yes"}, "/batched", "wants true or false; found text"),
    ("forward", {"batched": None}, "/batched", "wants true or false; found null"),
    ("forward", {"dtype": "float16"}, "/dtype", 'wants "float64" or "float32"'),
    ("forward", layers({"op": "relu", "scale": "3"}), "/network/layers/0/scale", "wants a number; found text"),
    ("forward", layers({"op": "relu", "scale": True}), "/network/layers/0/scale", "wants a number; found true"),
    ("forward", layers({"op": "reshape", "shape": 3}), "/network/layers/0/shape", "wants an array of numbers"),
    ("forward", layers({"op": "reshape", "shape": [1.5]}), "/network/layers/0/shape/0", "wants an integer"),
    ("loss", {"loss": {"op": "nll", "class_weights": ["1"]}}, "/loss/class_weights/0", "wants a number; found text"),
    ("loss", {"loss": {"op": "huber", "delta": 0}}, "/loss/delta", "wants more than 0"),
    (
        "forward",
        {"network": {"parameters": {"W": {"shape": [1], "seed": -1}}, "layers": [RELU]}},
        "/network/parameters/W/seed",
        "wants at least 0",
    ),
    (
        "forward",
        {"network": {"parameters": {"W": {"shape": [1], "seed": 2.0}}, "layers": [RELU]}},
        "/network/parameters/W/seed",
        "wants an integer; found a number with a decimal point",
    ),
    ("forward", {"device": "gpu"}, "/device", "wants auto, cpu, cuda, or for one GPU of several cuda:1"),
    ("forward", {"inputs": {"a b": [1]}}, "/inputs/a b", "no white space"),
    ("forward", nodes({**NODE, "inputs": ["x", "x"]}), "/network/nodes/0/inputs", "wants at most 1 entry; found 2"),
    # fields
    ("forward", {"los": "mse"}, "/los", "los is not a field here: did you mean loss?"),
    ("forward", layers({**LINEAR, "weights": 1}), "/network/layers/0/weights", "did you mean weight"),
    ("forward", layers({"op": "softmax", "axis": 0}), "/network/layers/0/axis", "the fields are beta, name, op"),
    ("forward", layers({"op": "softmax", "temperature": 2}), "/network/layers/0/temperature", "the fields are beta"),
    ("forward", layers({"op": "relu", "relu": 1}), "/network/layers/0/relu", "relu is not a field here"),
    ("forward", {"network": {"layer": [RELU]}}, "/network/layer", "did you mean layers"),
    ("jacobians", {"pairs": [{"of": "x", "wrt": "x", "by": "x"}]}, "/pairs/0/by", "the fields are of, wrt"),
    ("forward", {"n" * 99: 1}, f"/{'n' * 99}", f"{'n' * 40}… is not a field here"),
    # names in a list
    ("gradients", {"wrt": "W1"}, "/wrt", f'wants "parameters", "all" or a list of names: {NAMES}'),
    ("gradients", {"wrt": 3}, "/wrt", NAMES),
    ("gradients", {"wrt": ["a b"]}, "/wrt/0", "no white space"),
    ("loss", {"loss": "mse", "penalties": [{**PENALTY, "parameters": "W1"}]}, "/penalties/0/parameters", NAMES),
    ("forward", nodes({**NODE, "inputs": "x"}), "/network/nodes/0/inputs", 'write ["x"] for x alone'),
    ("jacobians", {"pairs": ["y_hat/W1"]}, "/pairs/0", f"a pair is an object: write {A_PAIR}"),
    ("jacobians", {"pairs": [["y_hat", "W1"]]}, "/pairs/0", f"a pair is an object: write {A_PAIR}"),
    ("jacobians", {"pairs": [[1]]}, "/pairs/0", f"a pair is an object: write {A_PAIR}"),
    ("jacobians", {"pairs": "y_hat/W1"}, "/pairs", f"wants a list of pairs: write [{A_PAIR}]"),
    # ops
    ("forward", layers({"op": "lineer"}), "/network/layers/0/op", "there is no such op here: did you mean linear"),
    ("forward", layers({"op": "ReLU"}), "/network/layers/0/op", "there is no such op here: did you mean relu"),
    ("loss", {"loss": "MSELoss"}, "/loss", "there is no such op here: did you mean mse?"),
    ("loss", {"loss": "BCEWithLogitsLoss"}, "/loss", "there is no such op here: did you mean bce_logits?"),
    ("forward", layers({"op": "zzzzzz"}), "/network/layers/0/op", f"there is no such op here: {LISTED}"),
    ("forward", layers({"op": 3}), "/network/layers/0/op", "op wants text; found an integer"),
    ("forward", layers({}), "/network/layers/0/op", 'op is missing: write {"op": "relu"}, say'),
    ("forward", layers({"op": "mse"}), "/network/layers/0/op", "mse is a loss: write it under loss"),
    ("forward", layers({"op": "l2_penalty"}), "/network/layers/0/op", "is a penalty: write it under penalties"),
    ("forward", nodes({**NODE, "op": "mse"}), "/network/nodes/0/op", "mse is a loss: write it under loss"),
    ("forward", layers({"op": "add"}), "/network/layers/0/op", "add takes two inputs or more, .*: write nodes"),
    ("forward", layers({"op": "matmul"}), "/network/layers/0/op", "matmul takes two inputs, .*: write nodes"),
    ("loss", {"loss": "relu"}, "/loss", "relu is no loss: write it among the layers or nodes"),
    ("loss", {"loss": {"op": "relu"}}, "/loss/op", "relu is no loss: write it among the layers or nodes"),
    ("loss", {"loss": "msee"}, "/loss", "did you mean mse"),
    ("loss", {"loss": "mse", "penalties": [{**PENALTY, "op": "mse"}]}, "/penalties/0/op", "mse is a loss"),
    ("loss", {"loss": "mse", "penalties": [{**PENALTY, "op": "abs"}]}, "/penalties/0/op", "abs is no penalty"),
    # fields that go together, and parameters
    ("gradients", UPSTREAM, "/upstream", "drop one"),
    ("gradients", {"penalties": [PENALTY]}, "/penalties", "give a loss too"),
    ("forward", layers(DRAWN), "/network/layers/0/weight", r"put it under network.parameters, .* and name it here"),
]


@pytest.mark.parametrize(("operation", "request_", "pointer", "message"), CASES)
def test_the_first_fault_points_and_advises(
    operation: str, request_: dict[str, Any], pointer: str, message: str
) -> None:
    found = faults(operation, **request_)
    at = [fault.message for fault in found if fault.pointer == pointer]
    assert at, found
    assert re.search(re.escape(message).replace(r"\.\*", ".*"), at[0]), at


@pytest.mark.parametrize(
    "request_", [{"wrt": "W1"}, {"wrt": ["a b"]}, {"wrt": None}, UPSTREAM, layers(DRAWN), {"penalties": [PENALTY]}]
)
def test_one_mistake_is_one_fault(request_: dict[str, Any]) -> None:
    assert len(faults("gradients", **request_)) == 1


WRONG: list[Any] = [
    *(None, True, -1, 0, 1.5, 2**63, "", "a b", "nothing", "all", {}, {"a": 1}, {"op": "relu"}),
    *([], [[]], [None], ["a b", 1], [True], [[1], [2, 3]], [{"op": "relu"}], [0] * 70, [1.5]),
]


def spoilt() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of every request, each with every wrong value."""
    for operation, (model, _) in OPERATIONS.items():
        for name in model.model_fields:
            yield from ((operation, {name: wrong}) for wrong in WRONG)
    for wrong in WRONG:
        for name in Network.model_fields:
            yield "forward", {"network": {"layers": [RELU], name: wrong}}
        for name in Drawn.model_fields:
            yield "forward", {"network": {"layers": [RELU], "parameters": {"W": {"shape": [1], name: wrong}}}}
        for name in Pair.model_fields:
            yield "jacobians", {"pairs": [{"of": "x", "wrt": "x", name: wrong}]}
        yield "forward", {"network": {"layers": [RELU], "parameters": {"W": wrong}}}
        yield "forward", {"inputs": {"x": wrong}}
    for op in ops().values():
        for name, wrong in ((name, wrong) for name in node_model(op).model_fields for wrong in WRONG):
            spec = {"op": op.name, name: wrong}
            if is_loss(op) and name in loss_model(op).model_fields:
                yield "loss", {"loss": spec}
            elif is_penalty(op) and name in penalty_model(op).model_fields:
                yield "loss", {"loss": "mse", "penalties": [spec]}
            else:
                yield "forward", nodes({"name": "a", "inputs": ["x"], **spec})
            if is_layer(op) and name in layer_model(op).model_fields:
                yield "forward", layers(spec)


def test_no_sentence_of_pydantics_comes_through() -> None:
    calls = Calls()
    said = [(fault, body) for operation, body in spoilt() for fault in faults(operation, calls, **body)]
    assert len(said) > 5_000
    for fault, body in said:
        assert fault.message != OTHERWISE, body
        assert not re.search(r"Input|should|valid|tag|discriminator|pattern", fault.message), (fault, body)
        assert fault.pointer[:1] in ("", "/")

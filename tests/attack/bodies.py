"""Bodies sent by someone who means ill, or is a program gone wrong, by name: the operation, the body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Body = tuple[str, bytes]

PLAIN: dict[str, Any] = {
    "network": {"layers": [{"op": "linear", "weight": [[1.0, 2.0]], "bias": [0.5]}]},
    "inputs": [[1.0, -1.0], [0.5, 2.0]],
    "targets": [[1.0], [0.0]],
    "loss": "mse",
}
"""A sound request, to be spoilt."""

BARE = {name: PLAIN[name] for name in ("network", "inputs")}


def spoilt(**fields: Any) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


def bare(**fields: Any) -> bytes:
    return json.dumps({**BARE, **fields}).encode()


def with_inputs(text: str) -> bytes:
    return spoilt(inputs="HERE").replace(b'"HERE"', text.encode())


def layers(*specs: Any, **beside: Any) -> bytes:
    return bare(network={"layers": list(specs), **beside})


def graph(*nodes: Any, output: str = "f", parameters: dict[str, Any] | None = None) -> bytes:
    return bare(network={"nodes": list(nodes), "output": output, "parameters": parameters or {}})


def drawn(*shape: int) -> dict[str, Any]:
    return {"shape": list(shape), "init": "normal", "seed": 1}


def chain(length: int, **fields: Any) -> bytes:
    """A long chain of nodes, the last first."""
    names = ["x", *(f"n{i}" for i in range(length))]
    nodes = [{"name": names[i + 1], "op": "tanh", "inputs": [names[i]]} for i in reversed(range(length))]
    network = {"nodes": nodes, "output": names[-1]}
    return spoilt(network=network, targets=PLAIN["inputs"], **fields)


def multiples(length: int, times: int) -> bytes:
    """Each node `times` the one before, side by side: times^length numbers."""
    names = ["x", *(f"n{i}" for i in range(length))]
    nodes = [{"name": names[i + 1], "op": "concat", "inputs": [names[i]] * times} for i in range(length)]
    return graph(*nodes, output=names[-1])


def products(count: int) -> bytes:
    """A matrix of 10^12 numbers, multiplied by itself, and again."""
    names = ["x", *(f"n{i}" for i in range(count))]
    nodes = [{"name": names[i + 1], "op": "matmul", "inputs": [names[i], "W"]} for i in range(count)]
    return graph(*nodes, output=names[-1], parameters={"W": drawn(2, 1_000_000), "V": drawn(1_000_000, 1_000_000)})


def weighed(text: str) -> bytes:
    """A cross-entropy whose class weights are `text`."""
    return network(2, 3, targets=[0, 0], loss={"op": "cross_entropy", "class_weights": "HERE"}).replace(
        b'"HERE"', text.encode()
    )


def network(*sizes: int, **fields: Any) -> bytes:
    """Linear layers between `sizes`, their weights drawn; the first size is 2."""
    pairs = list(zip(sizes[1:], sizes, strict=False))
    parameters = {f"V{i}": drawn(*pair) for i, pair in enumerate(pairs)}
    specs = [{"op": "linear", "weight": name} for name in parameters]
    return bare(network={"parameters": parameters, "layers": specs}, **fields)


LINEAR = {"op": "linear", "weight": [[1.0, 2.0]]}
SELF = {"name": "f", "op": "tanh", "inputs": ["f"]}
ALONE = {"name": "f", "op": "relu", "inputs": ["W"]}

WRONG = {"outputs": [[0] * 500] * 200, "gradients": {"V0": [[0.5, 0.25]] * 600}}

MALFORMED: dict[str, Callable[[], Body]] = {
    "nothing": lambda: ("forward", b""),
    "blanks": lambda: ("forward", b" \n\t "),
    "not_json": lambda: ("forward", b"network=1"),
    "half": lambda: ("forward", spoilt()[:40]),
    "null": lambda: ("forward", b"null"),
    "number": lambda: ("forward", b"1"),
    "array": lambda: ("forward", b"[1, 2]"),
    "array_of_objects": lambda: ("forward", b"[{}, {}]"),
    "text": lambda: ("forward", b'"network"'),
    "invalid_utf8": lambda: ("forward", spoilt(device="HERE").replace(b"HERE", b"\xff\xfe")),
    "lone_surrogate": lambda: ("forward", spoilt(device="HERE").replace(b"HERE", b"\\ud800")),
    "lone_surrogate_as_a_key": lambda: ("forward", b'{"\\ud800": 1}'),
    "nul_bytes": lambda: ("forward", b"\0" * 100_000),
    "byte_order_mark": lambda: ("forward", b"\xef\xbb\xbf" + spoilt()),
    "nesting_in_arrays": lambda: ("forward", with_inputs("[" * 100_000 + "]" * 100_000)),
    "nesting_without_end": lambda: ("forward", b'{"inputs": ' + b"[" * 1_000_000),
    "nesting_in_objects": lambda: ("forward", b'{"network": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
    "nesting_in_both": lambda: ("forward", b'{"network": ' + b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000 + b"}"),
    "two_bodies": lambda: ("forward", spoilt() + spoilt()),
    "a_key_twice": lambda: ("forward", spoilt()[:-1] + b', "inputs": [[1.0, 2.0]]}'),
    "quotes_without_end": lambda: ("forward", b'{"a' + b'\\"' * 500_000),
}

NUMBERS: dict[str, Callable[[], Body]] = {
    "nulls_by_the_megabyte": lambda: ("forward", with_inputs("[" + "null," * 1_000_000 + "null]")),
    "rows_of_nulls": lambda: ("forward", with_inputs("[" + "[null]," * 500_000 + "[null]]")),
    "a_null": lambda: ("forward", with_inputs("[[1.0, null]]")),
    "nan": lambda: ("forward", with_inputs("[[NaN, 1.0]]")),
    "infinity": lambda: ("forward", with_inputs("[[-Infinity, 1.0]]")),
    "nan_in_a_shape": lambda: ("forward", b'{"network": {"parameters": {"W": {"shape": [NaN]}}}}'),
    "too_large_for_a_float": lambda: ("forward", with_inputs("[[1e999, 1.0]]")),
    "words": lambda: ("forward", with_inputs('[["1", "2"]]')),
    "booleans": lambda: ("forward", with_inputs("[[true, false]]")),
    "objects": lambda: ("forward", with_inputs("[[{}, {}]]")),
    "ragged": lambda: ("forward", with_inputs("[[1, 2], [3]]")),
    "ragged_by_the_megabyte": lambda: ("forward", with_inputs("[" + "[1,2]," * 300_000 + "[3]]")),
    "numbers_beside_rows": lambda: ("forward", with_inputs("[1, [2]]")),
    "empty": lambda: ("forward", with_inputs("[]")),
    "empty_rows": lambda: ("forward", with_inputs("[" + "[]," * 500_000 + "[]]")),
    "too_many_axes": lambda: ("forward", with_inputs("[" * 9 + "1" + "]" * 9)),
    "a_million_digits": lambda: ("forward", with_inputs("[[" + "9" * 1_000_000 + ", 1]]")),
    "a_million_digits_after_the_point": lambda: ("forward", with_inputs("[[0." + "9" * 1_000_000 + "x, 1]]")),
    "float_classes": lambda: ("loss", network(2, 3, targets=[0.0, 0.0], loss="cross_entropy")),
    "classes_out_of_range": lambda: ("loss", network(2, 3, targets=[7, 0], loss="cross_entropy")),
    "negative_classes": lambda: ("loss", network(2, 3, targets=[-1, 0], loss="cross_entropy")),
    "huge_classes": lambda: ("loss", network(2, 3, targets=[2**63 - 1, 0], loss="cross_entropy")),
    "class_weights_by_the_megabyte": lambda: ("loss", weighed("[" + "1," * 1_000_000 + "1]")),
    "too_many_class_weights": lambda: ("loss", weighed("[" + "1," * 300_000 + "1]")),
    "class_weights_of_another_number": lambda: ("loss", weighed("[" + "1," * 9_999 + "1]")),
    "class_weights_of_nulls": lambda: ("loss", weighed("[" + "null," * 120_000 + "null]")),
    "class_weights_of_rows": lambda: ("loss", weighed("[" * 7 + "[]," * 200_000 + "[]" + "]" * 7)),
    "a_class_weight_of_many_digits": lambda: ("loss", weighed("[1," + "9" * 600_000 + ",1]")),
    "beyond_float32": lambda: ("forward", bare(inputs=[[1e300, 1.0]], dtype="float32")),
}

WORDS: dict[str, Callable[[], Body]] = {
    "unknown_field": lambda: ("forward", spoilt(networks={})),
    "many_unknown_fields": lambda: ("forward", spoilt(**{f"field{i}": i for i in range(20_000)})),
    "unknown_op": lambda: ("forward", layers({"op": "softmux"})),
    "unknown_fields_in_every_layer": lambda: ("forward", layers(*({"op": "relu", "slope": 1} for _ in range(9_000)))),
    "not_an_op": lambda: ("forward", layers(*([7] * 9_000))),
    "wrong_dtype": lambda: ("forward", spoilt(dtype="float16")),
    "wrong_device": lambda: ("forward", spoilt(device="cuda:999999999999")),
    "no_such_device": lambda: ("forward", spoilt(device="cuda:999")),
    "wrong_layout": lambda: ("forward", spoilt(layout="C")),
    "a_megabyte_of_name": lambda: ("forward", layers({**LINEAR, "name": "n" * 2**20})),
    "a_large_name": lambda: ("forward", layers({**LINEAR, "name": "n" * 900_000})),
    "a_large_op": lambda: ("forward", layers({"op": "n" * 900_000})),
    "a_large_field": lambda: ("forward", spoilt(**{"n" * 900_000: 1})),
    "a_large_wrt": lambda: ("gradients", spoilt(wrt=["n" * 900_000])),
    "a_large_parameter": lambda: ("forward", layers({"op": "linear", "weight": "W" * 900_000})),
    "a_name_of_blanks": lambda: ("forward", layers({**LINEAR, "name": " "})),
    "duplicate_names": lambda: ("forward", layers({**LINEAR, "name": "a"}, {"op": "tanh", "name": "a"})),
    "a_name_that_is_taken": lambda: ("forward", spoilt(network={"layers": [{**LINEAR, "name": "C"}]})),
    "missing_parameter": lambda: ("forward", layers({"op": "linear", "weight": "V"})),
    "missing_input": lambda: ("forward", graph({"name": "f", "op": "tanh", "inputs": ["z"]})),
    "no_inputs": lambda: (
        "forward",
        bare(network={"parameters": {"W": [[1, 2], [3, 4]]}, "nodes": [ALONE], "output": "f"}, inputs={}),
    ),
    "no_inputs_of_layers": lambda: ("forward", bare(inputs={})),
    "missing_output": lambda: ("forward", graph({"name": "f", "op": "tanh", "inputs": ["x"]}, output="g")),
    "missing_wrt": lambda: ("gradients", spoilt(wrt=["W9"])),
    "many_missing_wrt": lambda: ("gradients", spoilt(wrt=[f"V{i}" for i in range(150)])),
    "a_cycle_of_one": lambda: ("forward", graph(SELF)),
    "a_cycle": lambda: (
        "forward",
        graph({"name": "f", "op": "tanh", "inputs": ["g"]}, {"name": "g", "op": "tanh", "inputs": ["f"]}),
    ),
    "too_many_layers": lambda: ("forward", layers(*({"op": "tanh"} for _ in range(10_001)))),
    "layers_and_nodes": lambda: ("forward", layers(LINEAR, nodes=[SELF], output="f")),
    "neither": lambda: ("forward", spoilt(network={})),
    "loss_and_upstream": lambda: ("gradients", spoilt(upstream=[[1.0], [1.0]])),
    "too_many_pairs": lambda: ("jacobians", spoilt(pairs=[{"of": "y_hat", "wrt": "x"}] * 1_001)),
    "no_pairs": lambda: ("jacobians", spoilt(pairs=[])),
    "a_seed_too_large": lambda: ("forward", layers(LINEAR, parameters={"W": {"shape": [2], "seed": 2**64}})),
    "a_float_seed": lambda: ("forward", layers(LINEAR, parameters={"W": {"shape": [2], "seed": 1.5}})),
}

SIZES: dict[str, Callable[[], Body]] = {
    "a_weight_of_10^12": lambda: ("forward", network(2, 1_000_000, 1_000_000)),
    "a_layer_of_10^12": lambda: ("forward", network(2, 10**12)),
    "an_unused_parameter_of_10^12": lambda: ("forward", layers(LINEAR, parameters={"V": drawn(1_000_000, 1_000_000)})),
    "a_shape_of_10^152": lambda: ("forward", layers(LINEAR, parameters={"V": drawn(*[10**19] * 8)})),
    "a_shape_of_64_axes": lambda: ("forward", layers(LINEAR, parameters={"V": drawn(*[10] * 64)})),
    "a_shape_of_a_thousand_digits": lambda: ("forward", layers(LINEAR, parameters={"V": drawn(10**999)})),
    "a_negative_shape": lambda: ("forward", layers(LINEAR, parameters={"V": drawn(-1, 2)})),
    "a_shape_of_0": lambda: ("forward", layers(LINEAR, parameters={"V": drawn(0)})),
    "a_broadcast": lambda: ("forward", layers({"op": "broadcast", "shape": [1_000_000, 1_000_000, 2]})),
    "a_broadcast_of_10^152": lambda: ("forward", layers({"op": "broadcast", "shape": [*[10**19] * 7, 2]})),
    "a_reshape_to_many": lambda: ("forward", layers({"op": "reshape", "shape": [-1, -1]})),
    "a_reshape_to_10^18": lambda: ("forward", layers({"op": "reshape", "shape": [10**9, 10**9]})),
    "a_slice_of_nothing": lambda: ("forward", layers({"op": "slice", "start": 2**62, "stop": -(2**62), "step": 2**62})),
    "products": lambda: ("forward", products(10)),
    "doubled_60_times": lambda: ("forward", multiples(60, 2)),
    "doubled_5000_times": lambda: ("forward", multiples(5_000, 2)),
    "a_size_of_8000_digits": lambda: ("forward", multiples(7_000, 16)),
    "a_jacobian_of_10^11": lambda: ("jacobians", network(2, 3_000, 3_000, pairs=[{"of": "y_hat", "wrt": "V1"}])),
    "a_jacobian_of_10^9": lambda: ("jacobians", network(2, 20_000, pairs=[{"of": "y_hat", "wrt": "V0"}])),
    "a_thousand_jacobians": lambda: (
        "jacobians",
        network(2, *[100] * 300, pairs=[{"of": f"s{200 + i % 100}", "wrt": f"s{1 + i // 100}"} for i in range(1_000)]),
    ),
    "per_example_gradients_of_10^10": lambda: (
        "gradients",
        network(2, 100_000, inputs=[[0.5, 1.0]] * 50_000, upstream=[[1.0]], per_example=True),
    ),
    "a_derivation_of_everything": lambda: ("derivation", chain(9_000, wrt="all", document=True)),
    "a_training_of_10^13": lambda: (
        "train",
        network(2, 3_000, 3_000, 1, steps=100_000, learning_rate=0.1, upstream=[[1.0]], record=0),
    ),
    "a_record_of_10^10": lambda: (
        "train",
        network(2, 50_000, 1, steps=50_000, learning_rate=0.1, upstream=[[1.0]]),
    ),
    "a_picture_of_a_chain_of_10_000": lambda: ("graph", chain(10_000, format="svg")),
    "steps_of_10^10": lambda: ("gradients", network(2, 50_000, 2, 50_000, upstream=[[1.0]], steps=True)),
}

LONG: dict[str, Callable[[], Body]] = {
    "jacobians_through_a_long_chain": lambda: (
        "jacobians",
        chain(8_000, pairs=[{"of": f"n{7_000 + i}", "wrt": f"n{i}"} for i in range(1_000)]),
    ),
    "a_training_through_a_long_chain": lambda: ("train", chain(8_000, wrt=["x"], steps=500, learning_rate=0.1)),
    "all_of_a_long_chain_verified": lambda: ("gradients", chain(8_000, wrt="all", verify=True)),
}
"""Small numbers, many of them: what takes the time is the count of ops."""

SOUND: dict[str, Callable[[], Body]] = {
    "a_chain_of_10_000": lambda: ("gradients", chain(10_000, wrt=["x"])),
    "all_of_a_chain_of_8_000": lambda: ("gradients", chain(8_000, wrt="all")),
    "a_derivation_through_a_chain_of_5_000": lambda: ("derivation", chain(5_000, wrt=["x"])),
    "twenty_alternatives_in_a_chain_of_2_000": lambda: (
        "flow",
        chain(2_000, alternatives=["tanh", "relu"] * 10, format="svg"),
    ),
    "a_graph_of_a_chain_of_5_000": lambda: ("graph", chain(5_000, values=True, gradients=True, format="dot")),
    "one_name_150_000_times": lambda: ("gradients", spoilt(wrt=["W1"] * 150_000)),
    "wrong_answers_to_a_large_problem": lambda: (
        "grade",
        network(2, 600, 500, inputs=[[0.5, 1.0]] * 200, targets=[[0] * 500] * 200, loss="mse", answers=WRONG),
    ),
    "a_million_numbers": lambda: ("loss", bare(inputs=[[0.0, 1.0]] * 500_000, targets=[[1.0]] * 500_000, loss="mse")),
}
"""Strange, and within the limits."""

REFUSED = {**MALFORMED, **NUMBERS, **WORDS, **SIZES}

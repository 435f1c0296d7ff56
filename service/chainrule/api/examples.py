"""A request for every endpoint that computes, each worked in the documentation and run by a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NETWORK = {
    "layers": [
        {"op": "linear", "weight": [[1.0, -1.0], [0.5, 2.0], [-1.5, 1.0]], "bias": [0.5, 0.0, 1.0]},
        {"op": "relu", "scale": 3},
        {"op": "linear", "weight": [[1.0, 0.0, 2.0], [-1.0, 1.0, 0.5]], "bias": [0.0, 1.0]},
        {"op": "identity"},
    ]
}
INPUTS = [[1.0, 2.0], [-1.0, 0.5]]
TARGETS = [[0.0, 10.0], [12.0, 5.0]]
PROBLEM = {
    "network": NETWORK,
    "inputs": INPUTS,
    "targets": TARGETS,
    "loss": {"op": "squared_error", "reduction": "sum"},
}
SHARED = {
    "parameters": {"W": [[1.0, 2.0], [0.0, -1.0]]},
    "nodes": [
        {"name": "f", "op": "linear", "inputs": ["x"], "weight": "W"},
        {"name": "g", "op": "tanh", "inputs": ["f"]},
        {"name": "h", "op": "linear", "inputs": ["g"], "weight": "W"},
        {"name": "s", "op": "add", "inputs": ["f", "h"]},
    ],
    "output": "s",
}
CLASSIFIER = {
    "parameters": {
        "W1": {"shape": [4, 2], "init": "normal", "scale": 0.5, "seed": 7},
        "W2": {"shape": [3, 4], "init": "uniform", "seed": 8},
        "b2": {"shape": [3], "init": "zeros"},
    },
    "layers": [
        {"op": "linear", "weight": "W1"},
        {"op": "tanh"},
        {"op": "linear", "weight": "W2", "bias": "b2"},
    ],
}
GRID = {"low": -1.5, "high": 1.5, "step": 0.125, "nonzero": True}
TEMPLATE = {
    "network": {
        "layers": [
            {"op": "linear", "weight": {"shape": ["a", "n"], **GRID}, "bias": {"shape": ["a"], **GRID}},
            {"op": "relu"},
            {"op": "linear", "weight": {"shape": ["K", "a"], **GRID}},
        ]
    },
    "inputs": {"shape": ["N", "n"], **GRID},
    "targets": {"shape": ["N"], "classes": "K"},
    "loss": "cross_entropy",
    "sizes": {"n": 3, "a": "prime", "K": [5, 7], "N": "prime"},
}

EXAMPLES: Mapping[str, Mapping[str, tuple[str, dict[str, Any]]]] = {
    "validate": {
        "two_layers": ("What a two-layer network is made of, and what it would cost", PROBLEM),
    },
    "forward": {
        "two_layers": ("Linear, 3·ReLU, linear, identity", {"network": NETWORK, "inputs": INPUTS}),
        "trace": ("Every node's value as well", {"network": NETWORK, "inputs": INPUTS, "trace": True}),
        "one_example": (
            "A single example, without a batch axis",
            {"network": NETWORK, "inputs": [1.0, 2.0], "batched": False},
        ),
    },
    "loss": {
        "squared_error": ("The squared error of each example and in all", {**PROBLEM, "per_example": True}),
        "classes": (
            "Class indices, and parameters that the service draws",
            {"network": CLASSIFIER, "inputs": INPUTS, "targets": [2, 0], "loss": "cross_entropy"},
        ),
    },
    "gradients": {
        "on_file": (
            "Of a problem on file, with numbers drawn from a seed",
            {"problem": "nyu-hw1/1.2b", "seed": 7, "layout": "numerator"},
        ),
        "two_layers": (
            "Gradients of a squared error, laid out as a course with row vectors writes them",
            {**PROBLEM, "layout": "numerator"},
        ),
        "all": (
            "With respect to everything, step by step, and checked",
            {**PROBLEM, "wrt": "all", "steps": True, "verify": True},
        ),
        "shared_weight": (
            "A weight used twice: its gradient is the sum",
            {"network": SHARED, "inputs": INPUTS, "targets": TARGETS, "loss": "mse"},
        ),
        "upstream": (
            "A cotangent of the output in place of a loss",
            {"network": NETWORK, "inputs": INPUTS, "upstream": [[1.0, 0.0], [0.0, 1.0]], "wrt": ["x"]},
        ),
    },
    "grade": {
        "flipped_sign": (
            "Answers of which one has a wrong sign, and the next follows from it",
            {
                **PROBLEM,
                "answers": {
                    "loss": 166.5625,
                    "gradients": {
                        "y_hat": [[-18.0, -13.5], [-12.0, -4.0]],
                        "W2": [[0, -261, -189], [0, -188.25, -96.75]],
                    },
                },
                "points": {"loss": 1, "gradients.y_hat": 1, "gradients.W2": 2, "gradients.b2": 1},
            },
        ),
        "rounded": (
            "Answers rounded to two places, of which nothing but the verdict is told",
            {
                **PROBLEM,
                "answers": {"outputs": [[9, 16.75], [18, 7]], "values": {"s1": "none"}, "gradients": {"x": "NaN"}},
                "policy": {"places": 2, "feedback": "verdict"},
            },
        ),
    },
    "train": {
        "momentum": (
            "Two steps with momentum, every stage with its numbers",
            {**PROBLEM, "steps": 2, "learning_rate": 0.005, "optimizer": {"name": "sgd", "momentum": 0.9}},
        ),
        "accumulation": (
            "Gradients that are not cleared add up",
            {**PROBLEM, "steps": 3, "learning_rate": 0.001, "clear_gradients": False},
        ),
        "adam": (
            "A hundred steps of Adam, of which the first and every 25th after it are shown",
            {
                "network": CLASSIFIER,
                "inputs": INPUTS,
                "targets": [2, 0],
                "loss": "cross_entropy",
                "steps": 100,
                "learning_rate": 0.02,
                "optimizer": "adam",
                "record": 25,
            },
        ),
        "uphill": (
            "The input follows the logit of class 1 uphill; the parameters stay fixed",
            {
                "network": NETWORK,
                "inputs": INPUTS,
                "upstream": [[0.0, 1.0], [0.0, 1.0]],
                "wrt": ["x"],
                "maximize": True,
                "steps": 5,
                "learning_rate": 0.1,
                "record": 0,
            },
        ),
    },
    "derivation": {
        "two_layers": (
            "The chain of each gradient, as a course with row vectors writes it",
            {**PROBLEM, "layout": "numerator"},
        ),
        "jacobian": (
            "Of the output and with respect to the input, in symbols alone and as a document",
            {"network": SHARED, "inputs": INPUTS, "of": "s", "wrt": ["x"], "numbers": False, "document": True},
        ),
    },
    "graph": {
        "structure": ("What takes what, computing nothing", {"network": SHARED, "inputs": INPUTS}),
        "with_numbers": (
            "Scalars, with values and gradients, and drawn",
            {
                "network": {
                    "nodes": [
                        {"name": "xy", "op": "mul", "inputs": ["x", "y"]},
                        {"name": "a", "op": "add", "inputs": ["xy", "z"]},
                    ],
                    "output": "a",
                },
                "inputs": {"x": 2.0, "y": 3.0, "z": 1.0},
                "batched": False,
                "upstream": 1.0,
                "values": True,
                "gradients": True,
                "format": "svg",
            },
        ),
    },
    "flow": {
        "as_it_is": ("What reaches each node of the network as it is", PROBLEM),
        "alternatives": (
            "Three activations in place of the one there is, and a plot",
            {
                "network": CLASSIFIER,
                "inputs": INPUTS,
                "targets": [2, 0],
                "loss": "cross_entropy",
                "alternatives": ["tanh", "relu", {"op": "leaky_relu", "slope": 0.1}],
                "at": ["a1"],
                "format": "svg",
            },
        ),
    },
    "jacobians": {
        "dense": (
            "The output by the first layer's weight, of each example",
            {"network": NETWORK, "inputs": INPUTS, "pairs": [{"of": "y_hat", "wrt": "W1"}]},
        ),
        "structured": (
            "A diagonal and an outer product, kept as their factors",
            {
                "network": NETWORK,
                "inputs": INPUTS,
                "form": "structured",
                "pairs": [{"of": "a1", "wrt": "s1"}, {"of": "s1", "wrt": "W1"}],
            },
        ),
    },
    "instances": {
        "template": ("Numbers drawn for a network with ReLU, its sizes odd primes", {"template": TEMPLATE, "seed": 7}),
        "on_file": ("A problem on file", {"problem": "nyu-hw1/1.2b", "seed": 7}),
    },
}
"""By operation and name: a summary, and the body."""

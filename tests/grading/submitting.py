"""Nets by hand put before the grader: the problem, what is handed in, and what is reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chainrule.grading import Answer, Grader
from chainrule.grading.findings import Finding
from chainrule.grading.report import Report
from chainrule.operations.calls import Calls
from grading.by_hand.net import Net, Shape
from grading.by_hand.slips.slip import Key, six_digits

OPS: dict[str, dict[str, Any]] = {
    "relu3": {"op": "relu", "scale": 3},
    **{name: {"op": name} for name in ("tanh", "sigmoid", "identity", "softargmax")},
}
CALLS = Calls()


def grader_of(net: Net, *, batched: bool = True, dtype: str = "float64") -> Grader:
    """The grader of the problem that the net is. Not `batched`: of its first example alone."""
    layers = []
    for layer, function in enumerate(net.shape.functions, start=1):
        layers += [{"op": "linear", "weight": net.W[layer], "bias": net.b[layer]}, OPS[function]]
    document = {
        "network": {"layers": layers},
        "inputs": net.x if batched else net.x[0],
        "targets": net.y if batched else net.y[0],
        "batched": batched,
        "loss": {"op": net.shape.loss, "reduction": net.shape.reduction},
        "backend": "numpy",
    }
    call = CALLS.take("gradients", document)
    prepared = call.operation.prepared
    return Grader(prepared.plan, prepared.host_leaves(call.arrays), batched=batched, dtype=dtype)


def parameters(shape: Shape) -> list[str]:
    return [f"gradients.{letter}{layer}" for layer in range(1, shape.layers + 1) for letter in "Wb"]


def nodes(shape: Shape) -> list[str]:
    """The nodes between ŷ and the parameters."""
    names = [f"{letter}{layer}" for layer in range(1, shape.layers + 1) for letter in "sa"]
    return names[:-1]


def usual(shape: Shape) -> list[str]:
    return ["outputs", "loss", "gradients.y_hat", *parameters(shape)]


def without_y_hat(shape: Shape) -> list[str]:
    return ["outputs", "loss", *parameters(shape)]


def every_gradient(shape: Shape) -> list[str]:
    return [*usual(shape), *(f"gradients.{name}" for name in nodes(shape)), "gradients.x"]


def everything(shape: Shape) -> list[str]:
    return [*every_gradient(shape), *(f"values.{name}" for name in nodes(shape))]


def without_outputs(shape: Shape) -> list[str]:
    return ["loss", "gradients.y_hat", *parameters(shape)]


def weights(shape: Shape) -> list[str]:
    return [f"gradients.W{layer}" for layer in range(1, shape.layers + 1)]


SETS = {
    "usual": usual,
    "without y_hat": without_y_hat,
    "every gradient": every_gradient,
    "everything": everything,
    "parameters": parameters,
    "without outputs": without_outputs,
    "weights": weights,
    "one weight": lambda shape: weights(shape)[-1:],
}
"""What may be handed in."""


def answers_in(names: Iterable[str], answers: dict[str, Any]) -> dict[str, Answer]:
    return {name: answers[name] for name in names}


def reported(report: Report) -> list[frozenset[Key]]:
    """By mistake reported, what it may be."""
    return [frozenset(map(key_of, (*each.findings, *each.either))) for each in report.diagnosis]


def key_of(finding: Finding) -> Key:
    return Key(finding.code, finding.at, finding.detail, None if finding.value is None else six_digits(finding.value))

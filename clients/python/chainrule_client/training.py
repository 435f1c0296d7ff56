"""A recorded step of a training, with NumPy arrays for tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.schemas.encoding import to_array
from chainrule_client.tensors import Array

Arrays = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """One step in its five stages, in the order in which they happen.

    step: from 1.
    forward: `outputs`, and where asked for every node's value, `trace`, by node.
    loss: what is descended, before the update.
    clear: the gradients as the backward pass finds them, by name: 0, or the sum so far where they are not cleared.
    backward: what this step brings. accumulated: the two added, which the update goes by.
    update: the values after it. change: those less the values before. state: what the optimizer remembers, by name.
    """

    step: int
    forward: Mapping[str, Any]
    loss: float
    clear: Arrays
    backward: Arrays
    accumulated: Arrays
    update: Arrays
    change: Arrays
    state: Mapping[str, Arrays]


def training_steps(sent: Sequence[Mapping[str, Any]]) -> list[TrainingStep]:
    """The steps that a reply tells of."""
    return [_step(each) for each in sent]


def _step(sent: Mapping[str, Any]) -> TrainingStep:
    forward, backward, update = sent["forward"], sent["backward"], sent["update"]
    trace = {entry["node"]: to_array(entry["output"]) for entry in forward.get("trace", ())}
    return TrainingStep(
        sent["step"],
        {"outputs": to_array(forward["outputs"]), **({"trace": trace} if trace else {})},
        float(to_array(sent["loss"]["loss"])),
        _arrays(sent["clear"]["gradients"]),
        _arrays(backward["gradients"]),
        _arrays(backward["accumulated"]),
        _arrays(update["values"]),
        _arrays(update["change"]),
        {name: _arrays(kept) for name, kept in update["state"].items()},
    )


def _arrays(sent: Mapping[str, Any]) -> dict[str, Array]:
    return {name: to_array(tensor) for name, tensor in sent.items()}

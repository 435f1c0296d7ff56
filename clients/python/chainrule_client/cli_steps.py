"""A training as text: each recorded step in its five stages, then the losses and where it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chainrule_client.cli_rendering import as_text
from chainrule_client.replies import Reply
from chainrule_client.training import TrainingStep

_LEFT_TO_STEPS = ("recorded",)


def training_as_text(reply: Reply) -> str:
    """What a reply of `train` says."""
    rest = {name: value for name, value in reply.items() if name not in _LEFT_TO_STEPS}
    return "\n\n".join([*map(_step, reply.recorded), as_text(rest)])


def _step(step: TrainingStep) -> str:
    return "\n".join([f"step {step.step}", *(f"  {line}".rstrip() for line in _stages(step))])


def _stages(step: TrainingStep) -> Iterator[str]:
    forward = {"outputs": step.forward["outputs"], **step.forward.get("trace", {})}
    added = any(array.any() for array in step.clear.values())
    yield from _stage("forward", forward)
    yield f"loss  {step.loss:.10g}"
    yield from _stage("clear: the gradients are kept" if added else "clear: the gradients are 0", step.clear, added)
    yield from _stage("backward", step.backward)
    if added:
        yield from _stage("accumulated", step.accumulated)
    for name, kept in step.state.items():
        yield from _stage(f"update: remembered of {name}", kept, bool(kept))
    yield from _stage("update", step.update)


def _stage(heading: str, arrays: Mapping[str, Any], shown: bool = True) -> Iterator[str]:
    if not shown and heading.startswith("update"):
        return
    yield heading
    if shown:
        yield from (f"  {line}" for line in as_text(arrays).splitlines())

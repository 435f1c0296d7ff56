"""`train`: steps of descent, the five stages of each step with their numbers where they are recorded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Self

import numpy as np

from chainrule.engine.backends import Array
from chainrule.engine.backward import backward_program
from chainrule.engine.cost import Cost, forward_cost, gradients_cost
from chainrule.engine.descent import Descent, Stages, descend, objective
from chainrule.engine.errors import EngineError
from chainrule.engine.fused import fused_warnings
from chainrule.engine.kinks import MOST_SHOWN, find_kinks, with_kinks
from chainrule.engine.loss_warnings import loss_warnings
from chainrule.engine.optimizers import SGD, Adam, Optimizer
from chainrule.engine.trace import Trace, never, run_forward
from chainrule.operations.forward import trace_entries
from chainrule.operations.limits import Limits
from chainrule.operations.naming import resolve
from chainrule.operations.objective import objective_slot, upstream_array
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import Fault, Refused, refuse
from chainrule.operations.results import Reply, Results, check_layout
from chainrule.schemas.progress import Progress, Watch
from chainrule.schemas.training import AdamOptimizer, TrainRequest

UPDATE_FLOPS = 16
"""Floating-point operations of an update, for each number that moves."""
MOST_WARNINGS = 20


def unwatched(progress: Progress) -> None:
    """Nobody looks."""


class Train:
    """One request of `train`, ready to run."""

    def __init__(self, prepared: Prepared, limits: Limits) -> None:
        assert isinstance(prepared.request, TrainRequest)
        self.prepared, self.request = prepared, prepared.request
        self.of = objective_slot(prepared, self.request)
        self.moving = _moving(prepared, self.request)
        check_layout(prepared, self.moving, "gradient of")
        self.program = backward_program(prepared.plan, self.of, self.moving.values())
        self.with_kinks = with_kinks(prepared.plan, (number for number, *_ in self.program.steps))
        self.optimizer = _optimizer(self.request)
        self._watch: Watch = unwatched
        self.cost: Cost = self._cost()
        limits.check(self.cost, self.request.dtype)

    def watched(self, watch: Watch) -> Self:
        """The same, telling `watch` of every step as it is done."""
        watched = copy.copy(self)
        watched._watch = watch
        return watched

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        prepared, plan, request = self.prepared, self.prepared.plan, self.request
        leaves = prepared.device_leaves(arrays)
        upstream = upstream_array(prepared, request, arrays)
        descent = Descent(plan, prepared.xp, self.program, self.optimizer, upstream, request.clear_gradients)
        account = _Account(self)
        values: Mapping[int, Array] = {}
        old = {slot: leaves[plan.slots[slot].name] for slot in self.moving.values()}
        done = 0
        try:
            for stages in descend(descent, leaves, request.steps, cancelled):
                account.add(stages, old)
                values = old = dict(stages.values)
                done = stages.number
                self._watch(Progress(done, request.steps, account.losses[-1]))
            last = run_forward(plan, prepared.xp, leaves | _by_name(prepared, values), cancelled)
        except EngineError as error:
            raise _at_step(prepared.description.pointers.refusal(error), done + 1, request.steps) from None
        return account.reply(last, objective(descent, last), values)

    def recorded(self, number: int) -> bool:
        """Whether the numbers of a step are in the reply."""
        return self.request.record > 0 and (number - 1) % self.request.record == 0

    def _cost(self) -> Cost:
        """Of all steps and a last forward pass. What is recorded is held until the reply is sent."""
        plan, steps = self.prepared.plan, self.request.steps
        slots = tuple(self.moving.values())
        moving = sum(prod(plan.full_shape(slot)) for slot in slots)
        forward, backward = forward_cost(plan, traced=self.request.trace), gradients_cost(plan, slots)
        outputs = prod(plan.full_shape(plan.output))
        remembered = len(self.optimizer.remembers)
        a_record = outputs + (5 + remembered) * moving + (forward.returned if self.request.trace else 0)
        records = -(-steps // self.request.record) if self.request.record else 0
        returned = steps + records * a_record + outputs + moving
        return self.prepared.cost + Cost(
            flops=steps * (forward.flops + backward.flops + UPDATE_FLOPS * moving) + forward.flops,
            held=forward.held + backward.held + (4 + 2 * remembered) * moving + returned,
            returned=returned,
            calls=(steps + 1) * (forward.calls + backward.calls + len(slots)),
        )


class _Account:
    """What the reply says, as the steps go by."""

    def __init__(self, train: Train) -> None:
        self._train = train
        self._results = Results(train.prepared)
        self.losses: list[float] = []
        self._recorded: list[Reply] = []
        self._kinks: list[Reply] = []
        self._kink_count = 0
        self._warnings: dict[str, str] = {}

    def add(self, stages: Stages, old: Mapping[int, Array]) -> None:
        """Take a step into account. `old`: the values before it, by slot."""
        xp = self._train.prepared.xp
        self.losses.append(float(xp.to_numpy(stages.loss)))
        if self._train.recorded(stages.number):
            self._recorded.append(self._stages(stages, old))
        self._note_kinks(stages)
        self._warn(stages)

    def reply(self, last: Trace, loss: Array, values: Mapping[int, Array]) -> Reply:
        """The whole reply."""
        output, results = last.plan.output, self._results
        reply: Reply = {
            "losses": np.asarray(self.losses),
            "outputs": results.value(output, last.values[output]),
            "loss": self._train.prepared.xp.to_numpy(loss),
            "moved": self._values(values),
            "recorded": self._recorded,
            "kinks": self._kinks,
            "kink_count": self._kink_count,
        }
        return results.finish(reply, list(self._warnings.values()))

    def _stages(self, stages: Stages, old: Mapping[int, Array]) -> Reply:
        request, xp = self._train.request, self._train.prepared.xp
        output = stages.trace.plan.output
        forward: Reply = {"outputs": self._results.value(output, stages.trace.values[output])}
        if request.trace:
            forward["trace"] = trace_entries(stages.trace, self._results)
        change = {slot: value - old[slot] for slot, value in stages.values.items()}
        state = {
            name: {kept: self._results.gradient(slot, array) for kept, array in stages.memory[slot].items()}
            for name, slot in self._train.moving.items()
        }
        return {
            "step": stages.number,
            "forward": forward,
            "loss": {"loss": xp.to_numpy(stages.loss)},
            "clear": {"cleared": request.clear_gradients, "gradients": self._gradients(stages.cleared)},
            "backward": {
                "gradients": self._gradients(stages.gradients),
                "accumulated": self._gradients(stages.buffers),
            },
            "update": {"state": state, "change": self._values(change), "values": self._values(stages.values)},
        }

    def _gradients(self, found: Mapping[int, Array]) -> dict[str, Any]:
        return {name: self._results.gradient(slot, found[slot]) for name, slot in self._train.moving.items()}

    def _values(self, found: Mapping[int, Array]) -> dict[str, Any]:
        return {name: self._results.value(slot, found[slot]) for name, slot in self._train.moving.items()}

    def _note_kinks(self, stages: Stages) -> None:
        count, shown = find_kinks(stages.trace, self._train.with_kinks, max(0, MOST_SHOWN - len(self._kinks)))
        if count:
            here: Reply = {}
            self._results.add_kinks(here, count, shown)
            self._kink_count += count
            self._kinks += [{**kink, "step": stages.number} for kink in here["kinks"]]

    def _warn(self, stages: Stages) -> None:
        """Each thing is said once, with the first step that it is true of."""
        said = [*loss_warnings(stages.trace), *fused_warnings(stages.trace, stages.fused)]
        for each in said[: MOST_WARNINGS - len(self._warnings)]:
            about = each.lstrip("0123456789 ")  # how many it is true of changes from step to step
            self._warnings.setdefault(about, f"step {stages.number}: {each}")


def _moving(prepared: Prepared, request: TrainRequest) -> dict[str, int]:
    """The slots that move, by the names they are asked for. Raises Refused for what is neither given nor drawn."""
    plan = prepared.plan
    names = plan.parameters if isinstance(request.wrt, str) else tuple(request.wrt)
    if not names:
        raise refuse("/wrt", 'nothing moves: name a parameter or an input, ["x"] say')
    found: dict[str, int] = {}
    for position, name in enumerate(names):
        slot = resolve(plan, name, f"/wrt/{position}")
        if plan.producer(slot) is not None:
            raise refuse(f"/wrt/{position}", f"{name} is worked out by a node: name parameters and inputs, which move")
        if slot in found.values():
            raise refuse(f"/wrt/{position}", f"{name} is named twice: name it once")
        found[name] = slot
    return found


def _optimizer(request: TrainRequest) -> Optimizer:
    chosen = request.optimizer
    if isinstance(chosen, AdamOptimizer):
        decay, maximize = chosen.weight_decay, request.maximize
        return Adam(request.learning_rate, *chosen.betas, chosen.eps, decay, maximize)
    return SGD(
        request.learning_rate,
        chosen.momentum,
        chosen.dampening,
        chosen.nesterov,
        chosen.weight_decay,
        request.maximize,
    )


def _by_name(prepared: Prepared, values: Mapping[int, Array]) -> dict[str, Array]:
    return {prepared.plan.slots[slot].name: value for slot, value in values.items()}


def _at_step(refusal: Refused, number: int, steps: int) -> Refused:
    """The refusal of a value that a step led to, saying which."""
    when = f"at step {number}: " if number <= steps else "after the last step: "
    return refusal.told(lambda fault: Fault(fault.pointer, when + fault.message))

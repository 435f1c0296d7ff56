"""`instances`: a template, or a problem on file, and a seed; out comes a problem with its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from pydantic import ValidationError

from chainrule.engine.cost import Cost
from chainrule.engine.trace import never
from chainrule.grading.quantities import UnknownQuantity
from chainrule.operations.instances.generator import Instance, make_instance
from chainrule.operations.instances.references import Problems
from chainrule.operations.refusals import Fault, Refused, refuse
from chainrule.operations.results import Reply, meta
from chainrule.operations.validation import refusal_of
from chainrule.schemas.envelope import MalformedBody, TensorRef, load, split
from chainrule.schemas.instances import InstancesRequest

CALLS_AN_ATTEMPT = 10
"""What an attempt takes, in applications of an op."""


class Drawing:
    """One request of `instances`, ready to run."""

    def __init__(self, problems: Problems, request: Mapping[str, Any]) -> None:
        try:
            self._request = InstancesRequest.model_validate(request)
        except ValidationError as error:
            raise refusal_of(error, dict(request), InstancesRequest) from None
        self._problems = problems
        self._seed = problems.seed_of(self._request)
        template = self._request.template or problems.find(self._request.problem or "").template
        self.cost: Cost = Cost(calls=template.constraints.attempts * CALLS_AN_ATTEMPT)

    def run(self, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled."""
        instance = self._instance(cancelled)
        return {
            "problem": _copied(instance.problem),
            "seed": self._seed,
            "sizes": instance.sizes,
            "attempt": instance.attempt,
            "warnings": [],
            "meta": meta("numpy", "cpu", "float64"),
        }

    def _instance(self, cancelled: Callable[[], bool]) -> Instance:
        request, problems = self._request, self._problems
        if request.template is None:
            return problems.instance(request.problem or "", self._seed, request.attempt, cancelled)
        accept = problems.check(request.asks, batched=request.template.batched, limits=problems.limits)
        try:
            return make_instance(
                request.template,
                self._seed,
                accept,
                attempt=request.attempt,
                limits=problems.limits,
                cancelled=cancelled,
            )
        except Refused as refused:
            raise _within_template(refused) from None
        except UnknownQuantity as error:
            assert request.asks is not None
            raise refuse(f"/asks/{request.asks.index(error.quantity)}", str(error)) from None


def request_of(body: bytes) -> dict[str, Any]:
    """The request in a JSON body. Raises MalformedBody, as for every other request."""
    envelope = split(body)
    request: dict[str, Any] = _spelled_out(load(envelope), envelope.spans)
    return request


def _within_template(refused: Refused) -> Refused:
    """The refusal of a problem as one of the template that it was drawn from."""
    return refused.told(lambda fault: Fault(f"/template{fault.pointer}", fault.message))


def _spelled_out(tree: Any, spans: Sequence[bytes]) -> Any:
    """The tree with every array that a placeholder stands for."""
    if isinstance(tree, TensorRef):
        try:
            return orjson.loads(spans[tree.index])
        except orjson.JSONDecodeError as error:
            raise MalformedBody(f"the body is not JSON: {error.msg}, at byte {error.pos} of an array") from None
    if isinstance(tree, dict):
        return {key: _spelled_out(item, spans) for key, item in tree.items()}
    return [_spelled_out(item, spans) for item in tree] if isinstance(tree, list) else tree


def _copied(tree: Any) -> Any:
    """The tree with arrays of its own: those of an instance that is kept are not the caller's to change."""
    if isinstance(tree, np.ndarray):
        return tree.copy()
    if isinstance(tree, dict):
        return {key: _copied(item) for key, item in tree.items()}
    return [_copied(item) for item in tree] if isinstance(tree, list) else tree

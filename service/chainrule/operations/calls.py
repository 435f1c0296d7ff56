"""From a request to something that runs, keeping what requests of the same structure share.

Two requests that differ in their numbers alone have the same words (`Envelope.skeleton`), so the second needs no
validation; and tensors of the same shapes, so it needs no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pydantic import ValidationError

from chainrule.engine.cost import Cost
from chainrule.engine.trace import never
from chainrule.operations.forward import Forward
from chainrule.operations.gradients import Gradients
from chainrule.operations.jacobians import Jacobians
from chainrule.operations.limits import Limits
from chainrule.operations.loss import Loss
from chainrule.operations.prepared import Arrays, Prepared, prepare
from chainrule.operations.refusals import Refused, refuse
from chainrule.operations.results import Reply
from chainrule.operations.structures import Structure, Structures
from chainrule.operations.validate import Validate
from chainrule.operations.validation import refusal_of
from chainrule.schemas import requests
from chainrule.schemas.envelope import Envelope, MalformedBody, load, split
from chainrule.schemas.tensors import ArrayCollector, UnfitTensor, pointer_of


class Operation(Protocol):
    """One request, ready to run on its arrays."""

    prepared: Prepared
    cost: Cost

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply: ...


OPERATIONS: Mapping[str, tuple[type[requests.Problem], Callable[[Prepared, Limits], Operation]]] = {
    "validate": (requests.ValidateRequest, Validate),
    "forward": (requests.ForwardRequest, Forward),
    "loss": (requests.LossRequest, Loss),
    "gradients": (requests.GradientsRequest, Gradients),
    "jacobians": (requests.JacobiansRequest, Jacobians),
}


@dataclass(frozen=True, slots=True)
class Call:
    """An operation and the arrays to run it on."""

    operation: Operation
    arrays: Arrays

    def run(self, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled. Numbers that are not finite are reported, not warned of."""
        with np.errstate(all="ignore"), self.operation.prepared.xp.inference_mode():
            return self.operation.run(self.arrays, cancelled)


class Calls:
    """Makes requests ready, under `limits`. Safe to use from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._structures: Structures[Operation] = Structures()

    def parse(self, name: str, body: bytes) -> Call:
        """A JSON body of the operation `name`, ready to run. Raises Refused."""
        try:
            envelope = split(body)
        except MalformedBody as error:
            raise Refused(str(error), title="Request not JSON", status=400) from None
        structure = self._structures.find(name, envelope) or self._validate(name, envelope)
        try:
            arrays = structure.layout.arrays(envelope.spans)
        except UnfitTensor as error:
            raise refuse(pointer_of(load(envelope), error.ref) or "", str(error)) from None
        return self._call(name, structure, arrays)

    def take(self, name: str, request: Mapping[str, Any]) -> Call:
        """A request as Python values, its tensors as lists or arrays, ready to run. Raises Refused."""
        collector = ArrayCollector()
        structure: Structure[Operation] = Structure(self._model(name, dict(request), collector), collector.layout)
        return self._call(name, structure, collector.arrays)

    def _validate(self, name: str, envelope: Envelope) -> Structure[Operation]:
        try:
            loaded = load(envelope)
        except MalformedBody as error:
            raise Refused(str(error), title="Request not JSON", status=400) from None
        collector = ArrayCollector(envelope.spans)
        model = self._model(name, loaded, collector)
        structure: Structure[Operation] = Structure(model, collector.layout)
        self._structures.keep(name, envelope, structure)
        return structure

    def _model(self, name: str, loaded: dict[str, Any], collector: ArrayCollector) -> requests.Problem:
        try:
            return OPERATIONS[name][0].model_validate(loaded, context={"arrays": collector})
        except ValidationError as error:
            raise refusal_of(error, loaded) from None

    def _call(self, name: str, structure: Structure[Operation], arrays: Arrays) -> Call:
        shapes = tuple([array.shape for array in arrays])
        operation = structure.prepared.get(shapes)
        if operation is None:
            operation = OPERATIONS[name][1](prepare(structure.model, shapes), self.limits)
            self._structures.add(structure, shapes, operation)
        return Call(operation, arrays)

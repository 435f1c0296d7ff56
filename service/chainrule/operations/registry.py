"""The operations by name, each loaded when it is first asked for: a grading script has no use for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol

from chainrule.engine.cost import Cost
from chainrule.engine.trace import never
from chainrule.operations.limits import Limits
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.results import Reply
from chainrule.schemas.requests import Problem


class Operation(Protocol):
    """One request, ready to run on its arrays."""

    prepared: Prepared
    cost: Cost

    def run(self, arrays: Arrays, cancelled: Callable[[], bool] = never) -> Reply: ...


Entry = tuple[type[Problem], Callable[[Prepared, Limits], Operation]]
"""What a request of it is, and what makes one ready."""

_HOMES = {
    "validate": ("requests.ValidateRequest", "validate.Validate"),
    "forward": ("requests.ForwardRequest", "forward.Forward"),
    "loss": ("requests.LossRequest", "loss.Loss"),
    "gradients": ("requests.GradientsRequest", "gradients.Gradients"),
    "jacobians": ("requests.JacobiansRequest", "jacobians.Jacobians"),
    "derivation": ("derivation.DerivationRequest", "derivation.Derivation"),
    "grade": ("grading.GradeRequest", "grade.Grade"),
    "train": ("training.TrainRequest", "train.Train"),
    "flow": ("flow.FlowRequest", "flow.Flow"),
    "graph": ("graph.GraphRequest", "graph.Graph"),
}
"""Where in the schemas and among the operations each is."""


class _Operations(Mapping[str, Entry]):
    def __getitem__(self, name: str) -> Entry:
        request, operation = _HOMES[name]
        return _named("chainrule.schemas", request), _named("chainrule.operations", operation)

    def __iter__(self) -> Iterator[str]:
        return iter(_HOMES)

    def __len__(self) -> int:
        return len(_HOMES)


def _named(package: str, path: str) -> Any:
    module, _, name = path.partition(".")
    return getattr(import_module(f"{package}.{module}"), name)


OPERATIONS: Mapping[str, Entry] = _Operations()

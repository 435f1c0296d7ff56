"""How a call is asked for, whoever answers it, and the fields that the calls share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from chainrule.schemas.progress import Watch
from chainrule_client.requests import Call, Inputs, LossLike, NetworkLike
from chainrule_client.tensors import TensorLike

Answer = TypeVar("Answer", covariant=True)
"""What a method returns: a `Reply`, or a coroutine of one."""

Layout = Literal["torch", "numerator", "denominator"]
DType = Literal["float64", "float32"]
Backend = Literal["torch", "numpy"]
Penalties = Sequence[Mapping[str, Any]]


class Asking(ABC, Generic[Answer]):
    """Makes calls; a client says how they are answered."""

    @abstractmethod
    def _perform(self, call: Call) -> Answer:
        """Have the call computed."""

    def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        *,
        request_id: str | None = None,
        watch: Watch | None = None,
    ) -> Answer:
        """Any operation, from the request as the wire has it. watch: as for `train`."""
        return self._perform(Call.of(operation, request, request_id, watch))

    def _ask(
        self, operation: str, fields: Mapping[str, Any], request_id: str | None, watch: Watch | None = None
    ) -> Answer:
        given = {name: value for name, value in fields.items() if value is not None}
        return self._perform(Call.of(operation, given, request_id, watch))


def problem_fields(
    network: NetworkLike,
    inputs: Inputs,
    targets: TensorLike | None = None,
    loss: LossLike | None = None,
    penalties: Penalties | None = None,
) -> dict[str, Any]:
    """What there is to compute with."""
    return {"network": network, "inputs": inputs, "targets": targets, "loss": loss, "penalties": penalties}


def computation_fields(
    batched: bool, layout: Layout, dtype: DType, device: str, backend: Backend | None
) -> dict[str, Any]:
    """How it is computed."""
    return {"batched": batched, "layout": layout, "dtype": dtype, "device": device, "backend": backend}

"""What is differentiated: the loss, one number, or the output with an upstream in a loss's place."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from chainrule.operations.loss import need_loss
from chainrule.operations.prepared import Arrays, Prepared
from chainrule.operations.refusals import refuse
from chainrule.schemas.tensors import TensorSlot


class _Seeded(Protocol):
    upstream: TensorSlot | None


def objective_slot(prepared: Prepared, request: _Seeded) -> int:
    """The slot that cotangents are pulled back from. Raises Refused where there is no loss, or not one number."""
    return prepared.plan.output if request.upstream is not None else _scalar_loss(prepared)


def upstream_array(prepared: Prepared, request: _Seeded, arrays: Arrays) -> Any:
    """The upstream on the device, with its batch axis; None where there is a loss. Raises Refused for its shape."""
    if request.upstream is None:
        return None
    plan = prepared.plan
    given = np.asarray(arrays[request.upstream.index], dtype=np.float64)
    wanted = prepared.shape(plan.output)
    if given.shape != wanted:
        raise refuse("/upstream", f"upstream has shape {list(given.shape)}; the outputs' shape is {list(wanted)}")
    return prepared.on_device(given.reshape(plan.full_shape(plan.output)))


def stacked_upstream(prepared: Prepared, request: _Seeded, arrays: Arrays) -> Any:
    """The upstreams of P requests on the device, with an axis for the batch. Raises Refused for their shape."""
    assert request.upstream is not None
    plan, given = prepared.plan, arrays[request.upstream.index]
    if given.shape[1:] != prepared.shape(plan.output):
        raise refuse("/upstream", "upstream does not have the outputs' shape")
    full = (plan.batch if plan.slots[plan.output].batched else 1, *plan.slots[plan.output].shape)
    return prepared.on_device(np.asarray(given, dtype=np.float64).reshape((len(given), *full)))


def _scalar_loss(prepared: Prepared) -> int:
    slot = need_loss(prepared, '; or a cotangent of the outputs under "upstream"')
    if prepared.plan.slots[slot].batched or prepared.plan.slots[slot].shape:
        raise refuse(
            "/loss/reduction", "a gradient is of one number, and reduction none leaves many: write sum or mean"
        )
    return slot

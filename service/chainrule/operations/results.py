"""From the engine's arrays to a reply's: batch axis, layout, NumPy, warnings and meta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engine import layouts
from chainrule.engine.backends import Array, Shape, choose
from chainrule.engine.backward import Cotangent
from chainrule.engine.errors import EngineError
from chainrule.engine.jacobian import dense, jacobian_shape
from chainrule.engine.kinks import Kink
from chainrule.engine.structure import Diagonal, Jacobian, OuterJacobian
from chainrule.operations.prepared import Prepared
from chainrule.operations.refusals import refuse
from chainrule.version import CONVENTIONS, VERSION

Reply = dict[str, Any]
"""A reply as a tree, with NumPy arrays for tensors."""


@dataclass(frozen=True, slots=True)
class Results:
    """Turns what the engine found for one prepared request into what its reply says."""

    prepared: Prepared

    def value(self, slot: int, value: Array) -> NDArray[Any]:
        """A value as the caller sees it: without a batch axis where the request has none."""
        found = self.prepared.xp.to_numpy(value)
        return found[0] if self._drops_batch(slot) else found

    def gradient(self, slot: int, value: Array, *, each: bool = False) -> NDArray[Any]:
        """∂C/∂slot in the layout asked for. With `each`, one an example: (N, *shape)."""
        plan, xp = self.prepared.plan, self.prepared.xp
        if self._drops_batch(slot) and not each:
            value = value[0]
        layout = self.prepared.request.layout
        if layout != "torch":
            value = layouts.gradient(xp, value, plan.slots[slot].shape, layout)
        return xp.to_numpy(value)

    def jacobian(self, of: int, wrt: int, found: Jacobian, *, structured: bool) -> Reply:
        """∂of/∂wrt: `shape`, `structure` and its tensors."""
        plan, xp = self.prepared.plan, self.prepared.xp
        full = jacobian_shape(plan, of, wrt)
        drop = self._drops_batch(of) or self._drops_batch(wrt)
        if structured and isinstance(found, Diagonal | OuterJacobian):
            return self._structured(found, full[1:] if drop else full, (), drop)
        value = dense(xp, found, full, len(plan.slots[of].shape))
        return self._dense(of, wrt, value[0] if drop else value)

    def local(self, of: int, wrt: int, found: Jacobian) -> Reply:
        """The Jacobian of one op, in the structure it has. It may lack a batch axis where the examples agree."""
        drop = self._drops_batch(of) or self._drops_batch(wrt)
        if isinstance(found, Diagonal | OuterJacobian):
            return self._structured(found, None, self.prepared.plan.slots[of].shape, drop)
        full = len(jacobian_shape(self.prepared.plan, of, wrt))
        return self._dense(of, wrt, found.value[0] if drop and found.value.ndim == full else found.value)

    def _dense(self, of: int, wrt: int, value: Array) -> Reply:
        plan, xp = self.prepared.plan, self.prepared.xp
        laid = layouts.jacobian(xp, value, plan.slots[of].shape, plan.slots[wrt].shape, self.prepared.request.layout)
        return {"shape": list(laid.shape), "structure": "dense", "value": xp.to_numpy(laid)}

    def _structured(self, found: Diagonal | OuterJacobian, full: Shape | None, example: Shape, drop: bool) -> Reply:
        xp = self.prepared.xp
        if isinstance(found, Diagonal):
            diagonal = xp.to_numpy(found.diagonal[0] if drop else found.diagonal)
            shape = list(full) if full is not None else [*diagonal.shape, *example]
            return {"shape": shape, "structure": "diagonal", "diagonal": diagonal}
        left, right = (xp.to_numpy(part[0] if drop else part) for part in (found.left, found.right))
        shape = list(full) if full is not None else [*left.shape, right.shape[-1]]
        return {"shape": shape, "structure": "outer", "left": left, "right": right}

    def array(self, slot: int, cotangent: Cotangent | None) -> Array:
        """A cotangent that was kept, as an array. None stands for that of something that does not matter."""
        if cotangent is None:
            return self.prepared.xp.zeros(self.prepared.plan.full_shape(slot))
        # The seed of the loss is a bare float. A scalar's gradient on NumPy is a float too, of a class of its own.
        return self.prepared.xp.ones(()) if type(cotangent) is float else cotangent

    def add_kinks(self, reply: Reply, count: int, shown: list[Kink]) -> None:
        """Say in the reply where a derivative was taken at a kink."""
        dropped = not self.prepared.request.batched
        reply["kinks"] = [
            {"node": kink.node, "index": list(kink.index[dropped and kink.batched :]), "value": kink.value}
            for kink in shown
        ]
        reply["kink_count"] = count

    def finish(self, reply: Reply, warnings: list[str]) -> Reply:
        """Add `warnings` and `meta`."""
        xp = self.prepared.xp
        return {**reply, "warnings": warnings, "meta": meta(xp.name, xp.device, xp.dtype)}

    def _drops_batch(self, slot: int) -> bool:
        return self.prepared.drops_batch(slot)


def warn_nonfinite(reply: Reply, paths: list[str]) -> None:
    """Say in the reply's warnings which of its values are not finite."""
    if paths:
        shown = ", ".join(paths[:10]) + (f" and {len(paths) - 10} more" if len(paths) > 10 else "")
        reply["warnings"].append(f"not finite: {shown}")


def meta(backend: str, device: str, dtype: str) -> Reply:
    """Which version, conventions, backend, device and dtype a reply was computed with."""
    return {"version": VERSION, "conventions": CONVENTIONS, "backend": backend, "device": device, "dtype": dtype}


def check_layout(prepared: Prepared, slots: dict[str, int], field: str) -> None:
    """Refuse, before computing, a layout that a value's rank does not allow."""
    layout = prepared.request.layout
    for name, slot in slots.items():
        shape = prepared.plan.slots[slot].shape
        try:
            layouts.gradient(choose("numpy", "cpu", "float64"), np.zeros((1,) * len(shape)), shape, layout)
        except EngineError as error:
            raise refuse("/layout", f"{field} {name}: {error.message}") from None

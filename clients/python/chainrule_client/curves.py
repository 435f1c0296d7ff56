"""Curves of ops: what to ask for, and the answers drawn side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

import orjson

OpLike: TypeAlias = str | Mapping[str, Any]
"""An op by its name, or with options, as a layer has them: `{"op": "leaky_relu", "slope": 0.1}`."""


class CurveRequest(NamedTuple):
    """An op, with the range of its curve where that is not the usual one."""

    name: str
    options: Mapping[str, Any]
    low: float | None = None
    high: float | None = None
    points: int | None = None

    @classmethod
    def of(
        cls, op: OpLike, low: float | None = None, high: float | None = None, points: int | None = None
    ) -> CurveRequest:
        """Raises ValueError for a mapping without an op."""
        if isinstance(op, str):
            return cls(op, {}, low, high, points)
        if not isinstance(op.get("op"), str):
            raise ValueError('an op with options is written {"op": "leaky_relu", "slope": 0.1}')
        return cls(op["op"], {name: value for name, value in op.items() if name != "op"}, low, high, points)

    @property
    def path(self) -> str:
        """Where the service has it."""
        query = {**self.given(), **({"options": orjson.dumps(self.options)} if self.options else {})}
        return f"/v1/ops/{quote(self.name, safe='')}" + (f"?{urlencode(query)}" if query else "")

    def given(self) -> dict[str, Any]:
        """What was asked of the range."""
        asked = {"low": self.low, "high": self.high, "points": self.points}
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def label(self) -> str:
        """What stands over the curve."""
        return ", ".join([self.name, *(f"{name} {value}" for name, value in self.options.items())])


def drawn(requests: Sequence[CurveRequest], descriptions: Sequence[Mapping[str, Any]], columns: int) -> str:
    """The curves side by side, as SVG. Raises ValueError for an op that has none."""
    from chainrule.pictures.curves import curve_from, curves_svg

    for request, description in zip(requests, descriptions, strict=True):
        if description["curve"] is None:
            raise ValueError(f"{request.name} is no function of one number: it has no curve to draw")
    pairs = zip(requests, descriptions, strict=True)
    return curves_svg([curve_from(request.label, found["curve"]) for request, found in pairs], columns)

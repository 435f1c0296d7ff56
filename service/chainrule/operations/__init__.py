"""What each endpoint computes, from a request to a reply of arrays, without HTTP: the API and the client share it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from chainrule.operations.calls import OPERATIONS, Call, Calls
from chainrule.operations.limits import Limits
from chainrule.operations.refusals import Fault, Refused
from chainrule.operations.results import Reply, warn_nonfinite
from chainrule.schemas.encoding import nonfinite

__all__ = ["OPERATIONS", "Call", "Calls", "Fault", "Limits", "Refused", "Reply", "run"]


@cache
def _calls() -> Calls:
    return Calls()


def run(operation: str, request: Mapping[str, Any]) -> Reply:
    """Run `operation` (`forward`, `gradients`, …) on a request of Python values. Raises Refused."""
    reply = _calls().take(operation, request).run()
    warn_nonfinite(reply, nonfinite(reply))
    return reply

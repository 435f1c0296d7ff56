"""What each endpoint computes, from a request to a reply of arrays, without HTTP: the API and the client share it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from chainrule.engine.near_names import nearest
from chainrule.operations.calls import INSTANCES, Call, Calls, Ready
from chainrule.operations.limits import Limits
from chainrule.operations.refusals import Fault, Refused
from chainrule.operations.registry import OPERATIONS
from chainrule.operations.results import Reply, warn_nonfinite
from chainrule.schemas.encoding import encode, nonfinite
from chainrule.schemas.progress import Watch

__all__ = [
    "INSTANCES",
    "OPERATIONS",
    "Call",
    "Calls",
    "Fault",
    "Limits",
    "Ready",
    "Refused",
    "Reply",
    "answer",
    "run",
    "shared_calls",
]


@lru_cache(maxsize=8)
def shared_calls(folder: str | None = None, secret: str = "", state: Hashable = ()) -> Calls:
    """Calls that may name the bundled problems and those of a folder; `secret` makes seeds for identities.

    The same for the same arguments: what requests have in common is kept. With another `state` of the folder it is read
    anew. Raises ValueError for a folder that has a set which cannot be used.
    """
    if folder is None and not secret:
        return Calls()
    from chainrule.operations.instances.library import Library
    from chainrule.operations.instances.references import Problems

    return Calls(problems=Problems(Library(Path(folder) if folder else None), secret))


def answer(operation: str, body: bytes, calls: Calls | None = None) -> bytes:
    """The JSON of the reply to a JSON body; what its structure needs is kept for the next. Raises Refused."""
    reply = (calls or shared_calls()).parse(operation, body).run()
    return encode(reply, lambda paths: warn_nonfinite(reply, paths))


def run(operation: str, request: Mapping[str, Any], calls: Calls | None = None, watch: Watch | None = None) -> Reply:
    """Run `operation` (`forward`, `gradients`, …, `instances`) on a request of Python values. Raises Refused.

    `watch` is told how far it has come, where it is one that takes steps.
    """
    there = (*OPERATIONS, INSTANCES)
    if operation not in there:
        raise Refused(f"there is no such operation: {nearest(operation[:100], there)}", title="Not Found", status=404)
    calls = calls or shared_calls()
    if operation == INSTANCES:
        reply = calls.draw(request).run()
    else:
        call = calls.take(operation, request)
        reply = (call if watch is None else call.watched(watch)).run()
    warn_nonfinite(reply, nonfinite(reply))
    return reply

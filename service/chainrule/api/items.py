"""One item of a batch: what its line asks for, and the line that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, get_args

import orjson

from chainrule.api.authentication import Caller
from chainrule.api.exchange import Exchange, too_long
from chainrule.api.lines import Line
from chainrule.api.logs import log_fault
from chainrule.api.memory import OutOfMemory, guarded
from chainrule.api.problems import Problem, internal_error, problem_of
from chainrule.engine.trace import Cancelled
from chainrule.operations import Calls, Fault, Refused
from chainrule.operations.calls import not_json
from chainrule.operations.refusals import refuse
from chainrule.operations.results import warn_nonfinite
from chainrule.schemas.batch import LONGEST_ID, BatchItem
from chainrule.schemas.encoding import encode
from chainrule.schemas.envelope import MalformedBody, parse_skeleton, split
from chainrule.schemas.ops import nearest

FIELDS = tuple(BatchItem.model_fields)
OPERATIONS = get_args(BatchItem.model_fields["operation"].annotation)

Tree = Mapping[str, Any]


class Items:
    """Answers the items of one caller's batch. What goes wrong with one is told in its answer."""

    def __init__(self, calls: Calls, caller: Caller, exchange: Exchange, most: int) -> None:
        self._calls, self._caller, self._exchange, self._most = calls, caller, exchange, most
        self.statuses: list[int] = []
        """Of the answers made so far, until somebody takes them."""

    def answer(self, line: Line, cancelled: Callable[[], bool]) -> bytes:
        """The line that answers a line."""
        told = _number(line)
        try:
            if line.text is None:
                raise too_long(self._most)
            envelope = split(line.text, words=True)
            tree = parse_skeleton(envelope)
            told = _identity(tree) or told
            check_item(tree)
            self._caller.check(tree["operation"])
            reply = guarded(lambda: self._reply(tree, envelope.spans, cancelled))
        except Exception as error:
            return self._refused(told, self._problem(error))
        self.statuses.append(200)
        return _replied(told, reply)

    def put_off(self, line: Line, problem: Problem) -> bytes:
        """The line that answers a line which is not looked into further than for its id."""
        told = _number(line)
        with suppress(MalformedBody):
            told = _identity(parse_skeleton(split(line.text or b"", words=True))) or told
        return self._refused(told, problem)

    def _refused(self, told: bytes, problem: Problem) -> bytes:
        self.statuses.append(problem.status)
        return refused(told, problem, self._exchange.request_id)

    def _reply(self, tree: Tree, spans: tuple[bytes, ...], cancelled: Callable[[], bool]) -> bytes:
        call = self._calls.parse_part(tree["operation"], tree["request"], spans, self._caller.terms)
        reply = call.run(cancelled)
        return encode(reply, lambda paths: warn_nonfinite(reply, paths))

    def _problem(self, error: Exception) -> Problem:
        match error:
            case Problem():
                return error
            case Refused():
                return problem_of(error)
            case MalformedBody():
                return problem_of(not_json(error))
            case OutOfMemory():
                return Problem(503, "there was not enough memory for this item just now: send it again")
            case Cancelled():
                return Problem(408, "there was no answer to this item within its time: ask for less, or allow more")
        log_fault(self._exchange, error)
        return internal_error()


def check_item(tree: Tree) -> None:
    """Let an item pass whose own fields are sound. Raises Refused."""
    unknown = [name for name in tree if name not in FIELDS]
    missing = [name for name in FIELDS if name not in tree]
    faults = [Fault(f"/{name[:100]}", "this is not a field of an item") for name in unknown]
    faults += [Fault(f"/{name}", f"{name} is missing") for name in missing]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise Refused(f"{faults[0].pointer}: {faults[0].message}{more}", faults=faults)
    if _identity(tree) is None:
        raise refuse("/id", f"an id is an integer, or text of at most {LONGEST_ID} characters")
    operation = tree["operation"]
    if operation not in OPERATIONS:
        found = nearest(operation[:100], OPERATIONS) if isinstance(operation, str) else "it wants text"
        raise refuse("/operation", f"there is no such operation: {found}")
    if not isinstance(tree["request"], dict):
        raise refuse("/request", "request wants an object: the body that the operation takes")


def refused(told: bytes, problem: Problem, request_id: str) -> bytes:
    """The line that says why an item has no reply."""
    return b'{%b,"status":%d,"problem":%b}\n' % (told, problem.status, problem.document(request_id))


def _replied(told: bytes, reply: bytes) -> bytes:
    return b'{%b,"status":200,"reply":%b}\n' % (told, reply)


def _identity(tree: Tree) -> bytes | None:
    """The item's id as a member of its answer, if it is one."""
    found = tree.get("id")
    if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > LONGEST_ID:
        return None
    return b'"id":%b' % orjson.dumps(found)


def _number(line: Line) -> bytes:
    return b'"id":null,"line":%d' % line.number

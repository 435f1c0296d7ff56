"""One item of a batch: what its line asks for, and the line that answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, get_args

import orjson

from chainrule.api.authentication import Caller
from chainrule.api.exchange import Exchange, too_long
from chainrule.api.lines import Line
from chainrule.api.logs import log_fault
from chainrule.api.memory import OutOfMemory, guarded
from chainrule.api.problems import Problem, internal_error, problem_of
from chainrule.engine.errors import EngineError
from chainrule.engine.near_names import nearest
from chainrule.engine.trace import Cancelled
from chainrule.operations import Call, Calls, Fault, Refused, Reply
from chainrule.operations.calls import not_json
from chainrule.operations.refusals import refuse, refuse_for
from chainrule.operations.results import warn_nonfinite
from chainrule.schemas.batch import LONGEST_ID, BatchItem
from chainrule.schemas.cuts import Cut
from chainrule.schemas.encoding import encode
from chainrule.schemas.envelope import Envelope, MalformedBody, parse_skeleton, split
from chainrule.schemas.parts import Tree
from chainrule.schemas.pointers import shown

FIELDS = tuple(BatchItem.model_fields)
OPERATIONS = get_args(BatchItem.model_fields["operation"].annotation)
TOGETHER = ("gradients", "loss", "forward")
"""Operations of which requests may be computed together."""

MOST_REQUESTS = 64
"""Requests, numbers apart, of which a batch knows that they are alike: the latest."""
MOST_CUTS = 8
"""Of those so many are told at a glance."""
LONGEST = 1 << 12
"""Bytes outside its tensors of an item that may be computed together with others."""
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*(0|-?[1-9]\d{0,17}|"[\w.:/ -]{1,%d}")(?=\s*,)' % LONGEST_ID)
"""How most items begin."""

Answer: TypeAlias = tuple[int, bytes]
"""The status of an item, and the line that answers it."""

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Request:
    """What items have in common that differ in their numbers alone. `together`: whether they may be computed so."""

    operation: str
    tree: Tree
    together: bool


@dataclass(slots=True, eq=False)
class Item:
    """A sound line: what it is told by, its request, and the raw text of its tensors.

    `line` is there where it was taken at a glance, so that what may be wrong with its tensors is not known.
    """

    told: bytes
    request: Request
    spans: tuple[bytes, ...]
    line: Line | None = None
    tried: bool = False
    """Whether it has been computed in company, or was to be."""
    answer: Answer | None = None

    def brackets(self) -> tuple[int, ...]:
        """Different for most tensors of different shapes."""
        return tuple([span.count(mark) for span in self.spans for mark in (b"[", b",")])


class Items:
    """Answers the items of one caller's batch. What goes wrong with one is told in its answer."""

    def __init__(self, calls: Calls, caller: Caller, exchange: Exchange, most: int) -> None:
        self._calls, self._caller, self._exchange, self._most = calls, caller, exchange, most
        self.stacks: list[int] = []
        """How many items were computed together, each time since somebody last took this."""
        self.kinds: list[str] = []
        """Of the errors that items were answered with, since then."""
        self._requests: dict[tuple[str, bytes, int], Request] = {}
        self._cuts: list[tuple[Cut, Request]] = []

    # -- reading --------------------------------------------------------------------------------------------------
    def read(self, line: Line) -> Item | Answer:
        """What a line asks for, or what is wrong with it."""
        return self._at_a_glance(line) or self._read(line)

    def _at_a_glance(self, line: Line) -> Item | None:
        """The item, if it has the same text around its id and its tensors as a late one."""
        if line.text is None or (begun := _ID.match(line.text)) is None:
            return None
        rest = line.text[begun.end() :]
        for cut, request in self._cuts:
            envelope = cut.apply(rest)
            if envelope is not None:
                return Item(b'"id":%b' % begun[1], request, envelope.spans, line)
        return None

    def _read(self, line: Line) -> Item | Answer:
        told = _number(line)
        try:
            if line.text is None:
                raise too_long(self._most)
            envelope = split(line.text, words=True)
            tree = parse_skeleton(envelope)
            told = _identity(tree) or told
            check_item(tree)
            self._caller.check(tree["operation"])
            request = self._request(tree["operation"], tree["request"], len(envelope.spans))
            self._keep_cut(told, envelope, request)
        except Exception as error:
            return self._refused(told, error)
        return Item(told, request, envelope.spans)

    def _request(self, operation: str, tree: Tree, spans: int) -> Request:
        """The same object for the same request, numbers apart, while that is among the latest."""
        key = operation, orjson.dumps(tree) if operation in TOGETHER else b"", spans
        if not 0 < len(key[1]) <= LONGEST:
            return Request(operation, tree, together=False)
        if key not in self._requests:
            if len(self._requests) == MOST_REQUESTS:
                self._requests.clear()
            self._requests[key] = Request(operation, tree, together=True)
        return self._requests[key]

    def _keep_cut(self, told: bytes, envelope: Envelope, request: Request) -> None:
        begun = _ID.match(envelope.skeleton)
        if not request.together or begun is None:
            return
        rest = envelope.skeleton[begun.end() :]
        cut = Cut.of(Envelope(rest, envelope.spans))
        # Of an id given twice the last one counts, and escapes may spell one.
        no_other_id = b'"id"' not in rest and b"\\" not in rest
        if cut is not None and len(rest) <= 2 * LONGEST and no_other_id and told == b'"id":%b' % begun[1]:
            self._cuts = [(cut, request), *self._cuts[: MOST_CUTS - 1]]

    # -- answering ------------------------------------------------------------------------------------------------
    def ready(self, item: Item) -> Call | Answer:
        """The item ready to run, or what is wrong with it."""

        def parse() -> Call:
            return self._calls.parse_part(item.request.operation, item.request.tree, item.spans, self._caller.terms)

        try:
            return guarded(parse)
        except Exception as error:
            if item.line is None:
                return self._refused(item.told, error)
        read = self._read(item.line)  # Only a look at the whole line tells what is wrong.
        return self.ready(read) if isinstance(read, Item) else read

    def answer(self, item: Item, call: Call, cancelled: Callable[[], bool]) -> Answer:
        """The answer to an item which is ready."""
        try:
            return _replied(item.told, guarded(lambda: _encoded(call.run(cancelled))))
        except Exception as error:
            return self._refused(item.told, error)

    def answer_together(self, items: Sequence[Item], cancelled: Callable[[], bool]) -> bool:
        """Answer items that have one request, but for those of which there is more to say than of the others.

        Whether they could be computed together; if not, some of them may be at fault, or of other shapes.
        """
        request = items[0].request
        try:
            stack = self._calls.stack(request.operation, request.tree, [item.spans for item in items])
            if stack is None:
                return False
            replies = guarded(lambda: stack.run(cancelled))
        except (Refused, EngineError):
            return False
        except (Cancelled, OutOfMemory):
            return True
        except Exception as error:
            log_fault(self._exchange, error)
            return True
        self.stacks.append(len(items))
        for item, reply in zip(items, replies, strict=True):
            if reply is not None and (text := _finite(reply)) is not None:
                item.answer = _replied(item.told, text)
        return True

    def put_off(self, line: Line, problem: Problem) -> Answer:
        """The answer to a line which is not looked into further than for its id."""
        told = _number(line)
        with suppress(MalformedBody):
            told = _identity(parse_skeleton(split(line.text or b"", words=True))) or told
        return self._refused(told, problem)

    def _refused(self, told: bytes, error: Exception) -> Answer:
        problem = self._problem(error)
        self.kinds.append(problem.kind)
        return problem.status, refused(told, problem, self._exchange.request_id)

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
    faults = [Fault(f"/{shown(name)}", "this is not a field of an item") for name in unknown]
    faults += [Fault(f"/{name}", f"{name} is missing") for name in missing]
    if faults:
        raise refuse_for(faults)
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


def _replied(told: bytes, reply: bytes) -> Answer:
    return 200, b'{%b,"status":200,"reply":%b}\n' % (told, reply)


def _encoded(reply: Reply) -> bytes:
    return encode(reply, lambda paths: warn_nonfinite(reply, paths))


def _finite(reply: Reply) -> bytes | None:
    """The reply's text; None where a number is not finite."""
    found: list[list[str]] = []
    text = encode(reply, found.append)
    return None if found else text


def _identity(tree: Tree) -> bytes | None:
    """The item's id as a member of its answer, if it is one."""
    found = tree.get("id")
    if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > LONGEST_ID:
        return None
    return b'"id":%b' % orjson.dumps(found)


def _number(line: Line) -> bytes:
    return b'"id":null,"line":%d' % line.number

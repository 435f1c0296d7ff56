"""From a request to something that runs, keeping what requests of the same structure share.

Two requests that differ in their numbers alone have the same words (`Envelope.skeleton`), so the second needs no
validation; and tensors of the same shapes, so it needs no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from chainrule.engine.backends import Shape
from chainrule.engine.cost import Cost
from chainrule.engine.trace import never
from chainrule.operations.device_choice import is_for_cpu
from chainrule.operations.limits import Limits
from chainrule.operations.prepared import Arrays, prepare
from chainrule.operations.refusals import Refused, refuse
from chainrule.operations.registry import OPERATIONS, Operation
from chainrule.operations.results import Reply
from chainrule.operations.stacks import Stack, most_of, stacks
from chainrule.operations.structures import ROOM, Structure, Structures
from chainrule.operations.terms import UNLIMITED, Terms
from chainrule.operations.validation import refusal_of
from chainrule.schemas import requests
from chainrule.schemas.answers import Answers, MisplacedAnswer, read_answers
from chainrule.schemas.binary import REQUEST, UnfitReference, read_request, read_tree
from chainrule.schemas.decoding import TensorError
from chainrule.schemas.encoding import spelled
from chainrule.schemas.envelope import Envelope, MalformedBody, Span, load, parse_skeleton, split
from chainrule.schemas.parts import Tree, detach, whole
from chainrule.schemas.progress import Watch
from chainrule.schemas.safetensors import Buffer, MalformedFile
from chainrule.schemas.tensors import ArrayCollector, UnfitTensor, pointer_of

if TYPE_CHECKING:
    from chainrule.operations.instances.drawing import Drawing
    from chainrule.operations.instances.references import Problems

INSTANCES = "instances"
"""The operation that takes no problem, but makes one."""
PROBLEM = "problem"
"""The field that names a problem on file, in place of the problem's own fields."""


GRADE = "grade"
"""The one whose requests are more than a problem: answers are data, and on terms that depend on the caller."""


class Ready(Protocol):
    """What is ready to run, and knows what it takes."""

    @property
    def cost(self) -> Cost: ...

    def run(self, cancelled: Callable[[], bool] = never) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Call:
    """An operation and the arrays to run it on."""

    operation: Operation
    arrays: Arrays

    @property
    def cost(self) -> Cost:
        """What it takes."""
        return self.operation.cost

    def watched(self, watch: Watch) -> Call:
        """The same, telling `watch` how far it has come, where it is one that takes steps."""
        watched = getattr(self.operation, "watched", None)
        return self if watched is None else Call(watched(watch), self.arrays)

    def run(self, cancelled: Callable[[], bool] = never) -> Reply:
        """The reply. Raises Refused, and Cancelled. Numbers that are not finite are reported, not warned of."""
        with np.errstate(all="ignore"), self.operation.prepared.xp.computing():
            return self.operation.run(self.arrays, cancelled)


class Calls:
    """Makes requests ready, under `limits`. Safe to use from several threads.

    `problems`: those that requests may name; by default the bundled ones. `room`: bytes of the text of requests whose
    models and plans are kept, and take up to 50 times as much.
    """

    def __init__(self, limits: Limits | None = None, problems: Problems | None = None, room: int = ROOM) -> None:
        self.limits = limits or Limits()
        self.structures: Structures[Operation] = Structures(room)
        if problems is not None:
            self.problems = problems

    @cached_property
    def problems(self) -> Problems:
        """The problems on file. What reads them is loaded when the first is named."""
        from chainrule.operations.instances.library import Library
        from chainrule.operations.instances.references import Problems

        return Problems(Library(), limits=self.limits)

    def parse(self, name: str, body: bytes, terms: Terms = UNLIMITED) -> Ready:
        """A JSON body of the operation `name`, ready to run. Raises Refused."""
        return self.recall(name, body) or self.parse_anew(name, body, terms)

    def recall(self, name: str, body: bytes) -> Call | None:
        """The body made ready, if a late one was like it, numbers apart. Raises Refused where these are at fault."""
        envelope = self.structures.cut(name, body)
        structure = None if envelope is None else self.structures.find(name, envelope)
        if envelope is None or structure is None:
            return None
        try:
            return self._filled(name, structure, envelope)
        except Refused:
            if _is_cut(body, envelope):
                raise
            return None  # What passed for tensors is none: a look at the whole body tells what is wrong.

    def parse_anew(self, name: str, body: bytes, terms: Terms = UNLIMITED) -> Ready:
        """The same as `parse`, for a body of which `recall` knows nothing. Raises Refused."""
        if name == INSTANCES:
            return self.parse_drawing(body)
        try:
            envelope = split(body, words=name == GRADE)
            if name == GRADE:
                return self.parse_part(name, parse_skeleton(envelope), envelope.spans, terms)
            call = self._parsed(name, name, envelope)
        except MalformedBody as error:
            raise not_json(error) from None
        self.structures.remember(name, envelope)
        return call

    def parse_file(self, name: str, body: Buffer, terms: Terms = UNLIMITED) -> Ready:
        """A body of the operation `name` in the safetensors format, ready to run. Raises Refused."""
        try:
            if name == INSTANCES:
                return self.draw(read_tree(body, REQUEST, _spelled_out))
            return self.parse_part(name, *read_request(body, words=name == GRADE), terms)
        except MalformedFile as error:
            raise Refused(str(error), title="Request not safetensors", status=400) from None
        except MalformedBody as error:
            raise not_json(error) from None
        except UnfitReference as error:
            raise refuse(error.pointer, str(error)) from None

    def parse_part(self, name: str, tree: Tree, spans: Sequence[Span], terms: Terms = UNLIMITED) -> Call:
        """The same of a parsed skeleton, its placeholders for `spans`. Raises MalformedBody too."""
        kept_as = f"{name} {len(spans)}"  # A parsed skeleton does not tell where a key was given twice.
        if name != GRADE:
            return self._parsed(name, kept_as, whole(tree, spans))
        terms.check(tree)
        if "answers" not in tree:
            return self._parsed(name, kept_as, whole(tree, spans))
        envelope, given = detach(tree, spans, "answers")
        call = self._parsed(name, f"{name} {len(envelope.spans)}", envelope)
        return _marking(call, _answers(given, spans), terms)

    def stack(self, name: str, tree: Tree, spans: Sequence[Sequence[bytes]]) -> Stack | None:
        """Requests of one parsed skeleton as one, ready to run; None where they are not alike enough for that.

        spans: those of each request. Raises Refused where they are at fault.
        """
        first = whole(tree, spans[0])
        structure = self.structures.find(f"{name} {len(first.spans)}", first)
        if structure is None or any(each[i] != first.spans[i] for i in structure.layout.inlined for each in spans):
            return None
        try:
            arrays = structure.layout.stacked(spans)
        except TensorError:
            return None
        operation = self._operation(name, structure, tuple([array.shape[1:] for array in arrays]))
        if not stacks(operation) or len(spans) > most_of(operation.cost):
            return None
        return Stack(operation, arrays)

    @staticmethod
    def may_name_problem(name: str, body: Buffer) -> bool:
        """Whether the body may be about a problem on file or a template: to draw one takes tens of milliseconds."""
        # In a file it is `\"problem\"`, JSON within JSON. Any letter of it may be an escape, such as \u0070.
        return name == INSTANCES or b'"problem' in body or b"\\u00" in body

    def draw(self, request: Mapping[str, Any]) -> Drawing:
        """A request of `instances` as Python values, ready to run. Raises Refused."""
        from chainrule.operations.instances.drawing import Drawing

        return Drawing(self.problems, request)

    def parse_drawing(self, body: bytes) -> Drawing:
        """A JSON body of `instances`, ready to run. Raises Refused."""
        from chainrule.operations.instances.drawing import request_of

        try:
            return self.draw(request_of(body))
        except MalformedBody as error:
            raise not_json(error) from None

    def take(self, name: str, request: Mapping[str, Any]) -> Call:
        """A request as Python values, its tensors as lists or arrays, ready to run. Raises Refused."""
        collector = ArrayCollector()
        loaded = dict(request)
        answers = _answers(loaded["answers"]) if name == GRADE and "answers" in loaded else None
        structure: Structure[Operation] = Structure(self._model(name, loaded, collector), collector.layout)
        call = self._call(name, structure, collector.arrays)
        return call if answers is None else _marking(call, answers, UNLIMITED)

    def _parsed(self, name: str, kept_as: str, envelope: Envelope[Span]) -> Call:
        structure = self.structures.find(kept_as, envelope) or self._validate(name, kept_as, envelope)
        return self._filled(name, structure, envelope)

    def _filled(self, name: str, structure: Structure[Operation], envelope: Envelope[Span]) -> Call:
        try:
            arrays = structure.layout.arrays(envelope.spans)
        except UnfitTensor as error:
            raise refuse(pointer_of(load(envelope), error.ref) or "", str(error)) from None
        return self._call(name, structure, arrays)

    def _validate(self, name: str, kept_as: str, envelope: Envelope[Span]) -> Structure[Operation]:
        self.structures.count_unknown()
        loaded = load(envelope)
        collector = ArrayCollector(envelope.spans)
        model = self._model(name, loaded, collector)
        structure: Structure[Operation] = Structure(model, collector.layout)
        self.structures.keep(kept_as, envelope, structure)
        return structure

    def _model(self, name: str, loaded: dict[str, Any], collector: ArrayCollector) -> requests.Problem:
        model = OPERATIONS[name][0]
        if PROBLEM in loaded:
            loaded = self.problems.expand(loaded, marked=name == GRADE)
        try:
            return model.model_validate(loaded, context={"arrays": collector})
        except ValidationError as error:
            raise refusal_of(error, loaded, model) from None

    def _call(self, name: str, structure: Structure[Operation], arrays: Arrays) -> Call:
        return Call(self._operation(name, structure, tuple([array.shape for array in arrays])), arrays)

    def _operation(self, name: str, structure: Structure[Operation], shapes: tuple[Shape, ...]) -> Operation:
        operation = structure.prepared.get(shapes)
        if operation is None:
            make, prepared = OPERATIONS[name][1], prepare(structure.model, shapes)
            operation = make(prepared, self.limits)
            if is_for_cpu(operation.prepared.request, operation.cost):
                on_cpu = structure.model.model_copy(update={"device": "cpu"})
                operation = make(replace(prepared, request=on_cpu), self.limits)
            self.structures.add(structure, shapes, operation)
        return operation


def _is_cut(body: bytes, envelope: Envelope) -> bool:
    """Whether this is how the body has to be cut."""
    try:
        return split(body) == envelope
    except MalformedBody:
        return False


def not_json(error: MalformedBody) -> Refused:
    """The refusal of a body that is not JSON, or not of the form that any request has."""
    return Refused(str(error), title="Request not JSON", status=400)


def _spelled_out(array: NDArray[Any]) -> Any:
    """A template is looked through as it is written, so its tensors are lists."""
    return spelled(array.tolist())


def _answers(given: object, spans: Sequence[Span] = ()) -> Answers:
    try:
        return read_answers(given, spans)
    except MisplacedAnswer as error:
        raise refuse(f"/answers{error.pointer}", str(error)) from None


def _marking(call: Call, answers: Answers, terms: Terms) -> Call:
    from chainrule.operations.grade import Grade

    assert isinstance(call.operation, Grade)
    return Call(call.operation.of(answers, terms.most_told), call.arrays)

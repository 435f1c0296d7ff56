"""The same calls in process, on NumPy: neither a service nor torch is needed.

from chainrule_client import local

reply = local.gradients(network, x, y, "mse")
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from chainrule import operations
from chainrule_client.classes.graded import Graded
from chainrule_client.classes.on_file import fingerprint, look_up
from chainrule_client.classes.session import Chunk, Session
from chainrule_client.curves import CurveRequest, OpLike, drawn
from chainrule_client.errors import Fault, error_for
from chainrule_client.operations import Operations
from chainrule_client.replies import Reply, op_description
from chainrule_client.requests import Call

Sources: TypeAlias = tuple[str | None, str, Hashable]
"""The folder of problem sets, if there is one, the secret, and the state of the folder."""


class LocalClient(Operations[Reply, list[Graded]]):
    """Computes where it is called. The backend is NumPy unless the call names another.

    What the service would refuse is refused with the same errors, which here have no request id.

    problems: a folder of problem sets, beside the bundled ones; default CHAINRULE_PROBLEMS, else none. What changes in
    it later is there for another LocalClient.
    secret: what seeds are made with for identities; default CHAINRULE_SECRET, else none.
    Its first use raises ValueError for a folder with a set that cannot be used.
    """

    def __init__(self, *, problems: str | PathLike[str] | None = None, secret: str | None = None) -> None:
        self._folder, self._secret = problems, secret
        self._state = _state(problems) if problems else ()

    @property
    def _sources(self) -> Sources:
        folder = self._folder or os.environ.get("CHAINRULE_PROBLEMS")
        secret = self._secret or os.environ.get("CHAINRULE_SECRET") or ""
        return os.fspath(folder) if folder else None, secret, self._state

    @property
    def _calls(self) -> operations.Calls:
        return operations.shared_calls(*self._sources)

    def ops(self) -> Any:
        """The catalogue of ops."""
        from chainrule.operations.catalogue import catalogue

        return catalogue()

    def op(
        self, name: OpLike, *, low: float | None = None, high: float | None = None, points: int | None = None
    ) -> Any:
        """One op: formula, derivative, kinks, parameters, and the data of its curve. Raises NotFound.

        op: its name, or with options `{"op": "leaky_relu", "slope": 0.1}`. low, high, points: the curve's range.
        """
        from chainrule.operations.catalogue import describe_op

        asked = CurveRequest.of(name, low, high, points)
        with _refusals():
            return op_description(describe_op(asked.name, options=asked.options, **asked.given()))

    def plot(self, *ops: OpLike, low: float = -5, high: float = 5, columns: int = 4) -> str:
        """The curves of ops and their derivatives side by side, kinks marked: the text of an SVG."""
        found = [self.op(each, low=low, high=high) for each in ops]
        return drawn([CurveRequest.of(op) for op in ops], found, columns)

    def problems(self) -> Any:
        """The problems on file, set by set."""
        from chainrule.operations.problems import list_problems

        return list_problems(self._calls.problems.library)

    def problem(self, name: str) -> Any:
        """One problem on file, by `set/problem`: what is asked, and how its numbers are drawn. Raises NotFound."""
        from chainrule.operations.problems import describe_problem

        with _refusals():
            return describe_problem(self._calls.problems.library, name)

    def info(self) -> Any:
        """Versions, and the limits in force."""
        from chainrule.operations.information import information

        return information(operations.Limits())

    def live(self) -> bool:
        """True: there is no service to be down."""
        return True

    def ready(self) -> bool:
        """True: there is no service to be busy."""
        return True

    def _perform(self, call: Call) -> Reply:
        with _refusals():
            return Reply(operations.run(call.operation, _on_numpy(call), self._calls, call.watch))

    def _grade_all(self, session: Session, concurrency: int, shown: bool | None) -> list[Graded]:
        with session:
            from chainrule_client.classes.running import run_here  # brings logging, threads and an event loop

            self._look_up(session)
            return run_here(session, self._grade_chunk, shown)

    def _look_up(self, session: Session) -> None:
        session.secret = fingerprint(self._sources[1])
        look_up(session, self.problem)

    def _grade_chunk(self, chunk: Chunk, session: Session) -> None:
        session.take(chunk, {task.position: answer_of(task.body, self._calls) for task in chunk}, last=True)


def _state(folder: str | PathLike[str]) -> Hashable:
    from chainrule.operations.instances.files import state_of  # brings YAML

    return state_of(Path(folder))


def _on_numpy(call: Call) -> Mapping[str, Any]:
    """The request, with NumPy for its backend unless it names one; drawing an instance has none."""
    return call.request if call.operation == operations.INSTANCES else {"backend": "numpy", **call.request}


def answer_of(body: bytes, calls: operations.Calls) -> dict[str, Any]:
    """The answer to a request of grading, as the service answers an item of a batch: one at which grading itself fails
    ends no run, and is never remembered."""
    try:
        return {"status": 200, "reply": orjson.loads(operations.answer("grade", body, calls))}
    except operations.Refused as refused:
        faults = [{"pointer": fault.pointer, "message": fault.message} for fault in refused.faults]
        about = {"title": refused.title, "detail": refused.detail, "errors": faults, "error_count": refused.count}
        return {"status": refused.status, "problem": about}
    except Exception as error:
        said = f"a fault in chainrule itself: {type(error).__name__}: {error}"
        return {"status": 500, "problem": {"title": "Internal Server Error", "detail": said}}


@contextmanager
def _refusals() -> Iterator[None]:
    """An operation's refusal, raised as the error that it is over HTTP."""
    try:
        yield
    except operations.Refused as refused:
        faults = [Fault(fault.pointer, fault.message) for fault in refused.faults]
        kind = error_for(refused.status)
        raise kind(refused.status, refused.title, refused.detail, errors=faults, error_count=refused.count) from None


def problem_on_file(name: str) -> Mapping[str, Any]:
    """A bundled problem by `set/problem`: what it asks, its points and policy, and its template. Raises NotFound."""
    from chainrule.operations.instances.library import Library
    from chainrule.operations.problems import describe_problem

    with _refusals():
        return describe_problem(Library(), name)


def seed_for(secret: str, assignment: str, question: str, student: str, revision: int = 0) -> int:
    """The seed that a service with this secret gives a student. Raises ValueError for an empty secret."""
    from chainrule.operations.instances.seeds import seed_for

    return seed_for(secret, assignment, question, student, revision)


_client = LocalClient()
call = _client.call
validate = _client.validate
forward = _client.forward
loss = _client.loss
gradients = _client.gradients
jacobians = _client.jacobians
train = _client.train
flow = _client.flow
graph = _client.graph
derivation = _client.derivation
grade = _client.grade
grade_many = _client.grade_many
instances = _client.instances
problems = _client.problems
problem = _client.problem
ops = _client.ops
op = _client.op
plot = _client.plot
info = _client.info
live = _client.live
ready = _client.ready

"""A problem on file in place of a problem's fields: `{"problem": "nyu-hw1/1.2b", "seed": 7}` in any request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from chainrule.engine.trace import never
from chainrule.operations.instances.generator import Accept, Instance, make_instance
from chainrule.operations.instances.library import Library, UnknownProblem
from chainrule.operations.instances.seeds import seed_for
from chainrule.operations.instances.telling_apart import telling_apart
from chainrule.operations.kept import Kept
from chainrule.operations.limits import Limits
from chainrule.operations.refusals import refuse
from chainrule.operations.validation import refusal_of
from chainrule.schemas.instances import Identity, OneSeed, ProblemReference
from chainrule.schemas.problem_sets import ProblemOnFile
from chainrule.schemas.templates import PROBLEM_FIELDS

ROOM = 1 << 25
"""Bytes of numbers kept in all."""
LEAST = 1 << 12
"""Bytes that the smallest instance is taken for."""
REFERENCE = ("problem", "seed", "identity", "attempt")
"""The fields that stand for a problem."""
Key = tuple[str, int, int | None]
"""Problem, seed, and the attempt where one was asked for."""


class Problems:
    """The problems on file, with instances that were made kept in bounded room. Safe to use from several threads.

    `secret`: what seeds are made with for identities. `check`: makes the check behind the constraint `tells_apart`.
    """

    def __init__(
        self,
        library: Library,
        secret: str = "",
        limits: Limits | None = None,
        room: int = ROOM,
        check: Callable[..., Accept] = telling_apart,
    ) -> None:
        self.library = library
        self.check = check
        self.limits = limits or Limits()
        self._secret = secret
        self._kept: Kept[Key, Instance] = Kept(room)

    def expand(self, request: Mapping[str, Any], *, marked: bool = False) -> dict[str, Any]:
        """The request with its problem's fields in place of its name. Other fields stay; with `marked`, for grading,
        the policy and the points of the file stand where the request has none.

        Raises Refused: for an unknown problem, a seed that is none, or fields that are the problem's own.
        """
        reference = _reference(request)
        on_file = self.find(reference.problem)
        own = next((name for name in PROBLEM_FIELDS if name in request), None)
        if own:
            raise refuse(f"/{own}", f"{own} is the problem's own: leave it out, or give a whole problem instead")
        instance = self.instance(reference.problem, self.seed_of(reference), reference.attempt)
        fields = {name: value for name, value in request.items() if name not in REFERENCE}
        return {**instance.problem, **(_marking(on_file) if marked else {}), **fields}

    def instance(
        self, name: str, seed: int, attempt: int | None = None, cancelled: Callable[[], bool] = never
    ) -> Instance:
        """The instance of a problem on file; see `make_instance`. Raises Refused, and Cancelled."""

        def make() -> Instance:
            on_file, limits = self.find(name), self.limits
            accept = self.check(on_file.asks, batched=on_file.template.batched, limits=limits)
            return make_instance(on_file.template, seed, accept, attempt=attempt, limits=limits, cancelled=cancelled)

        return self._kept.get((name, seed, attempt), make, _size)

    def find(self, name: str) -> ProblemOnFile:
        """A problem by `set/problem`. Raises Refused."""
        try:
            return self.library.find(name)
        except UnknownProblem as error:
            raise refuse("/problem", str(error)) from None

    def seed_of(self, which: OneSeed) -> int:
        """The seed that is given, or that an identity has here. Raises Refused where there is no secret."""
        if which.identity is None:
            assert which.seed is not None
            return which.seed
        if not self._secret:
            raise refuse("/identity", "there is no secret here to make a seed with: give a seed")
        return _seed_for(self._secret, which.identity)


def _seed_for(secret: str, identity: Identity) -> int:
    try:
        return seed_for(secret, identity.assignment, identity.question, identity.student, identity.revision)
    except UnicodeEncodeError:
        raise refuse("/identity", "has characters that are not Unicode") from None


def _reference(request: Mapping[str, Any]) -> ProblemReference:
    given = {name: request[name] for name in REFERENCE if name in request}
    try:
        return ProblemReference.model_validate(given)
    except ValidationError as error:
        raise refusal_of(error, given, ProblemReference) from None


def _marking(problem: ProblemOnFile) -> dict[str, Any]:
    return {"policy": problem.policy.model_dump(exclude_unset=True), "points": problem.worth()}


def _size(instance: Instance) -> int:
    return LEAST + sum(array.nbytes for array in _arrays(instance.problem))


def _arrays(tree: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(tree, np.ndarray):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _arrays(part)

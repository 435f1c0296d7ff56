"""The problems on file: the bundled sets, and those of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from chainrule.engine.near_names import nearest
from chainrule.grading.quantities import UnknownQuantity, resolve
from chainrule.operations.instances.files import ProblemFileError, files_in, read_set
from chainrule.operations.instances.generator import make_instance, plan_of
from chainrule.operations.instances.telling_apart import telling_apart
from chainrule.operations.refusals import Refused
from chainrule.problems import FOLDER
from chainrule.schemas.problem_sets import ProblemOnFile, ProblemSet


class UnknownProblem(ValueError):
    """There is no problem of that name on file."""


class Library:
    """Problem sets by id. The bundled ones are read when first asked for; those of `folder` at once, and every problem
    of theirs is tried out, so that a broken file is found before anybody asks for it.

    An id is only ever looked up among those that are there: none leads to another file. Raises ProblemFileError.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._files = files_in(FOLDER)
        self._sets: dict[str, ProblemSet] = {}
        self._lock = Lock()
        for name, path in files_in(folder).items() if folder else ():
            if name in self._files or name in self._sets:
                raise ProblemFileError(f"{path.name}: there is a set {name} already; give this one another id")
            self._sets[name] = read_set(path)
            check_set(self._sets[name], path.name)

    def sets(self) -> Iterator[ProblemSet]:
        """Every set, in the order of ids."""
        return (self._set(name) for name in sorted({*self._files, *self._sets}))

    def find(self, name: str) -> ProblemOnFile:
        """A problem by `set/problem`. Raises UnknownProblem."""
        in_set, _, within = name.partition("/")
        if in_set in self._files or in_set in self._sets:
            problems = {problem.id: problem for problem in self._set(in_set).problems}
            if within in problems:
                return problems[within]
            raise UnknownProblem(f"the set {in_set} has no such problem; {nearest(within[:100], problems)}")
        known = sorted({*self._files, *self._sets})
        raise UnknownProblem(f'there is no such problem: write "set/problem", and of sets there are {", ".join(known)}')

    def _set(self, name: str) -> ProblemSet:
        with self._lock:
            if name not in self._sets:
                self._sets[name] = read_set(self._files[name])
            return self._sets[name]


def check_set(found: ProblemSet, file: str) -> None:
    """Make an instance of every problem, and look up every quantity that it asks for. Raises ProblemFileError."""
    for problem in found.problems:
        where = f"{file}: problem {problem.id}"
        try:
            _check_asks(problem, where)
            make_instance(problem.template, 0, telling_apart(problem.asks, batched=problem.template.batched))
        except Refused as refused:
            told = [f"{fault.pointer}: {fault.message}" for fault in refused.faults] or [f": {refused.detail}"]
            raise ProblemFileError(f"{where}, template{told[0]}") from None


def _check_asks(problem: ProblemOnFile, where: str) -> None:
    plan = plan_of(make_instance(problem.template, 0, attempt=0).problem)
    for quantity in problem.asks:
        try:
            resolve(plan, quantity, differentiates=plan.loss is not None)
        except UnknownQuantity as error:
            raise ProblemFileError(f"{where}, asks: {quantity}: {error}") from None

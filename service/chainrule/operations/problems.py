"""What is told of the problems on file: what they ask and how their numbers are drawn, never an answer."""

from __future__ import annotations

from chainrule.operations.instances.library import Library, UnknownProblem
from chainrule.operations.refusals import Refused
from chainrule.operations.results import Reply
from chainrule.schemas.problem_sets import ProblemOnFile


def list_problems(library: Library) -> Reply:
    """Every set with its problems."""
    return {
        "sets": [
            {"id": each.id, "title": each.title, "problems": [_entry(each.id, problem) for problem in each.problems]}
            for each in library.sets()
        ]
    }


def describe_problem(library: Library, name: str) -> Reply:
    """A problem by `set/problem`. Raises Refused."""
    try:
        problem = library.find(name)
    except UnknownProblem as error:
        raise Refused(str(error), title="Not Found", status=404) from None
    return {
        **_entry(name.partition("/")[0], problem),
        "text": problem.text,
        "points": problem.worth(),
        "policy": problem.policy.model_dump(),
        "template": problem.template.model_dump(exclude_unset=True),
    }


def _entry(in_set: str, problem: ProblemOnFile) -> Reply:
    return {"id": f"{in_set}/{problem.id}", "title": problem.title, "asks": problem.asks}

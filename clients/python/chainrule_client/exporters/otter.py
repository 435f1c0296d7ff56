"""Otter: a test file of its exception-based format, and the body of each test case in it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chainrule_client.exporters import checking
from chainrule_client.exporters.failures import NotGraded, notice, reason_for
from chainrule_client.exporters.marks import Mark, Marks, Report, marks

Answers = Mapping[str, Any]

NAME = "chainrule"


class Check:
    """The body of test cases: grades a student's variables together, then answers for one quantity at a time.

        check = Check(lambda answers: local.grade(PROBLEM, answers), {"gradients.W1": "dW1", "loss": "C"})

        @test_case(name="W1", points=4)
        def test_W1(env):
            check("gradients.W1", env)

    variables: the student's name for each quantity. One that the notebook does not define is a missing answer.
    """

    def __init__(self, grade: Callable[[Answers], Report], variables: Mapping[str, str]) -> None:
        self._grade = grade
        self._variables = variables
        self._graded: tuple[Mapping[str, Any], Marks] | None = None

    def __call__(self, quantity: str, env: Mapping[str, Any]) -> None:
        """Raises AssertionError, with the report's sentences, unless the quantity has all its points.

        A case has all of its points or none: Otter knows no fractions. Where grading fails, the fault is ours, and
        NotGraded is raised: no result is recorded, and Otter reports that the grader failed.
        """
        found = {mark.name: mark for mark in self._marks(env)}
        if quantity not in found:
            raise NotGraded(notice(f"the report has no {quantity}"))
        if not found[quantity].full:
            raise AssertionError(found[quantity].text)

    def _marks(self, env: Mapping[str, Any]) -> Marks:
        if self._graded is None or self._graded[0] is not env:
            answers = {quantity: env.get(name) for quantity, name in self._variables.items()}
            try:
                self._graded = (env, marks(self._grade(answers)))
            except Exception as error:
                raise NotGraded(notice(reason_for(error))) from None
        return self._graded[1]


def export(report: Report, *, name: str = NAME, hidden: bool = False) -> str:
    """A report as a test file that repeats it: a case for each quantity, which passes or fails as the quantity did.

    A quantity that has a part of its points has none here. Raises ValueError for what is no report.
    """
    found = marks(report)
    if not found.max_score > 0:
        raise ValueError("no points can be had: Otter would divide by 0")
    head = f"from otter.test_files import test_case\n\nOK_FORMAT = False\n\nname = {name!r}\n"
    return "\n\n".join([head, *(_case(k, mark, hidden) for k, mark in enumerate(found, start=1))])


def failure(reason: str, *, name: str = NAME) -> str:
    """A test file for a fault of ours: it raises as it is loaded, outside any test case, so nothing is recorded."""
    return f"OK_FORMAT = False\n\nname = {name!r}\n\nraise RuntimeError({notice(reason)!r})\n"


def validate(text: str) -> list[str]:
    """What is wrong with a test file, found without running it; nothing where all is well."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        return [f"not Python: {error}"]
    names = dict(_assigned(tree))
    faults = [] if names.get("OK_FORMAT", True) is False else ["OK_FORMAT = False is wanted"]
    if not isinstance(names.get("name"), str):
        faults.append("name: text is wanted")
    if any(isinstance(statement, ast.Raise) for statement in tree.body):
        return faults
    cases = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    faults += _faults_of_cases(cases)
    return faults


def _case(position: int, mark: Mark, hidden: bool) -> str:
    body = "pass" if mark.full else f"raise AssertionError({mark.text!r})"
    settings = f"name={mark.name!r}, points={mark.max_points!r}, hidden={hidden!r}"
    return f"@test_case({settings})\ndef test_{position}():\n    {body}\n"


def _assigned(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value.value


def _faults_of_cases(cases: list[ast.FunctionDef]) -> checking.Faults:
    settings = {case.name: _settings(case) for case in cases}
    if len(settings) < len(cases):
        yield "two cases have one name: the first of them would be lost"
    if not settings:
        yield "no test case"
    names = [found.get("name") for found in settings.values() if found and found.get("name")]
    if len(set(names)) < len(names):
        yield "two cases have one name"
    for case, found in settings.items():
        if found is None:
            yield f"{case}: @test_case(points=…) is wanted, with constants alone"
        elif type(found.get("points")) not in (int, float) or not 0 <= found["points"] < float("inf"):
            yield f"{case}: points has to be a built-in number, not {found.get('points')!r}"
        elif not isinstance(found.get("hidden", False), bool):
            yield f"{case}: hidden has to be true or false"
    points = [found.get("points") for found in settings.values() if found]
    if points and not any(points):
        yield "no points can be had: Otter would divide by 0"


def _settings(case: ast.FunctionDef) -> dict[str, Any] | None:
    """The keyword arguments of a case's decorator; None where there is no such decorator."""
    for decorator in case.decorator_list:
        if (
            isinstance(decorator, ast.Call)
            and isinstance(decorator.func, ast.Name)
            and decorator.func.id == "test_case"
        ):
            values = {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
            if all(isinstance(value, ast.Constant) for value in values.values()):
                return {name: value.value for name, value in values.items() if isinstance(value, ast.Constant)}
    return None

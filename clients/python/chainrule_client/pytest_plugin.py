"""The pytest plugin: tests that check answers by the rules of grading, and results for a grading platform.

    @pytest.mark.points(4, name="W1")
    def test_w1(grade):
        grade(PROBLEM, {"gradients": {"W1": student.backward(X)}})

    pytest --chainrule-output=gradescope:results.json

A test is worth the points of its marker, 1 without one. It earns the part of them that its checks earned; without any,
all if it passes. The plugin works with pytest-xdist.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from chainrule_client.replies import Reply
    from chainrule_client.service_or_local import ServiceOrLocal

FIXTURE = "grade"
LEVELS = ("verdict", "shape", "count", "indices", "magnitude", "values")


class Worth(NamedTuple):
    """What a test is called, how many points it has, and how much its messages say."""

    name: str
    points: float
    feedback: str


class Grade:
    """The fixture: `grade(problem, answers, policy=…, points=…)` checks answers and returns the report.

    The service at CHAINRULE_URL is asked, and the engine in process where there is none or it cannot be reached.
    Answers that are wrong fail the test when it is over, with the report's sentences and no values, so that every check
    of a test is made. `points` weighs the quantities against each other.
    """

    def __init__(self, grader: ServiceOrLocal, feedback: str) -> None:
        self._grader = grader
        self._feedback = feedback
        self.checks: list[tuple[float, float, str]] = []
        """Of each call: points, points that could be had, and what to tell of those that were not."""
        self.fault: str | None = None
        """Why a call could not be answered, which is a fault of ours."""
        self.failed_the_test = False
        """Whether the test came to its end and failed by its checks alone."""

    def __call__(
        self,
        problem: Mapping[str, Any],
        answers: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        points: Mapping[str, float] | None = None,
    ) -> Reply:
        """Raises NotGraded where grading itself fails; never for an answer."""
        __tracebackhide__ = True
        from chainrule.schemas.answers import GROUPS
        from chainrule_client.answers import answer_tree
        from chainrule_client.exporters.failures import NotGraded, notice, reason_for
        from chainrule_client.exporters.marks import marks

        if points:  # a student's code may return anything where its gradients by name should be: then they are missing
            answers = {name: each for name, each in answers.items() if name not in GROUPS or isinstance(each, Mapping)}
        try:
            level = {"feedback": self._feedback, **(policy or {})}
            report = self._grader.grade(problem, answer_tree(answers), policy=level, points=points)
            found = marks(report)
        except Exception as error:
            self.fault = reason_for(error)
            raise NotGraded(notice(self.fault)) from error
        told = "\n".join(f"{mark.name}: {mark.text}" for mark in found if not mark.full)
        self.checks.append((found.score, found.max_score, told))
        return report

    @property
    def complaint(self) -> str:
        """What to tell of all that was not right."""
        return "\n".join(told for _, _, told in self.checks if told)


GRADE = pytest.StashKey[Grade]()
_GRADER = pytest.StashKey["ServiceOrLocal"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chainrule")
    group.addoption(
        "--chainrule-output",
        action="append",
        default=[],
        metavar="PLATFORM:PATH",
        help="write the results as gradescope, prairielearn, otter, autolab or nbgrader wants them; "
        "may be given several times",
    )
    group.addoption(
        "--chainrule-problem",
        metavar="NAME",
        help="the problem of the Autolab assessment that all points go to",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'points(points, name=…, feedback="indices"): what the test is worth on a grading platform, what it is called '
        f"there, and how much its messages say ({', '.join(LEVELS)})",
    )
    if config.getoption("chainrule_output"):
        from chainrule_client.pytest_recorder import Recorder

        config.pluginmanager.register(Recorder(config), "chainrule-recorder")


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """A marker that cannot be read is told before any test runs."""
    worth_of(item)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test whose checks were not all right fails when it is over."""
    result = yield
    grade = pyfuncitem.stash.get(GRADE, None)
    if grade and grade.complaint:
        grade.failed_the_test = True
        pytest.fail(grade.complaint, pytrace=False)
    return result


@pytest.fixture(name=FIXTURE)
def _grade(request: pytest.FixtureRequest) -> Grade:
    """Check answers: grade(problem, answers, policy=…, points=…). Wrong ones fail the test when it is over."""
    from chainrule_client.service_or_local import ServiceOrLocal

    stash = request.config.stash
    grader = stash.setdefault(_GRADER, ServiceOrLocal())
    worth = worth_of(request.node)
    grade = Grade(grader, worth.feedback if worth else "indices")
    request.node.stash[GRADE] = grade
    return grade


def worth_of(item: pytest.Item) -> Worth | None:
    """What a test is worth; None where it neither has a marker nor checks answers. Raises UsageError."""
    marker = item.get_closest_marker("points")
    if marker is None:
        return Worth(item.name, 1.0, "indices") if FIXTURE in getattr(item, "fixturenames", ()) else None
    try:
        return _worth(item, *marker.args, **marker.kwargs)
    except TypeError as error:
        raise pytest.UsageError(f"{item.nodeid}: the marker points: {error}") from None


def _worth(item: pytest.Item, points: float = 1.0, *, name: str | None = None, feedback: str = "indices") -> Worth:
    if not isinstance(points, int | float) or not isfinite(points) or points < 0:
        raise TypeError(f"points is a finite number, not {points!r}")
    if feedback not in LEVELS:
        raise TypeError(f"feedback is one of {', '.join(LEVELS)}, not {feedback!r}")
    case = getattr(item, "callspec", None)
    called = item.name if name is None else f"{name} [{case.id}]" if case else str(name)
    return Worth(called, float(points), feedback)

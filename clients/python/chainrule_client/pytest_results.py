"""What became of the tests that count, and the report that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule_client.exporters.marks import Report


@dataclass(frozen=True)
class Said:
    """One phase of one test, or a subtest of it.

    checks: of each call of `grade` the points, those that could be had, and what to tell. by_checks: they alone failed
    the test. fault: why grading failed. error: what may be told of the exception that ended the phase.
    """

    when: str
    outcome: str
    checks: Sequence[Sequence[Any]]
    by_checks: bool
    fault: str | None
    error: str
    subtest: str | None = None


@dataclass
class Test:
    """A test that counts, and what was said of it. `optional`: left out where it is skipped."""

    __test__ = False

    name: str
    points: float
    optional: bool
    said: list[Said] = field(default_factory=list)


class Results:
    """The tests of a session by node id, in the order in which they were collected."""

    def __init__(self) -> None:
        self._tests: dict[str, Test] = {}
        self._said: dict[str, list[Said]] = {}
        self._announced = self._heard = False
        self._not_collected: dict[str, str] = {}

    def expect(self, nodeid: str, name: str, points: float, *, optional: bool) -> None:
        """A test that counts was collected. Workers tell of the same tests; once is enough."""
        self._tests.setdefault(nodeid, Test(name, points, optional))

    def expected(self) -> list[list[Any]]:
        """All of `expect`, in types that travel between processes."""
        return [[nodeid, test.name, test.points, test.optional] for nodeid, test in self._tests.items()]

    def announced(self) -> None:
        """A worker collected tests, of which it will tell more when it ends."""
        self._announced = True

    def heard(self, expected: Iterable[Sequence[Any]] | None) -> None:
        """A worker ended, and told of the tests it collected unless it crashed."""
        self._heard = self._heard or expected is not None
        for nodeid, name, points, optional in expected or ():
            self.expect(nodeid, name, points, optional=optional)

    def not_collected(self, nodeid: str, error: str) -> None:
        """A file or a folder could not be collected, so what its tests are worth is not known."""
        self._not_collected[nodeid] = error

    def note(self, nodeid: str, said: Said) -> None:
        """A phase of a test is over."""
        self._said.setdefault(nodeid, []).append(said)

    def fault(self, interrupted: bool) -> str | None:
        """Why these results are none: a fault of ours, or one of which it is not known whose it is."""
        if self._not_collected:
            told = "; ".join(f"{nodeid}: {error}" for nodeid, error in self._not_collected.items())
            return f"the tests could not be loaded ({told})"
        fault = next((said.fault for each in self._said.values() for said in each if said.fault), None)
        if fault:
            return fault
        if self._announced and not self._heard:
            return "the processes that ran the tests ended"
        if interrupted:
            return "the tests were interrupted" if self._tests else "there are no tests"
        return None

    def report(self) -> Report:
        """All tests that count as the items of one report."""
        items = [_item(test, self._said.get(nodeid, [])) for nodeid, test in self._tests.items()]
        kept = _under_names_of_their_own([item for item in items if item is not None])
        return {
            "score": sum(item["points"] for item in kept),
            "max_score": sum(item["max_points"] for item in kept),
            "items": kept,
            "diagnosis": [],
        }


def _item(test: Test, said: Sequence[Said]) -> dict[str, Any] | None:
    """A test as an item of a report; None where it is left out."""
    skipped = any(each.outcome == "skipped" and each.subtest is None for each in said)
    if skipped and test.optional:
        return None
    part = _part(said)
    lines = list(dict.fromkeys(line for each in said for line in _lines(each) if line))
    if not said:
        lines = ["the test was not run"]
    return {
        "quantity": test.name,
        "status": "correct" if part == 1 else "wrong",
        "points": test.points * part,
        "max_points": test.points,
        "message": "\n".join(lines) or "right",
    }


def _part(said: Sequence[Said]) -> float:
    """Which part of its points a test earns: what its checks earned, if nothing but they failed it."""
    main = next((each for each in said if each.when == "call" and each.subtest is None), None)
    if main is None or any(each.subtest is not None and each.outcome == "failed" for each in said):
        return 0.0
    if main.outcome != "passed" and not main.by_checks:
        return 0.0
    earned, possible = (sum(check[k] for check in main.checks) for k in (0, 1))
    return float(earned / possible) if possible > 0 else float(main.outcome == "passed")


def _lines(said: Said) -> list[str]:
    """What to tell of a phase."""
    lines = [told for _, _, told in said.checks if told] if said.subtest is None and said.when == "call" else []
    if said.outcome != "passed" and not said.by_checks:
        before = {"setup": "the test could not be set up", "teardown": "after the test"}
        what = "skipped" if said.outcome == "skipped" else before.get(said.when)
        lines.append(": ".join(part for part in (said.subtest, what, said.error) if part))
    return lines


def _under_names_of_their_own(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """No two of one name: platforms tell tests apart by it."""
    seen: dict[str, int] = {}
    for item in items:
        name = item["quantity"]
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            item["quantity"] = f"{name} ({seen[name]})"
    return items

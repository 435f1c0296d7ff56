"""Otter's test files, run by Otter's own steps."""

import sys
from types import ModuleType

import pytest

from chainrule_client.exporters import NotGraded, otter
from client.exporters.conftest import REPORTS, report


class TestCase:
    """Otter's decorator, as far as it matters here."""

    __test__ = False

    def __init__(self, name=None, points=None, hidden=False):
        assert type(points) in (int, float)
        self.name, self.points, self.hidden = name, points, hidden

    def __call__(self, function):
        self.function = function
        return self


def run_by_otter(source, monkeypatch):
    """Otter's own steps: the cases are the decorated functions that are left at the end; any Exception fails one."""
    module = ModuleType("otter.test_files")
    module.test_case = TestCase
    monkeypatch.setitem(sys.modules, "otter", ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", module)
    env = {}
    exec(compile(source, "q1.py", "exec"), env)
    assert env["OK_FORMAT"] is False
    results = {}
    for case in [value for value in env.values() if isinstance(value, TestCase)]:
        try:
            case.function()
            results[case.name] = (case.points, "")
        except Exception as error:
            results[case.name] = (0, str(error))
    return results


def test_a_case_for_each_quantity_all_or_nothing(monkeypatch):
    results = run_by_otter(otter.export(REPORTS["wrong"]), monkeypatch)
    assert {name: points for name, (points, _) in results.items()} == {
        "gradients.y_hat": 0,
        "gradients.W1": 4,
        "gradients.b1": 0,
    }
    assert results["gradients.y_hat"][1].startswith("6 of 35 entries are wrong\nThe sign of ∂C/∂ŷ is flipped")


def test_a_fault_of_ours_leaves_no_result(monkeypatch):
    with pytest.raises(RuntimeError, match="Not graded: the grader failed"):
        run_by_otter(otter.failure("the grader failed"), monkeypatch)


def check_of(graded):
    seen = []

    def grade(answers):
        seen.append(answers)
        return graded

    variables = {"gradients.y_hat": "dy", "gradients.W1": "dW1", "gradients.b1": "db1", "loss": "C"}
    return otter.Check(grade, variables), seen


def test_the_students_variables_are_graded_once_and_together():
    check, seen = check_of(REPORTS["wrong"])
    env = {"dy": [[1.0]], "dW1": [[2.0]], "C": 3.0}
    check("gradients.W1", env)
    with pytest.raises(AssertionError, match="6 of 35 entries are wrong"):
        check("gradients.y_hat", env)
    with pytest.raises(AssertionError, match="half"):
        check("gradients.b1", env)
    answers = {"gradients.y_hat": [[1.0]], "gradients.W1": [[2.0]], "gradients.b1": None, "loss": 3.0}
    assert seen == [answers]
    check("gradients.W1", dict(env))
    assert len(seen) == 2


def test_a_fault_of_ours_is_no_exception_that_otter_takes_for_a_wrong_answer():
    def fail(_):
        raise ConnectionError("a secret")

    check = otter.Check(fail, {"loss": "C"})
    with pytest.raises(NotGraded, match=r"the grader failed \(ConnectionError\)") as caught:
        check("loss", {})
    assert not isinstance(caught.value, Exception)
    with pytest.raises(NotGraded, match="no gradients"):
        check_of(REPORTS["wrong"])[0]("gradients.W9", {})


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def", "not Python"),
        ("name = 'a'\n@test_case(points=1)\ndef f(): pass", "OK_FORMAT"),
        ("OK_FORMAT = False\n@test_case(points=1)\ndef f(): pass", "name: text"),
        ("OK_FORMAT = False\nname = 'a'", "no test case"),
        ("OK_FORMAT = False\nname = 'a'\ndef f(): pass", "f: @test_case"),
        ("OK_FORMAT = False\nname = 'a'\n@test_case(points=1 / 3)\ndef f(): pass", "f: @test_case"),
        ("OK_FORMAT = False\nname = 'a'\n@test_case(points=True)\ndef f(): pass", "built-in number"),
        ("OK_FORMAT = False\nname = 'a'\n@test_case(points=1e999)\ndef f(): pass", "built-in number"),
        ("OK_FORMAT = False\nname = 'a'\n@test_case(points=1, hidden=0)\ndef f(): pass", "hidden"),
        ("OK_FORMAT = False\nname = 'a'\n@test_case(points=0)\ndef f(): pass", "divide by 0"),
        ("OK_FORMAT = False\nname = 'a'\n" + "@test_case(points=1)\ndef f(): pass\n" * 2, "would be lost"),
    ],
)
def test_each_rule_is_checked(source, says):
    faults = otter.validate(source)
    assert len(faults) == 1
    assert says in faults[0]


def test_no_points_at_all_are_refused():
    with pytest.raises(ValueError, match="divide by 0"):
        otter.export(report())

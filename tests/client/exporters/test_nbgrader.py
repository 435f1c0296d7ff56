"""The value of an nbgrader test cell."""

import math
import sys
import warnings

import pytest

from chainrule_client.exporters import NotGraded, nbgrader
from client.exporters.conftest import REPORTS


def as_nbgrader_reads(shown, max_points):
    """nbgrader's own steps: what is no float, or below 0, is full marks; what is above the points raises."""
    try:
        value = float(shown)
    except ValueError:
        return max_points
    if value >= 0:
        if value > max_points:
            raise ValueError("partial credit cannot be greater than maximum points for cell")
        return value
    return max_points


def test_the_grade_is_a_built_in_float_out_of_the_cells_points(graded, capsys):
    value = nbgrader.grade(lambda: graded, max_points=10)
    assert type(value) is float
    assert as_nbgrader_reads(repr(value), 10) == pytest.approx(10 * float(graded["score"]) / float(graded["max_score"]))
    assert nbgrader.validate(repr(value), max_points=10) == []
    said = capsys.readouterr()
    assert said.err == ""
    assert f"of {float(graded['max_score']):g} points" in said.out


def test_what_is_written_to_stderr_while_grading_is_not_seen(capsys):
    def noisy():
        print("careful", file=sys.stderr)
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
        return REPORTS["right"]

    assert nbgrader.grade(noisy, max_points=2) == 2.0
    assert capsys.readouterr().err == ""


def fail():
    raise ConnectionError("a secret")


def test_a_fault_of_ours_stops_nbgrader(capsys, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    value = nbgrader.grade(fail, max_points=2)
    with pytest.raises(ValueError, match="cannot be greater"):
        as_nbgrader_reads(repr(value), 2)
    said = capsys.readouterr()
    assert "Not graded: the grader failed (ConnectionError)." in said.out
    assert (said.err, "secret" in said.out) == ("", False)


def test_a_student_who_validates_is_told(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(NotGraded, match="Not graded"):
        nbgrader.grade(fail, max_points=2)


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ("np.float64(3.0)", "counts as full marks"),
        ("None", "counts as full marks"),
        ("", "counts as full marks"),
        ("nan", "NaN counts as full marks"),
        ("-1.0", "negative grade counts as full marks"),
        ("-inf", "not a built-in float"),
        ("3", "not a built-in float"),
        ("11.0", "above 10"),
    ],
)
def test_each_rule_is_checked(shown, says):
    assert says in nbgrader.validate(shown, max_points=10)[0]
    assert says not in "".join(nbgrader.validate("3.0", max_points=10))


def test_stderr_makes_the_grade_0():
    assert "stderr" in nbgrader.validate("3.0", stderr="RuntimeWarning")[0]
    assert math.isinf(nbgrader.STOP)

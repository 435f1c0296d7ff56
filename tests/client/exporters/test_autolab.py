"""The last line that an Autolab grader prints."""

import json
import re
import subprocess
import sys

import pytest

from chainrule_client.exporters import autolab
from client.exporters.conftest import REPORTS


def as_autolab_reads(printed):
    """The scores, by Autolab's own steps: the last line, with quotes put around words before a colon."""
    last = printed.rstrip().splitlines()[-1]
    return json.loads(re.sub(r"([a-zA-Z0-9]+):", r'"\1":', last))["scores"]


def test_all_points_go_to_one_problem(graded):
    assert as_autolab_reads(autolab.export(graded, problem="Problem 1")) == {"Problem 1": float(graded["score"])}


def test_quantities_may_have_problems_of_their_own():
    problems = {"gradients.y_hat": "By hand", "gradients.W1": "In code", "gradients.b1": "In code"}
    assert as_autolab_reads(autolab.export(REPORTS["wrong"], problem=problems)) == {"By hand": 0, "In code": 4.5}
    with pytest.raises(ValueError, match=r"no problem is named for gradients\.b1"):
        autolab.export(REPORTS["wrong"], problem={"gradients.y_hat": "a", "gradients.W1": "b"})


def test_a_colon_breaks_autolabs_parser_and_is_refused():
    with pytest.raises(ValueError, match="colon"):
        autolab.export(REPORTS["right"], problem="1.2: gradients")
    assert "colon" in autolab.validate('{"scores": {"a: b": 1}}')[0]
    with pytest.raises(json.JSONDecodeError):
        as_autolab_reads('{"scores": {"a: b": 1}}')


def test_messages_come_before_the_scores():
    lines = autolab.export(REPORTS["wrong"]).splitlines()
    assert lines[0] == ""  # so that a line begun by others ends
    assert lines[1:4] == [
        "gradients.y_hat  0 of 1",
        "  6 of 35 entries are wrong",
        "  The sign of ∂C/∂ŷ is flipped",
    ]
    assert lines[-2:] == ["4.5 of 6 points", '{"scores": {"chainrule": 4.5}}']


def test_a_fault_of_ours_has_no_line_of_scores():
    printed = autolab.failure("the grader failed")
    with pytest.raises(json.JSONDecodeError):
        as_autolab_reads(printed)
    assert "Not graded: the grader failed." in printed
    assert "no line of scores" in autolab.validate(printed + '{"scores": {"a": 0}}')[0]


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("", "nothing was printed"),
        ('{"scores": {"a": 1}}\nUserWarning: late', "the last line holds no scores"),
        ('{"scores": {}}', "scores: an object"),
        ('{"scores": {"a": null}}', "scores.a: a finite number"),
        ('{"scores": {"a": "1"}}', "scores.a: a finite number"),
        ('{"scores": {"a": NaN}}', "the last line holds no scores"),
        ('{"score": 1}', "scores: an object"),
    ],
)
def test_each_rule_is_checked(printed, says):
    faults = autolab.validate(printed)
    assert len(faults) == 1
    assert says in faults[0]


def test_nothing_can_follow_what_is_printed():
    program = (
        "import atexit, os, sys\n"
        "from chainrule_client.exporters import autolab\n"
        "atexit.register(print, 'late')\n"
        "print('begun by others', end='')\n"
        "autolab.emit(autolab.export({'score': 1, 'max_score': 1, 'items': []}))\n"
        "print('later'); print('warning', file=sys.stderr); os.write(1, b'straight'); os.system('echo by a child')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0
    assert autolab.validate(done.stdout) == []
    assert as_autolab_reads(done.stdout) == {"chainrule": 1}

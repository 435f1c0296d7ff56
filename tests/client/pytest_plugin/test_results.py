"""What a session of tests is worth, as the platforms are told."""

import json
import tomllib

import pytest

from chainrule_client.exporters import PLATFORMS
from docs.pages import ROOT

RIGHT_AND_WRONG = """
    import pytest

    @pytest.mark.points(4, name="first layer")
    def test_w1(grade):
        report = grade({}, {"gradients": {"W1": 1}})
        assert report["score"] == 1

    @pytest.mark.points(3)
    def test_parts(grade):
        grade({}, {"gradients.W2": 0.5}, points={"gradients.W2": 2})
        grade({}, {"gradients.b2": 1})

    def test_without_a_marker(grade):
        grade({}, {"gradients": {"b1": None}})

    @pytest.mark.points(2)
    def test_without_checks():
        pass

    def test_that_does_not_count():
        assert False
"""


def listed(outputs):
    found = json.loads(outputs["gradescope"])
    return {test["name"]: (test["score"], test["max_score"], test["output"]) for test in found["tests"]}


def test_every_check_is_made_and_earns_its_part(suite):
    code, said, outputs = suite.run(RIGHT_AND_WRONG)
    assert code == 1
    assert listed(outputs) == {
        "first layer": (4, 4, "right"),
        "test_parts": (2, 3, "gradients.W2: 3 of 4 entries are wrong"),
        "test_without_a_marker": (0, 1, "gradients.b1: there is no answer"),
        "test_without_checks": (2, 2, "right"),
    }
    assert "gradients.W2: 3 of 4 entries are wrong" in said
    assert "31.4" not in said
    assert json.loads(outputs["gradescope"])["execution_time"] > 0


def test_every_platform_can_be_written_at_once(suite):
    code, _, outputs = suite.run(RIGHT_AND_WRONG, "--chainrule-problem=All", outputs=tuple(PLATFORMS))
    assert code == 0  # PrairieLearn does not read the file of a grader that ends with another status
    assert json.loads(outputs["prairielearn"])["score"] == 0.8
    assert json.loads(outputs["autolab"].splitlines()[-1]) == {"scores": {"All": 8.0}}
    assert outputs["nbgrader"] == "8.0"
    assert "@test_case(name='first layer', points=4.0, hidden=False)" in outputs["otter"]


def test_without_an_output_answers_are_checked_all_the_same(suite):
    code, said, _ = suite.run(RIGHT_AND_WRONG, outputs=())
    assert code == 1
    assert "3 failed, 2 passed" in said
    assert "gradients.b1: there is no answer" in said


def test_the_marker_says_how_much_is_told(suite):
    code, said, _ = suite.run(
        """
        import pytest
        from conftest import seen

        @pytest.mark.points(1, feedback="count")
        def test_it(grade):
            grade({"problem": "p"}, {"gradients.W1": 1}, policy={"places": 4})
            grade({"problem": "p"}, {"gradients.W1": 1}, policy={"feedback": "verdict"})
            problem, policy = zip(*seen)
            assert problem == ({"problem": "p"}, {"problem": "p"})
            assert policy == ({"feedback": "count", "places": 4}, {"feedback": "verdict"})

        def test_default(grade):
            grade({}, {"gradients.W1": 1})
            assert seen[-1] == ({}, {"feedback": "indices"})
        """
    )
    assert code == 0, said


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("points(-1)", "points is a finite number, not -1"),
        ("points('4')", "points is a finite number, not '4'"),
        ("points(float('nan'))", "points is a finite number, not nan"),
        ("points(1, feedback='all')", "feedback is one of verdict, shape"),
        ("points(1, value=3)", "unexpected keyword argument 'value'"),
    ],
)
def test_a_marker_that_cannot_be_read_is_told_before_any_test(suite, marker, says):
    code, said, _ = suite.run(f"import pytest\n@pytest.mark.{marker}\ndef test_it(): pass", outputs=())
    assert code == 4
    assert says in said


def test_parameters_make_tests_with_names_of_their_own(suite):
    _, _, outputs = suite.run(
        """
        import pytest

        @pytest.mark.points(2, name="layer")
        @pytest.mark.parametrize("answer", [1, 0])
        def test_it(grade, answer):
            grade({}, {"gradients.W1": answer})

        @pytest.mark.points(1, name="twice")
        def test_a(): pass

        @pytest.mark.points(1, name="twice")
        def test_b(): pass
        """,
        outputs=("gradescope", "otter"),
    )
    assert {name: score for name, (score, _, _) in listed(outputs).items()} == {
        "layer [1]": 2,
        "layer [0]": 0,
        "twice": 1,
        "twice (2)": 1,
    }


def test_the_entry_point_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"chainrule": "chainrule_client.pytest_plugin"}


@pytest.mark.parametrize(
    ("output", "says"),
    [("gradscope:x", "no platform 'gradscope'; there are gradescope"), ("nbgrader:", "write nbgrader:PATH")],
)
def test_an_output_that_cannot_be_written_is_told_first(suite, output, says):
    code, said, _ = suite.run("def test_it(): pass", f"--chainrule-output={output}", outputs=())
    assert code == 4
    assert says in said


def test_nothing_heavy_is_loaded_by_tests_that_do_not_use_it(suite):
    code, said, _ = suite.run(
        """
        import sys

        def test_it():
            heavy = {"numpy", "pydantic", "httpx", "typer", "torch", "chainrule_client.exporters", "chainrule"}
            assert heavy & set(sys.modules) == set()
        """,
        outputs=(),
        conftest="",
    )
    assert code == 0, said

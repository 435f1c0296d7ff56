"""Nothing that fails vanishes from the results, and a fault of ours is no wrong answer."""

import json

import pytest

from client.pytest_plugin.test_results import listed

FAILING = """
    import numpy as np
    import pytest

    TRUTH = 31.41592653589793

    @pytest.fixture
    def student():
        raise ModuleNotFoundError("No module named 'student'")

    @pytest.fixture
    def untidy():
        yield
        raise OSError("the folder is not empty")

    @pytest.mark.points(4)
    def test_setup(student, grade): pass

    @pytest.mark.points(1)
    def test_teardown(untidy): pass

    @pytest.mark.points(2)
    def test_raises(grade):
        grade({}, {"gradients.W1": 0.5})
        raise TypeError("unsupported operand\\nand more")

    @pytest.mark.points(2)
    def test_asserts(grade):
        grade({}, {"gradients.W1": 1})
        assert TRUTH == 2, f"wanted {TRUTH}"

    @pytest.mark.points(2)
    def test_numpy():
        np.testing.assert_allclose(2.0, TRUTH)

    @pytest.mark.points(2)
    def test_says_why():
        pytest.fail("no function named backward")

    @pytest.mark.points(2)
    def test_skips_itself(grade):
        grade({}, {"gradients.W1": 1})
        pytest.skip("by a student")

    @pytest.mark.skip(reason="by the author")
    @pytest.mark.points(2)
    def test_left_out(): pass

    @pytest.mark.points(3)
    def test_subtests(subtests, grade):
        for k in range(3):
            with subtests.test("layer", k=k):
                if k == 1:
                    raise ValueError("shapes do not fit")
                grade({}, {"gradients.W1": 1})

    @pytest.mark.points(3)
    def test_checks_in_subtests(subtests, grade):
        for k in range(4):
            with subtests.test(k=k):
                grade({}, {"gradients.W1": k != 2})
"""
EXPECTED = {
    "test_setup": (0, 4, "the test could not be set up: ModuleNotFoundError: No module named 'student'"),
    "test_teardown": (1, 1, "after the test: OSError: the folder is not empty"),
    "test_raises": (0, 2, "gradients.W1: 3 of 4 entries are wrong\nTypeError: unsupported operand"),
    "test_asserts": (0, 2, "a check of the test failed"),
    "test_numpy": (0, 2, "a check of the test failed"),
    "test_says_why": (0, 2, "no function named backward"),
    "test_skips_itself": (0, 2, "skipped: by a student"),
    "test_checks_in_subtests": (2.25, 3, "gradients.W1: 3 of 4 entries are wrong"),
}


@pytest.mark.parametrize("xdist", [(), ("-n2",)], ids=["alone", "xdist"])
def test_every_failure_is_reported_and_no_truth_is(suite, xdist):
    _, said, outputs = suite.run(FAILING, *xdist, plugins=("xdist",))
    found = listed(outputs)
    subtests = found.pop("test_subtests")
    assert found == EXPECTED, said
    assert subtests[:2] == (0, 3)
    assert subtests[2].replace("'", "") == "layer k=1: ValueError: shapes do not fit"
    assert "31.4" not in outputs["gradescope"]


@pytest.mark.parametrize("xdist", [(), ("-n2",)], ids=["alone", "xdist"])
def test_what_cannot_be_collected_is_reported_and_nothing_is_graded(suite, xdist):
    """What its tests are worth is not known: without them the rest would be the whole."""
    good = "def test_it(grade): grade({}, {'gradients.W1': 1})"
    code, said, outputs = suite.run(
        good,
        *xdist,
        "--continue-on-collection-errors",
        plugins=("xdist",),
        outputs=("gradescope", "prairielearn"),
        test_broken="import student",
    )
    assert json.loads(outputs["prairielearn"])["gradable"] is False, said
    assert code == 0
    for text in outputs.values():
        assert "test_broken.py: ModuleNotFoundError: No module named 'student'" in text
        assert "Not graded" in text


def test_an_assertion_while_collecting_tells_no_values(suite):
    _, _, outputs = suite.run("truth = 31.4\nassert truth == 2")
    assert "test_it.py: AssertionError" in outputs["gradescope"]
    assert "31.4" not in outputs["gradescope"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("def test_it(grade): grade({}, {'gradients.W1': 'fails'})", ()),
        ("def test_it(grade): grade({}, {'gradients.W1': 'fails'})", ("-n1",)),
        ("def test_it(grade, subtests):\n    with subtests.test(): grade({}, {'gradients.W1': 'fails'})", ("-n1",)),
        ("def test_it(grade):\n    try: grade({}, {'gradients.W1': 'fails'})\n    except BaseException: pass", ()),
        ("def test_it(grade): grade({}, {'gradients.W1': 1, 'gradient.W1': 1})", ()),
    ],
    ids=["alone", "xdist", "subtest", "caught", "typing error"],
)
def test_a_fault_of_ours_is_no_wrong_answer(suite, text, options):
    also = "\ndef test_right(grade): grade({}, {'gradients.W1': 1})"
    _, said, outputs = suite.run(text + also, *options, plugins=("xdist",), outputs=("gradescope", "prairielearn"))
    assert json.loads(outputs["prairielearn"])["gradable"] is False, said
    assert "Not graded: the grader failed (" in outputs["gradescope"]
    assert "31.4" not in outputs["gradescope"]


def test_a_grader_that_fails_in_a_fixture_is_a_fault_of_ours(suite):
    _, said, outputs = suite.run(
        """
        import pytest
        from chainrule_client.errors import ConnectionFailed

        @pytest.fixture
        def instance():
            raise ConnectionFailed("nobody answered")

        def test_it(instance, grade): pass
        """
    )
    assert "Not graded: the grader failed (ConnectionFailed)" in outputs["gradescope"], said


def test_interrupted_tests_are_not_graded(suite):
    _, _, outputs = suite.run("def test_it(grade): raise KeyboardInterrupt")
    assert "Not graded: the tests were interrupted" in outputs["gradescope"]


def test_no_tests_are_not_graded(suite):
    code, _, outputs = suite.run("", outputs=("prairielearn",))
    assert "there are no tests" in outputs["prairielearn"]
    assert code == 0


def test_tests_that_were_not_run_have_no_points(suite):
    _, _, outputs = suite.run("def test_a(grade): assert 0\ndef test_b(grade): pass", "-x")
    assert listed(outputs)["test_b"] == (0, 1, "the test was not run")


CRASHING = """
    import os
    import pytest

    @pytest.mark.points(2)
    def test_ends_the_process(grade): os._exit(3)

    @pytest.mark.points(3)
    def test_right(grade): grade({}, {"gradients.W1": 1})
"""


def test_a_test_that_ends_its_process_has_no_points_under_xdist(suite):
    _, said, outputs = suite.run(CRASHING, "-n1", plugins=("xdist",))
    assert listed(outputs) == {
        "test_ends_the_process": (0, 2, "the process ended while the test ran"),
        "test_right": (3, 3, "right"),
    }, said


def test_where_every_process_ended_nothing_is_known(suite):
    _, said, outputs = suite.run(CRASHING, "-n1", "--max-worker-restart=0", plugins=("xdist",))
    assert "Not graded: the processes that ran the tests ended" in outputs["gradescope"], said

"""The commands about grading."""

import json

import numpy as np
import pytest

from chainrule_client import exporters
from client.command_line import run

PROBLEM = {
    "network": {"layers": [{"op": "linear", "weight": [[1, -1], [0.5, 2], [-1.5, 1]], "bias": [0.5, 0, 1]}]},
    "inputs": [[1, 2], [-1, 0.5]],
    "targets": [[0, 10, 1], [12, 5, -1]],
    "loss": "squared_error",
    "points": {"loss": 1, "gradients.W1": 2, "gradients.b1": 1},
}
FLIPPED = {"gradients": {"W1": [[-26, 0.5], [20.5, 24.5], [9.5, 0]]}}


@pytest.fixture
def files(tmp_path):
    """Writes files, and gives their paths as text."""

    def write(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def without_points(**more):
    return {**{name: value for name, value in PROBLEM.items() if name != "points"}, **more}


def truth(files):
    return json.loads(run("gradients", files("problem.json", without_points()), "--json").stdout)


def test_a_report_is_a_line_a_quantity_and_each_mistake(files):
    right = truth(files)
    flipped = [[-value for value in row] for row in right["gradients"]["W1"]]
    answers = files("answers.json", {"loss": right["loss"], "gradients": {"W1": flipped, "b1": [float("nan"), 1, 2]}})
    done = run("grade", files("problem.json", PROBLEM), "--answers", answers)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "1 of 4 points"
    assert "loss          correct    1/1" in lines
    assert "gradients.W1  wrong      0/2     6 of 6 entries are wrong; at [0, 0] [0, 1] [1, 0] [1, 1] …" in lines
    assert any(line.startswith("gradients.b1  nonfinite  0/1") for line in lines)
    assert any(line.startswith("sign: ") for line in lines)
    assert "  explains gradients.W1" in lines


def test_options_go_before_the_policy_of_the_request(files):
    right = truth(files)
    turned = {"gradients": {"W1": [list(row) for row in zip(*right["gradients"]["W1"], strict=True)]}}
    request = {**PROBLEM, "points": {"gradients.W1": 2}, "policy": {"feedback": "count", "layout": "torch"}}
    asked = ("grade", files("problem.json", {**request, "answers": turned}), "--json")
    assert json.loads(run(*asked).stdout)["score"] == 0
    either = json.loads(run(*asked, "--layout", "either", "--feedback", "verdict").stdout)
    assert (either["score"], either["feedback"]) == (2, "verdict")
    rounded = {"gradients": {"W1": [[value + 0.004 for value in row] for row in right["gradients"]["W1"]]}}
    asked = ("grade", files("problem.json", {**request, "answers": rounded}), "--json")
    assert json.loads(run(*asked).stdout)["score"] == 0
    assert json.loads(run(*asked, "--places", "2").stdout)["score"] == 2


@pytest.mark.parametrize(
    ("request_", "answers", "says"),
    [
        (PROBLEM, None, "there are no answers"),
        (PROBLEM, "{", "answers.json cannot be read"),
        (PROBLEM, [1], "answers.json holds no JSON object; answers are one"),
        (PROBLEM, "null", "answers.json holds no JSON object; answers are one"),
        ({**PROBLEM, "answers": [1]}, None, "answers want an object"),
        ({**PROBLEM, "policy": 5}, FLIPPED, '"policy" in the request is no JSON object'),
        (PROBLEM, {"gradients": {"W3": 1}}, "W3"),
        ({**PROBLEM, "surprise": 1}, FLIPPED, "/surprise"),
        ("{", FLIPPED, "problem.json is not JSON"),
    ],
)
def test_a_bad_request_ends_with_2_and_a_sentence(files, request_, answers, says):
    given = () if answers is None else ("--answers", files("answers.json", answers))
    done = run("grade", files("problem.json", request_), *given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("platform", exporters.PLATFORMS)
@pytest.mark.parametrize("answers", [FLIPPED, "{", "null", None])
def test_a_platforms_file_is_written_whatever_was_handed_in(files, tmp_path, platform, answers):
    path = tmp_path / "out"
    handed_in = str(tmp_path / "nothing") if answers is None else files("answers.json", answers)
    done = run("grade", files("problem.json", PROBLEM), "--answers", handed_in, "--output", f"{platform}:{path}")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert exporters.validate(platform, path) == []
    checked = run("check", platform, str(path))
    assert (checked.exit_code, checked.stdout) == (0, "")


def test_answers_may_come_from_stdin(files, tmp_path):
    path, answers = tmp_path / "out", json.dumps({"loss": 999, "gradients": truth(files)["gradients"]})
    asked = ("grade", files("problem.json", PROBLEM), "--answers", "-")
    assert run(*asked, stdin=answers).stdout.startswith("3 of 4 points")
    run(*asked, "--output", f"prairielearn:{path}", stdin=answers)
    assert json.loads(path.read_text())["score"] == 0.75


def test_what_is_no_object_was_handed_in_as_nothing(files, tmp_path):
    path = tmp_path / "out"
    problem, answers = files("problem.json", PROBLEM), files("answers.json", [1, 2])
    run("grade", problem, "--answers", answers, "--output", f"prairielearn:{path}")
    found = json.loads(path.read_text())
    assert (found.get("gradable", True), found["score"]) == (True, 0)


def test_a_fault_of_ours_is_written_as_such(files, tmp_path):
    path = tmp_path / "out"
    broken = files("problem.json", {**PROBLEM, "loss": "squared"})
    done = run("grade", broken, "--answers", files("answers.json", FLIPPED), "--output", f"prairielearn:{path}")
    assert done.exit_code == 0
    assert json.loads(path.read_text())["gradable"] is False
    assert "squared_error" in done.stderr


def test_check_names_each_fault(files):
    done = run("check", "prairielearn", files("out", {"score": 3, "tests": [{"name": "a"}]}))
    assert done.exit_code == 2
    assert done.stdout.splitlines() == [
        "score: a number from 0 to 1 is wanted, not 3",
        "tests: one test without points and max_points turns the table off for all",
    ]
    for arguments, says in (
        (("nowhere", files("out", "")), "no platform 'nowhere'"),
        (("otter", "missing.py"), "missing.py cannot be read: No such file"),
    ):
        done = run("check", *arguments)
        assert (done.exit_code, says in done.stderr) == (2, True)


@pytest.mark.parametrize("output", ["gradscope:x", "nbgrader"])
def test_an_output_that_cannot_be_written_is_told(files, output):
    done = run("grade", files("problem.json", PROBLEM), "--output", output)
    assert done.exit_code == 2
    assert "chainrule: " in done.stderr


def test_a_number_has_no_index_and_a_source_is_named_once(files):
    done = run("grade", files("problem.json", PROBLEM), "--answers", files("answers.json", {"loss": 1}))
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("loss ")]
    assert line.split(maxsplit=3) == ["loss", "wrong", "0/1", "the number is wrong"]
    right = truth(files)["gradients"]
    flipped = {"gradients": {name: (-np.array(right[name])).tolist() for name in ("W1", "b1")}}
    y_hat = json.loads(run("gradients", files("all.json", without_points(wrt=["y_hat"])), "--json").stdout)
    flipped["gradients"]["y_hat"] = (-np.array(y_hat["gradients"]["y_hat"])).tolist()
    request = {**PROBLEM, "policy": {"follow_through": False}}
    told = run("grade", files("problem.json", request), "--answers", files("answers.json", flipped)).stdout
    (line,) = [line for line in told.splitlines() if line.startswith("gradients.W1 ")]
    assert line.endswith("0/2     follows from gradients.y_hat, which costs points here too")

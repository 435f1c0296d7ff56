"""Offline keys give the verdicts that grading gives, and hold what they say they hold."""

import json
import subprocess
import sys

import numpy as np
import pytest

from chainrule_client import exporters, local
from chainrule_client.bundles import load_bundle, make_bundle

PROBLEM = "nyu-hw1/1.2c"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make_bundle(PROBLEM, range(3), tmp_path_factory.mktemp("bundles") / "keys.json")


def truths(seed, layout="torch"):
    asked = {"problem": PROBLEM, "seed": seed, "layout": layout}
    gradients = local.call("gradients", {**asked, "wrt": ["y_hat", "W1", "b1", "W2", "b2"]}).gradients
    pairs = [name.partition(".")[2] for name in load_asks() if name.startswith("jacobians")]
    wanted = [dict(zip(("of", "wrt"), pair.split("/"), strict=True)) for pair in pairs]
    jacobians = local.call("jacobians", {**asked, "pairs": wanted}).jacobians
    return {"gradients": gradients, "jacobians": {name: each.dense() for name, each in jacobians.items()}}


def load_asks():
    return local.problem_on_file(PROBLEM)["asks"]


def verdicts(report):
    return {item["quantity"]: (item["status"], item["points"], item["max_points"]) for item in report["items"]}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", ["torch", "numerator"])
def test_right_answers_have_all_points_in_every_layout_on_file(path, seed, layout):
    bundle = load_bundle(path)
    answers = truths(seed, layout)
    report = bundle.grade(seed, answers)
    assert report["score"] == report["max_score"] == len(load_asks())
    assert set(report) == set(local.grade({"problem": PROBLEM, "seed": seed}, answers))
    assert bundle.grade((seed + 1) % 3, answers)["score"] < len(load_asks())


def changes(answers):
    gradients = answers["gradients"]
    yield {}
    yield {"gradients": {**gradients, "W1": -gradients["W1"], "b1": None, "W2": "text", "b2": [[1], [1, 2]]}}
    yield {"gradients": {**gradients, "W1": np.full_like(gradients["W1"], np.nan), "b1": gradients["b1"][None]}}
    yield {"gradients": {**gradients, "W1": gradients["W1"].astype(np.float32), "b2": True, "b1": [], "W2": object()}}
    yield {"gradients.W1": gradients["W1"].tolist(), "gradients.b1": (gradients["b1"] * (1 + 1e-6)).tolist()}


def test_the_verdicts_are_those_of_grading(path):
    bundle = load_bundle(path)
    for answers in changes(truths(1)):
        whole = local.grade({"problem": PROBLEM, "seed": 1}, answers)
        compared = bundle.grade(1, answers)
        follows = {item["quantity"] for item in whole["items"] if item["status"] == "correct_given_own_work"}
        assert {n: v for n, v in verdicts(compared).items() if n not in follows} == {
            n: v for n, v in verdicts(whole).items() if n not in follows
        }


@pytest.mark.parametrize(
    ("policy", "answer", "status", "points"),
    [
        ({}, [1.0, 2.0, -4.0], "correct", 6),
        ({}, [1.0, 2.0, -4.1], "wrong", 0),
        ({"rtol": 0.1}, [1.0, 2.0, -4.1], "correct", 6),
        ({"places": 1}, [1.04, 2.0, -4.0], "correct", 6),
        ({"places": 2}, [1.04, 2.0, -4.0], "wrong", 0),
        ({"partial": "entries"}, [1.0, 2.0, 9.0], "wrong", 4),
        ({"partial": "entries"}, [1.0, 2.0, np.inf], "nonfinite", 4),
        ({}, [[1.0, 2.0, -4.0]], "shape", 0),
        ({"bias_shape": "any"}, [[1.0, 2.0, -4.0]], "correct", 6),
        ({"bias_shape": "any"}, [[1.0], [2.0], [-4.0]], "correct", 6),
        ({"bias_shape": "any"}, [[1.0, 2.0], [-4.0, 1.0]], "shape", 0),
    ],
)
def test_each_rule_of_the_policy(tmp_path, policy, answer, status, points):
    def problem(seed):
        return {
            "network": {"layers": [{"op": "linear", "weight": [[1.0]] * 3, "bias": [0.0, 0.0, 0.0]}]},
            "inputs": [[0.0]],
            "targets": [[-0.5, -1.0, 2.0]],
            "loss": "squared_error",
        }

    made = make_bundle(problem, [0], tmp_path / "keys.json", points={"gradients.b1": 6}, policy=policy)
    item = load_bundle(made).grade(0, {"gradients.b1": np.array(answer)})["items"][0]
    assert (item["status"], item["points"]) == (status, points)


def test_no_more_is_told_than_which_entries_are_wrong(path):
    bundle = load_bundle(path)
    wrong = {"gradients": {"b2": np.zeros(5)}}
    fields = {
        level: set(bundle.grade(0, wrong, feedback=level)["items"][2])
        for level in ("verdict", "shape", "count", "indices", "values")
    }
    assert fields["verdict"] == {"quantity", "status", "points", "max_points", "message"}
    assert fields["shape"] - fields["verdict"] == {"shape", "wanted_shape"}
    assert fields["count"] - fields["shape"] == {"wrong", "total"}
    assert fields["values"] == fields["indices"] == {*fields["count"], "indices"}
    assert bundle.grade(0, wrong, feedback="values")["feedback"] == "indices"
    truth = truths(0)["gradients"]["b2"]
    for shown in (repr(bundle), str(bundle.grade(0, wrong))):
        assert all(str(value) not in shown for value in truth if abs(value) > 1e-9 and value % 1)


def test_a_report_of_it_is_exported_as_any_other(path):
    report = load_bundle(path).grade(0, {"gradients": {"b2": [np.nan] * 5}})
    for platform in exporters.PLATFORMS:
        assert exporters.validate_text(platform, exporters.export(platform, report)) == []


def test_keys_for_students_need_the_secret_to_be_made_and_not_to_be_used(tmp_path):
    who = {"assignment": "hw1", "question": "1.2c", "student": "ann", "revision": 1}
    with pytest.raises(ValueError, match="secret"):
        make_bundle(PROBLEM, [who], tmp_path / "keys.json")
    path = make_bundle(PROBLEM, [who], tmp_path / "keys.json", secret="quite long")
    assert "quite long" not in path.read_text()
    bundle = load_bundle(path)
    assert (bundle.labels, "ann" in bundle, "bob" in bundle) == (["ann"], True, False)
    seed = local.seed_for("quite long", **who)
    assert bundle.grade("ann", truths(seed))["score"] == len(load_asks())
    with pytest.raises(KeyError, match="no key for 'bob'"):
        bundle.grade("bob", {})


def test_a_bundle_is_deleted_once_it_is_read(tmp_path):
    path = make_bundle(PROBLEM, [0], tmp_path / "keys.json")
    bundle = load_bundle(path, delete=True)
    assert not path.exists()
    assert bundle.grade(0, truths(0))["score"] == len(load_asks())


def test_reading_one_needs_neither_engine_nor_schemas_of_requests(path):
    program = (
        "import sys\nfrom chainrule_client.bundles import load_bundle\n"
        f"print(load_bundle({str(path)!r}).grade(0, {{'gradients.b2': [0, 0, 0, 0, 0]}})['score'])\n"
        "assert not {'torch', 'httpx', 'pydantic', 'chainrule.engine', 'chainrule.operations'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0.0\n"), done.stderr


def test_what_is_no_bundle_is_refused(tmp_path):
    for text in ("[]", "{}", '{"format": 99}'):
        (tmp_path / "keys.json").write_text(text)
        with pytest.raises(ValueError, match="no bundle"):
            load_bundle(tmp_path / "keys.json", delete=True)
        assert (tmp_path / "keys.json").exists()
    with pytest.raises(ValueError, match="points are needed"):
        make_bundle(lambda seed: {}, [0], tmp_path / "other.json")
    assert json.loads((tmp_path / "keys.json").read_text()) == {"format": 99}

"""Problems on file and instances, over HTTP and in process, and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]

from chainrule.schemas.encoding import encode
from chainrule_client import InvalidRequest, LocalClient, NotFound, local
from chainrule_client.replies import Reply
from client.command_line import run

GRID = {"shape": ["N", 2], "low": -1, "high": 1, "step": 0.5, "nonzero": True}
TEMPLATE = {
    "network": {"layers": [{"op": "linear", "weight": {**GRID, "shape": [3, 2]}}, {"op": "tanh"}]},
    "inputs": GRID,
    "targets": {"shape": ["N", 3], "values": [0, 1]},
    "loss": "mse",
    "sizes": {"N": 5},
}
A_SET = {
    "id": "mine",
    "title": "Mine",
    "problems": [{"id": "one", "title": "One", "text": "Give W₁'s.", "asks": ["gradients.W1"], "template": TEMPLATE}],
}
ANN = {"assignment": "a", "question": "q", "student": "ann"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(A_SET))
    return tmp_path


def test_an_instance_can_be_passed_on() -> None:
    drawn = local.instances(TEMPLATE, 7)
    assert (drawn.seed, drawn.sizes, drawn.attempt) == (7, {"N": 5}, 0)
    reply = local.gradients(**drawn.problem)
    named = local.instances(problem="nyu-hw1/1.2b", seed=7)
    assert reply.gradients["W1"].shape == (3, 2)
    assert local.call("forward", {"problem": "nyu-hw1/1.2b", "seed": 7}).outputs.tolist() == (
        local.forward(**named.problem).outputs.tolist()
    )


def test_a_reply_as_json_reads_as_one_in_process() -> None:
    drawn = local.instances(problem="nyu-hw1/2.1", seed=3)
    read = Reply(json.loads(encode(drawn.raw)))
    np.testing.assert_equal(read.problem, drawn.problem)


def test_problems_of_a_folder_and_seeds_of_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = LocalClient(problems=folder, secret="s")
    assert [each["id"] for each in client.problems()["sets"]] == ["mine", "nyu-hw1"]
    assert client.problem("mine/one")["asks"] == ["gradients.W1"]
    of_ann = client.instances(problem="mine/one", identity=ANN)
    assert client.instances(problem="mine/one", seed=of_ann.seed).problem["inputs"].tolist() == (
        of_ann.problem["inputs"].tolist()
    )
    monkeypatch.setenv("CHAINRULE_PROBLEMS", str(folder))
    monkeypatch.setenv("CHAINRULE_SECRET", "s")
    assert local.instances(problem="mine/one", identity=ANN).seed == of_ann.seed


def test_what_is_not_there_or_cannot_be_drawn_is_refused(folder: Path) -> None:
    with pytest.raises(NotFound):
        local.problem("mine/one")
    with pytest.raises(InvalidRequest, match="no secret"):
        local.instances(problem="nyu-hw1/1.2b", identity=ANN)
    with pytest.raises(InvalidRequest, match="nyu-hw1"):
        local.instances(problem="mine/one", seed=1)
    (folder / "mine.yaml").write_text("id: other")
    with pytest.raises(ValueError, match=r"mine\.yaml"):
        LocalClient(problems=folder).problems()


def test_the_command_lists_problems_and_shows_one(folder: Path) -> None:
    listed = run("problems", "--folder", str(folder))
    assert listed.exit_code == 0, listed.stderr
    assert "mine/one                One\n" in listed.stdout
    assert "nyu-hw1/1.2b            Every layer's input and output\n" in listed.stdout
    shown = run("problems", "nyu-hw1/1.2b")
    assert "asks  [values.s1, values.a1, values.s2, outputs]" in shown.stdout
    assert json.loads(run("problems", "nyu-hw1/1.2b", "--json").stdout)["id"] == "nyu-hw1/1.2b"
    assert run("problems", "nyu-hw1/9").exit_code == 2


@pytest.mark.parametrize("kind", ["json", "yaml", "yml", "stdin"])
def test_the_command_draws_from_a_template(kind: str, tmp_path: Path) -> None:
    text = json.dumps(TEMPLATE) if kind in ("json", "stdin") else yaml.safe_dump(TEMPLATE)
    path = tmp_path / f"template.{kind}"
    path.write_text(text)
    source = ["-"] if kind == "stdin" else [str(path)]
    result = run("instance", *source, "--seed", "7", "--json", stdin=text)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["problem"]["inputs"] == local.instances(TEMPLATE, 7).problem["inputs"].tolist()


def test_the_command_draws_for_somebody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_SECRET", "s")
    whom = ["--assignment", "a", "--question", "q", "--student", "ann"]
    result = run("instance", "mine/one", "--folder", str(folder), *whom, "--json")
    seed = json.loads(result.stdout)["seed"]
    assert seed == LocalClient(problems=folder, secret="s").instances(problem="mine/one", identity=ANN).seed
    again = run("instance", "mine/one", "--folder", str(folder), *whom, "--revision", "1", "--json")
    assert json.loads(again.stdout)["seed"] != seed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nyu-hw1/1.2b"], "seed or by an identity"),
        (["nyu-hw1/9", "--seed", "1"], "no such problem"),
        (["nowhere.yaml", "--seed", "1"], "cannot be read"),
        (["nyu-hw1/1.2b", "--student", "ann"], "assignment is missing"),
    ],
)
def test_the_command_says_what_is_wrong(args: list[str], said: str) -> None:
    result = run("instance", *args)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_yaml_file_that_is_none_is_said(tmp_path: Path) -> None:
    for text in ("a: [", "- 1", "\x00"):
        path = tmp_path / "t.yaml"
        path.write_text(text)
        result = run("instance", str(path), "--seed", "1")
        assert result.exit_code == 2
        assert "t.yaml" in result.stderr

"""Training, pictures and flow at the prompt."""

import json

import numpy as np
import pytest

from client.command_line import reply, run

REQUEST = {
    "network": {"layers": [{"op": "linear", "weight": [[2.0]], "bias": [-1.0]}]},
    "inputs": [[1.0], [3.0]],
    "targets": [[2.0], [3.0]],
    "loss": "mse",
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    return str(path)


def test_training_is_shown_stage_by_stage(file):
    result = run("train", file, "--steps", "2", "--learning-rate", "0.1", "--momentum", "0.5")
    assert result.exit_code == 0, result.stderr
    stages = [line.strip() for line in result.stdout.splitlines() if line.startswith("  ") and line[2] != " "]
    assert stages[:8] == [
        "forward",
        "loss  2.5",
        "clear: the gradients are 0",
        "backward",
        "update: remembered of W1",
        "update: remembered of b1",
        "update",
        "forward",
    ]
    assert "losses [2]\n  [2.5  1.36]" in result.stdout


def test_accumulation_is_shown_where_it_happens(file):
    result = run("train", file, "--steps", "2", "--learning-rate", "0.1", "--accumulate")
    assert result.stdout.count("clear: the gradients are kept") == 1
    assert result.stdout.count("accumulated") == 1


def test_options_of_training_go_before_what_the_file_says(file, tmp_path):
    own = tmp_path / "own.json"
    sgd = {"name": "sgd", "momentum": 0.9, "weight_decay": 0.1}
    own.write_text(json.dumps({**REQUEST, "steps": 3, "learning_rate": 0.1, "optimizer": sgd, "record": 0}))
    by_file = reply("train", str(own))
    again = reply("train", file, "--steps", "3", "--learning-rate", "0.1", "--momentum", "0.9", "--weight-decay", "0.1")
    np.testing.assert_allclose(by_file["losses"], again["losses"])
    assert by_file["recorded"] == []
    assert len(reply("train", str(own), "--record", "2")["recorded"]) == 2
    other = reply("train", str(own), "--optimizer", "adam", "--steps", "1", "--maximize")
    assert other["loss"] > other["losses"][0]
    changed = reply("train", str(own), "--momentum", "0")
    np.testing.assert_allclose(changed["moved"]["W1"], reply("train", str(own), "--momentum", "0.0")["moved"]["W1"])
    assert changed["losses"] != by_file["losses"]


def test_what_training_lacks_is_asked_for(file):
    result = run("train", file)
    assert result.exit_code == 2
    assert "--steps 10" in result.stderr
    result = run("train", file, "--steps", "3")
    assert "--learning-rate 0.1" in result.stderr
    result = run("train", file, "--steps", "3", "--learning-rate", "0.1", "--optimizer", "adagrad")
    assert result.exit_code == 2
    assert "/optimizer" in result.stderr or "optimizer's name" in result.stderr


def test_no_bar_is_shown_where_there_is_no_terminal(file, monkeypatch):
    asked = []
    monkeypatch.setattr("chainrule_client.classes.progress.progress", lambda *args, **kwargs: asked.append(args))
    assert run("train", file, "--steps", "3", "--learning-rate", "0.1").exit_code == 0
    assert asked == []


def test_curves_are_written_to_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("plot", "relu", "leaky_relu:slope=0.1", "gelu:approximate=tanh", "softplus")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "written: curves.svg\n"
    picture = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    for title in ("relu", "leaky_relu, slope 0.1", "gelu, approximate tanh", "softplus"):
        assert f">{title}</text>" in picture
    assert run("plot", "tanh", "--low", "-1", "--high", "1", "--out", "-").stdout.startswith("<svg")
    run("plot", "tanh", "--out", "mine.svg")
    assert (tmp_path / "mine.svg").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["rleu"], "did you mean relu"),
        (["softargmax"], "no curve to draw"),
        (["leaky_relu:slope"], "leaky_relu:slope=0.1"),
        (["leaky_relu:slope=steep"], "wants a number"),
        (["leaky_relu:slop=1"], "slope"),
        (["relu", "--out", "nowhere/at/all.svg"], "cannot be written"),
        (["relu", "--out", "relu.png"], "write relu.svg"),
        (["relu", "--low", "3", "--high", "1"], "low below high"),
    ],
)
def test_what_cannot_be_drawn_is_told(args, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("plot", *args)
    assert result.exit_code == 2
    assert says in result.stderr

"""The command as a person and as a script meet it."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from chainrule_client import client as client_module
from chainrule_client.cli_running import read_object
from client.command_line import reply, run

REQUEST = {
    "network": {
        "layers": [
            {"op": "linear", "weight": [[1, 2], [3, 4], [5, 6]], "bias": [0.1, 0.2, 0.3]},
            {"op": "relu", "scale": 3},
            {"op": "linear", "weight": [[1, 0, 2]]},
        ]
    },
    "inputs": [[1, -1], [0.5, 2]],
    "targets": [[1], [0]],
    "loss": "squared_error",
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "request.json"
    path.write_text(json.dumps(REQUEST))
    return str(path)


def test_gradients_are_shown_with_names_shapes_and_numbers(file):
    result = run("gradients", file)
    assert result.exit_code == 0
    assert "loss  10527.76" in result.stdout
    assert "W1 [3, 2]\n    [[ 307.8 1231.2]\n" in result.stdout
    assert "backend=numpy" in result.stdout


def test_json_is_the_reply_itself(file):
    found = reply("gradients", file)
    np.testing.assert_allclose(found["gradients"]["b1"], [615.6, 0.0, 1231.2])
    assert set(found) >= {"outputs", "loss", "gradients", "warnings", "meta"}


def test_the_request_may_come_from_stdin():
    result = run("loss", "-", "--json", stdin=json.dumps(REQUEST))
    assert json.loads(result.stdout)["loss"] == pytest.approx(10527.76)


def test_a_stdin_that_is_closed_is_told(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ValueError, match="stdin cannot be read: it is closed"):
        read_object(Path("-"))


def test_options_go_before_what_the_file_says(file):
    found = reply("gradients", file, "--layout", "numerator", "--wrt", "W1", "--wrt", "y_hat", "--loss", "mse")
    assert np.shape(found["gradients"]["W1"]) == (2, 3)
    assert list(found["gradients"]) == ["W1", "y_hat"]
    assert found["loss"] == pytest.approx(10527.76 / 2)
    assert reply("gradients", file, "--wrt", "all").keys() == reply("gradients", file).keys()
    assert reply("forward", file, "--dtype", "float32")["meta"]["dtype"] == "float32"


ON_FILE = ("--problem", "nyu-hw1/1.3b", "--seed", "7")


@pytest.mark.parametrize(
    "command",
    [
        ("validate",),
        ("forward", "--trace"),
        ("loss",),
        ("gradients", "--wrt", "W1"),
        ("jacobians", "--pair", "a1/s1"),
        ("train", "--steps", "2", "--learning-rate", "0.1"),
        ("derive", "--wrt", "W1"),
        ("flow", "--alternative", "tanh"),
        ("graph", "--values"),
    ],
    ids=lambda command: command[0],
)
def test_a_problem_on_file_stands_for_a_file(command, tmp_path):
    path = tmp_path / "named.json"
    path.write_text(json.dumps({"problem": "nyu-hw1/1.3b"}))
    assert reply(*command, *ON_FILE) == reply(*command, str(path), "--seed", "7")
    both, neither = run(*command, str(path), *ON_FILE), run(*command)
    assert both.exit_code == neither.exit_code == 2
    assert (
        both.stderr
        == neither.stderr
        == ("chainrule: give one of FILE, which holds a request, and --problem, for one on file\n")
    )


def test_problems_of_a_folder_of_ones_own(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "{id: mine, title: Mine, problems: [{id: one, title: One, text: The output., asks: [outputs], template: {"
        "network: {layers: [{op: tanh}]}, inputs: {shape: [2], values: [1]}, batched: false, "
        "constraints: {tells_apart: false}}}]}"
    )
    found = reply("forward", "--problem", "mine/one", "--seed", "1", "--folder", str(tmp_path))
    np.testing.assert_allclose(found["outputs"], np.tanh([1, 1]))
    assert run("forward", "--problem", "mine/one", "--seed", "1").exit_code == 2


def test_what_moves_in_training_is_said_by_wrt(file):
    how = ("--steps", "1", "--learning-rate", "0.001", "--record", "0")
    assert list(reply("train", file, *how, "--wrt", "x", "--wrt", "b1")["moved"]) == ["x", "b1"]
    assert reply("train", file, *how, "--wrt", "parameters") == reply("train", file, *how)


def test_options_that_are_not_given_leave_the_file_alone(tmp_path):
    path = tmp_path / "request.json"
    path.write_text(json.dumps({**REQUEST, "layout": "numerator", "per_example": True, "wrt": ["W1"]}))
    found = reply("gradients", str(path))
    assert np.shape(found["gradients"]["W1"]) == (2, 3)
    assert np.shape(found["per_example"]["gradients"]["W1"]) == (2, 2, 3)


def test_the_trace_and_the_steps_are_shown_by_node(file):
    trace = run("forward", file, "--trace").stdout
    assert "a1\n    op  relu\n    inputs  x=s1\n    output [2, 3]" in trace
    steps = run("gradients", file, "--steps", "--verify", "--per-example").stdout
    assert "structure  diagonal" in steps
    assert "passed  True" in steps


def test_jacobians_of_named_pairs(file):
    found = reply("jacobians", file, "--pair", "y_hat/W1", "--pair", "a1/s1", "--form", "structured")
    assert {name: jacobian["structure"] for name, jacobian in found["jacobians"].items()} == {
        "y_hat/W1": "outer",
        "a1/s1": "diagonal",
    }


def test_validate_shows_aligned_tables(file):
    lines = run("validate", file).stdout.splitlines()
    at = lines.index("parameters")
    assert lines[at + 1 : at + 4] == ["  name  shape   elements", "  W1    [3, 2]  6", "  b1    [3]     3"]


def test_numbers_that_are_not_finite_are_spelled_in_json(tmp_path):
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"network": {"layers": [{"op": "log"}]}, "inputs": [[0.0, 1.0]]}))
    assert reply("forward", str(path))["outputs"] == [["-Infinity", 0.0]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "request.json is not JSON"),
        ("[1]", "request.json holds no JSON object"),
        ('{"network": {"layers": [{"op": "relu"}]}}', "/inputs"),
        (json.dumps({**REQUEST, "surprise": 1}), "/surprise"),
    ],
)
def test_a_bad_request_ends_with_2_and_a_sentence_on_stderr(tmp_path, text, says):
    path = tmp_path / "request.json"
    path.write_text(text)
    result = run("gradients", str(path))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_jacobians_without_pairs_end_with_2_and_the_option_that_gives_them(file):
    result = run("jacobians", file)
    assert result.exit_code == 2
    assert 'give --pair y_hat/W1, once for each, or write "pairs" in the file' in result.stderr


def test_a_missing_file_and_a_malformed_pair_end_with_2(file):
    missing = run("forward", "nowhere.json")
    assert (missing.exit_code, missing.stderr) == (
        2,
        "chainrule: nowhere.json cannot be read: No such file or directory\n",
    )
    malformed = run("jacobians", file, "--pair", "y_hat")
    assert malformed.exit_code == 2
    assert "not a pair" in malformed.stderr


def answering(monkeypatch, handler):
    real = httpx.Client
    transport = httpx.MockTransport(handler)
    monkeypatch.setattr(client_module.httpx, "Client", lambda **options: real(**{**options, "transport": transport}))


def test_a_url_sends_the_request_to_the_service(file, monkeypatch):
    sent = []

    def handler(request):
        sent.append((str(request.url), json.loads(request.content)))
        return httpx.Response(200, json={"outputs": [[2.0]], "warnings": ["careful"], "meta": {}})

    answering(monkeypatch, handler)
    result = run("forward", file, "--url", "http://service")
    assert result.exit_code == 0
    assert "warnings  [careful]" in result.stdout
    monkeypatch.setenv("CHAINRULE_URL", "http://other")
    run("forward", file)
    assert sent == [("http://service/v1/forward", REQUEST), ("http://other/v1/forward", REQUEST)]


@pytest.mark.parametrize(("status", "code"), [(422, 2), (404, 2), (413, 2), (401, 2), (408, 1), (500, 1), (507, 1)])
def test_the_exit_code_says_whose_fault_it_was(file, monkeypatch, status, code):
    answering(monkeypatch, lambda _: httpx.Response(status, json={"title": "No", "detail": "why not"}))
    result = run("forward", file, "--url", "http://service")
    assert result.exit_code == code
    assert f"chainrule: {status} No: why not" in result.stderr


def test_a_key_that_is_refused_is_said_to_come_from_the_environment(file, monkeypatch):
    answering(monkeypatch, lambda _: httpx.Response(401, json={"title": "Unauthorized", "detail": "wants a key"}))
    assert "the key that is sent is that in CHAINRULE_API_KEY" in run("forward", file, "--url", "http://service").stderr


def test_a_service_out_of_reach_ends_with_1(file, monkeypatch):
    def refuse(_):
        raise httpx.ConnectError("refused")

    monkeypatch.setattr("time.sleep", lambda _: None)
    answering(monkeypatch, refuse)
    result = run("forward", file, "--url", "http://service")
    assert result.exit_code == 1
    assert "no connection to http://service" in result.stderr


def test_a_url_without_a_scheme_ends_with_2_and_says_what_to_write(file):
    result = run("forward", file, "--url", "localhost:8000")
    assert result.exit_code == 2
    assert result.stderr == "chainrule: 'localhost:8000' is no URL of a service: write http://localhost:8000\n"


def test_info_is_that_of_the_service(monkeypatch):
    answering(monkeypatch, lambda _: httpx.Response(200, json={"version": "1", "limits": {"flops": 5}}))
    assert run("info", "--url", "http://service").stdout == "version  1\nlimits  flops=5\n"
    assert json.loads(run("info", "--url", "http://service", "--json").stdout)["limits"] == {"flops": 5}


def test_the_catalogue_is_a_line_an_op():
    lines = run("ops").stdout.splitlines()
    assert lines[0].split() == ["op", "family", "takes", "options", "formula"]
    linear = next(line for line in lines if line.startswith("linear "))
    assert "x, weight, [bias]" in linear
    assert "weight_layout" in linear
    assert len(lines) > 50


def test_ops_in_process():
    found = json.loads(run("ops", "relu", "--json").stdout)
    assert found["op"] == "relu"
    curve = {name: np.array(points) for name, points in found["curve"].items()}
    np.testing.assert_array_equal(curve["value"], np.maximum(curve["x"], 0))
    assert "at_kink  0 at 0" in run("ops", "relu").stdout
    assert json.loads(run("info", "--json").stdout)["limits"]["flops"] > 0
    unknown = run("ops", "relv")
    assert unknown.exit_code == 2
    assert "relu" in unknown.stderr


def test_help_says_where_things_are_computed():
    result = run("--help")
    assert result.exit_code == 0
    assert "NumPy" in result.stdout
    for command in ("serve", "forward", "loss", "gradients", "jacobians", "validate", "ops", "info"):
        assert command in result.stdout

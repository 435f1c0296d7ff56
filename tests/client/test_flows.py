"""Flow through the clients, and at the prompt."""

from __future__ import annotations

import asyncio
import json

import pytest

from chainrule_client import AsyncClient, Client, Flow, NodeFlow, local
from client.command_line import run
from pictures.reading import assert_legible

NETWORK = {
    "layers": [
        {"op": "linear", "weight": [[1.0, 2.0], [-3.0, 1.0]]},
        {"op": "tanh"},
        {"op": "linear", "weight": [[1.0, 1.0]]},
    ]
}
X, Y = [[1.0, 0.5], [-2.0, 1.0]], [[1.0], [0.0]]
ASKED = (NETWORK, X, Y, "mse", ["tanh", {"op": "leaky_relu", "slope": 0.01}])


def test_it_is_the_same_wherever_it_is_computed(url):
    async def awaited():
        async with AsyncClient(url) as client:
            return await client.flow(*ASKED, at=["a1"])

    with Client(url) as client:
        replies = [client.flow(*ASKED), asyncio.run(awaited()), local.flow(*ASKED)]
    for reply in replies:
        tanh, leaky = reply.flows
        assert isinstance(tanh, Flow)
        assert reply.at == ["a1"]
        assert (tanh.activation, leaky.activation) == ("tanh", "leaky_relu")
        assert list(tanh.nodes) == ["s1", "a1", "s2"]
        assert tanh.nodes["a1"] == NodeFlow("a1", "tanh", tanh.nodes["a1"].cotangent, 0.5, None)
        assert leaky.nodes["a1"].inactive == 0.5
        for name in ("s1", "a1", "s2"):
            assert tanh.nodes[name].cotangent == pytest.approx(replies[0].flows[0].nodes[name].cotangent, rel=1e-12)
        assert set(tanh.gradients) == {"W1", "W2"}
        assert tanh.loss == pytest.approx(replies[0].flows[0].loss)


def test_a_picture_is_drawn_where_it_is_asked_for():
    assert_legible(local.flow(*ASKED, format="svg").svg)
    assert "svg" not in local.flow(*ASKED)


def test_numbers_beyond_bounds_are_read():
    reply = local.flow({"layers": [{"op": "sqrt"}, {"op": "exp"}]}, [[0.0]], upstream=[[1.0]])
    assert reply.flows[0].loss is None
    assert reply.flows[0].activation is None


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.json").write_text(json.dumps({"network": NETWORK, "inputs": X, "targets": Y, "loss": "mse"}))
    return "net.json"


def test_it_is_shown_as_a_table(file):
    result = run("flow", file, "--alternative", "tanh", "--alternative", "leaky_relu:slope=0.01")
    assert result.exit_code == 0, result.stderr
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["node", "tanh", "leaky_relu"]
    assert "50 % saturated" in rows[1]
    assert "50 % inactive" in rows[1]
    assert any(row.startswith("W2 ") for row in rows)
    assert run("flow", file).stdout.splitlines()[0].split() == ["node", "as", "it", "is"]


def test_it_is_drawn_into_a_file(file, tmp_path):
    result = run("flow", file, "--alternative", "relu", "--at", "a1", "--out", "flow.svg", "--loss", "l1")
    assert result.stdout.startswith("written: flow.svg")
    assert_legible((tmp_path / "flow.svg").read_text(encoding="utf-8"))
    assert run("flow", file, "--out", "-").stdout.startswith("<svg")
    assert json.loads(run("flow", file, "--json").stdout)["at"] == ["a1"]


@pytest.mark.parametrize(
    ("args", "says"), [(["--alternative", "rleu"], "did you mean relu"), (["--at", "s1"], "no activation")]
)
def test_what_makes_no_sense_is_told(file, args, says):
    result = run("flow", file, *args)
    assert result.exit_code == 2
    assert says in result.stderr

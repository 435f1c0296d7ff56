"""Graphs through the clients, and at the prompt."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from chainrule_client import AsyncClient, Client, GraphEdge, GraphNode, Input, InvalidRequest, Network, local
from client.command_line import run
from pictures.reading import assert_legible

x, y, z = Input("x"), Input("y"), Input("z")
a = x * y + z
b = a * (x + x)
W = Network.graph(a * b + b)
AT = {"x": 2.0, "y": 3.0, "z": 1.0}
HOW = {"batched": False, "upstream": 1.0, "values": True, "gradients": True}


def test_it_is_the_same_wherever_it_is_made(url):
    async def awaited():
        async with AsyncClient(url) as client:
            return await client.graph(W, AT, **HOW)

    with Client(url) as client:
        replies = [client.graph(W, AT, **HOW), asyncio.run(awaited()), local.graph(W, AT, **HOW)]
    for reply in replies:
        assert isinstance(reply.nodes["x"], GraphNode)
        assert {name: reply.nodes[name].gradient.item() for name in "xyz"} == {"x": 292, "y": 120, "z": 60}
        assert reply.nodes[reply.output].value == 224
        assert len(reply.nodes) == 9
        assert isinstance(reply.edges[0], GraphEdge)
        assert sum(edge.gradient.item() for edge in reply.edges if edge.source == "x") == 292
        assert reply.nodes["x"].shape == ()


def test_pictures_come_along_where_they_are_asked_for():
    assert_legible(local.graph(W, AT, batched=False, format="svg").svg)
    assert local.graph(W, AT, batched=False, format="dot").dot.startswith("digraph")
    plain = local.graph(W, AT, batched=False)
    assert plain.nodes["x"].value is None
    assert plain.edges[0].gradient is None


def test_nodes_of_validate_are_left_as_they_come():
    assert local.validate(W, AT, batched=False).nodes[0]["node"]


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes = [{"name": "p", "op": "mul", "inputs": ["x", "v"]}, {"name": "q", "op": "square", "inputs": ["p"]}]
    network = {"parameters": {"v": [1.0, 2.0]}, "nodes": nodes, "output": "q"}
    request = {"network": network, "inputs": [[3.0, 1.0]], "targets": [[9.0, 5.0]]}
    (tmp_path / "net.json").write_text(json.dumps(request))
    return "net.json"


def test_it_is_shown_as_a_table(file):
    result = run("graph", file)
    assert result.exit_code == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()[:3]] == [
        ["node", "kind", "op", "shape", "takes"],
        ["x", "input", "[1,", "2]"],
        ["v", "parameter", "[2]"],
    ]
    assert "value" not in result.stdout
    numbers = run("graph", file, "--values", "--gradients", "--loss", "mse").stdout
    assert "C     0.5" in numbers
    assert "q     [9, 4]" in numbers


def test_it_is_drawn_into_a_file(file, tmp_path):
    assert run("graph", file, "--out", "graph.svg").stdout == "written: graph.svg\n"
    assert_legible((tmp_path / "graph.svg").read_text(encoding="utf-8"))
    run("graph", file, "--out", "graph.dot")
    assert (tmp_path / "graph.dot").read_text(encoding="utf-8").startswith("digraph")
    assert run("graph", file, "--out", "-", "--values").stdout.startswith("<svg")
    assert json.loads(run("graph", file, "--json").stdout)["output"] == "q"


def test_without_the_library_it_is_said_what_to_install(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "fast_sugiyama", None)
    result = run("graph", file, "--out", "graph.svg")
    assert result.exit_code == 2
    assert "chainrule[pictures]" in result.stderr
    assert run("graph", file, "--out", "graph.dot").exit_code == 0
    with pytest.raises(InvalidRequest, match="pictures"):
        local.graph(W, AT, batched=False, format="svg")

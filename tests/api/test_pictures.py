"""Pictures by Accept: what is drawn, under which headers, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

import pytest

from api.in_process import InProcess
from api.problems import SOUND
from pictures.reading import assert_legible
from problem_documents import assert_problem

SVG = {"Accept": "image/svg+xml"}
FLOW = {**SOUND, "network": {"layers": [SOUND["network"]["layers"][0], {"op": "tanh"}, {"op": "identity"}]}}
DRAWN: dict[str, dict[str, Any]] = {
    "/v1/flow": {**FLOW, "alternatives": ["tanh", "relu"]},
    "/v1/graph": {**FLOW, "values": True, "gradients": True},
}


@pytest.mark.parametrize("path", DRAWN)
def test_a_picture_is_drawn_where_it_is_asked_for(path: str, in_process: InProcess) -> None:
    reply = in_process.post(path, json=DRAWN[path], headers=SVG)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "image/svg+xml"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "server-timing" in reply.headers
    assert_legible(reply.text)
    whole = in_process.post(path, json={**DRAWN[path], "format": "svg"}).json()
    assert whole["svg"] == reply.text


@pytest.mark.parametrize("path", DRAWN)
def test_json_is_the_rule(path: str, in_process: InProcess) -> None:
    reply = in_process.post(path, json=DRAWN[path])
    assert reply.headers["content-type"] == "application/json"
    assert "svg" not in reply.json()


@pytest.mark.parametrize("path", DRAWN)
def test_a_refusal_is_a_problem_document_all_the_same(path: str, in_process: InProcess) -> None:
    problem = assert_problem(in_process.post(path, json={**DRAWN[path], "inputs": [[1]]}, headers=SVG), 422)
    assert problem.errors


def test_a_graph_comes_in_dot_too(in_process: InProcess) -> None:
    reply = in_process.post("/v1/graph", json=FLOW, headers={"Accept": "text/vnd.graphviz"})
    assert reply.headers["content-type"] == "text/vnd.graphviz"
    assert reply.text == in_process.post("/v1/graph", json={**FLOW, "format": "dot"}).json()["dot"]


def test_names_bring_no_markup_along(in_process: InProcess) -> None:
    name = "</text><script>alert(1)<"
    hostile = {**FLOW, "network": {"layers": [{"op": "tanh", "name": name.replace("/", "|")}]}, "targets": [[0, 1]] * 2}
    reply = in_process.post("/v1/graph", json=hostile, headers=SVG)
    assert_legible(reply.text)
    assert "<script" not in reply.text


def test_a_graph_too_large_to_draw_is_422(in_process: InProcess) -> None:
    chain = {"network": {"layers": [{"op": "tanh"}] * 2000}, "inputs": [[1.0]]}
    problem = assert_problem(in_process.post("/v1/graph", json=chain, headers=SVG), 422)
    assert "ask for dot" in problem.detail

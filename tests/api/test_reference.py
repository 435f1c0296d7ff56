"""What the service tells of itself: its pages, its ops with their curves, its limits."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import httpx
import numpy as np
import pytest

from api.in_process import InProcess
from chainrule.api.reference import LONGEST
from chainrule.engine.op import Elementwise
from chainrule.engine.registry import names, ops
from chainrule.schemas import reference
from problem_documents import assert_problem

DRAWN = [name for name, op in ops().items() if issubclass(op, Elementwise)]


def get(service: InProcess, path: str) -> Any:
    reply = service.get(path)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_the_index_leads_to_pages_that_are_there(in_process: InProcess) -> None:
    index = reference.Index.model_validate(get(in_process, "/"))
    for path in (index.docs, index.openapi, index.ops, index.info):
        assert in_process.get(path).status_code == 200


def test_the_page_of_the_api_shows_this_document(in_process: InProcess) -> None:
    page = in_process.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "/openapi.json" in page.text


def test_the_catalogue_has_every_op_once(in_process: InProcess) -> None:
    catalogue = reference.Catalogue.model_validate(get(in_process, "/v1/ops"))
    assert [entry.op for entry in catalogue.ops] == list(ops())


@pytest.mark.parametrize("name", names())
def test_an_op_is_found_by_its_name_and_every_alias(name: str, in_process: InProcess) -> None:
    described = reference.OpDescription.model_validate(get(in_process, f"/v1/ops/{name}"))
    assert name in (described.op, *described.aliases)
    entries = {entry["op"]: entry for entry in get(in_process, "/v1/ops")["ops"]}
    assert described.model_dump(exclude={"curve"}) == entries[described.op]


@pytest.mark.parametrize("name", DRAWN)
def test_the_derivative_of_a_curve_is_the_slope_of_its_values(name: str, in_process: InProcess) -> None:
    curve = get(in_process, f"/v1/ops/{name}?low=-2&high=2.5&points=2001")["curve"]
    x, value, derivative = (np.asarray(curve[part]) for part in ("x", "value", "derivative"))
    step = 4.5 / 2_000
    slopes = (value[2:] - value[:-2]) / (x[2:] - x[:-2])
    smooth = np.ones(len(x) - 2, dtype=bool)
    for kink in curve["kinks"]:
        smooth &= np.abs(x[1:-1] - kink) > 2 * step
    smooth &= np.abs(x[1:-1]) > 0.05 if name in ("log", "sqrt") else True  # steep at the edge of where they are defined
    assert smooth.sum() > 500
    np.testing.assert_allclose(derivative[1:-1][smooth], slopes[smooth], rtol=2e-3, atol=1e-3)


def test_a_curve_has_the_bounds_and_points_asked_for(in_process: InProcess) -> None:
    curve = get(in_process, "/v1/ops/tanh?low=-1.5&high=0.5&points=9")["curve"]
    np.testing.assert_allclose(curve["x"], np.linspace(-1.5, 0.5, 9))
    np.testing.assert_allclose(curve["value"], np.tanh(curve["x"]))
    usual = get(in_process, "/v1/ops/tanh")["curve"]["x"]
    assert (usual[0], usual[-1], len(usual)) == (-5.0, 5.0, 201)


def test_a_curve_is_left_out_where_an_op_is_not_defined(in_process: InProcess) -> None:
    curve = get(in_process, "/v1/ops/log?low=-5&high=5&points=11")["curve"]
    assert min(curve["x"]) >= 0
    assert len(curve["x"]) == len(curve["value"]) == len(curve["derivative"]) < 11


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("points=1", "points"),
        ("points=2002", "points"),
        ("points=2.5", "points"),
        ("points=many", "points"),
        ("low=nan", "low"),
        ("high=inf", "high"),
        ("low=-1000001", "low"),
        ("high=1000001", "high"),
        ("low=", "low"),
        ("low=1&high=1", "low"),
        ("low=2&high=1", "low"),
        ("low=6", "low"),
    ],
)
def test_a_curve_out_of_bounds_is_422_and_says_which(query: str, named: str, in_process: InProcess) -> None:
    problem = assert_problem(in_process.get(f"/v1/ops/relu?{query}"), 422)
    assert named in problem.detail


@pytest.mark.parametrize("query", ["points=2", "points=2001", "low=-1000000&high=1000000", "low=0&high=1e-300"])
def test_a_curve_at_the_bounds_is_drawn(query: str, in_process: InProcess) -> None:
    for name in ("relu", "exp", "log", "sqrt"):
        reference.OpDescription.model_validate(get(in_process, f"/v1/ops/{name}?{query}"))


def test_an_op_that_is_none_is_404_with_advice(in_process: InProcess) -> None:
    assert "relu" in assert_problem(in_process.get("/v1/ops/rleu"), 404).detail
    assert_problem(in_process.get("/v1/ops/" + "x" * 5_000), 404)


def test_the_limits_told_are_those_in_force() -> None:
    chosen: dict[str, Any] = {
        "max_flops": 101,
        "max_memory_bytes": 102,
        "max_returned": 103,
        "max_calls": 104,
        "max_body_bytes": 105,
        "deadline": 10.5,
        "concurrency": 3,
        "queue": 7,
    }
    limits = reference.Information.model_validate(get(InProcess(**chosen), "/v1/info")).limits
    assert (limits.flops, limits.memory_bytes, limits.returned, limits.calls) == (101, 102, 103, 104)
    assert (limits.body_bytes, limits.seconds, limits.concurrency, limits.queue) == (105, 10.5, 3, 7)


def test_versions_are_those_that_are_installed(in_process: InProcess) -> None:
    info = reference.Information.model_validate(get(in_process, "/v1/info"))
    assert info.version == version("chainrule") == get(in_process, "/openapi.json")["info"]["version"]
    assert {name: info.libraries[name] for name in ("numpy", "fastapi")} == {
        name: version(name) for name in ("numpy", "fastapi")
    }
    assert "cpu" in info.backends["numpy"]
    assert info.backends["torch"][0] == "cpu"


@pytest.mark.parametrize(
    ("query", "accept"),
    [("", "image/svg+xml"), ("?format=svg", "application/json"), ("", "image/avif,image/svg+xml,*/*;q=0.8")],
)
def test_a_curve_is_drawn_where_a_picture_is_asked_for(query: str, accept: str, in_process: InProcess) -> None:
    reply = in_process.get(f"/v1/ops/relu{query}", headers={"Accept": accept})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "image/svg+xml"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert reply.text.startswith("<svg")
    assert ">relu</text>" in reply.text


def test_json_is_the_rule(in_process: InProcess) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "text/html,*/*;q=0.8"}):
        reply = in_process.get("/v1/ops/relu", headers=headers)
        assert reply.headers["content-type"] == "application/json"
    picture = in_process.get("/v1/ops/relu?format=json", headers={"Accept": "image/svg+xml"})
    assert picture.headers["content-type"] == "application/json"


def test_an_op_without_a_curve_has_no_picture(in_process: InProcess) -> None:
    problem = assert_problem(in_process.get("/v1/ops/softargmax?format=svg"), 422)
    assert "no curve to draw" in problem.detail


def test_options_of_an_op_change_its_curve(in_process: InProcess) -> None:
    query = {"low": -1, "high": 1, "points": 3, "options": '{"slope": 0.1}'}
    reply = in_process.get("/v1/ops/leaky_relu", params=query)
    assert reply.json()["curve"]["derivative"] == [0.1, 0.1, 1.0]
    picture = in_process.get("/v1/ops/leaky_relu", params={**query, "format": "svg"})
    assert ">leaky_relu, slope 0.1</text>" in picture.text


@pytest.mark.parametrize("options", ["", "[]", "{", "1", '{"slope": NaN}', '{"slope": "<b>"}', '{"<b>": 1}'])
def test_options_that_are_none_are_422(options: str, in_process: InProcess) -> None:
    assert_problem(in_process.get("/v1/ops/leaky_relu", params={"options": options, "format": "svg"}), 422)


def test_the_longest_options_fit_into_the_head_of_a_request(client: httpx.Client) -> None:
    for length, told in ((LONGEST, "wants a JSON object"), (LONGEST + 1, "characters")):
        reply = client.get("/v1/ops/relu", params={"options": "\U000f0000" * length})
        assert told in assert_problem(reply, 422).detail

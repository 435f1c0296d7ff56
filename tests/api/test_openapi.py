"""The OpenAPI document: complete, sound by its own rules, and true of what the service answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.in_process import InProcess
from api.problems import FORWARD, SOUND, UNLIMITED, endless
from chainrule.api import Settings, create_app
from chainrule.api.examples import EXAMPLES
from chainrule.operations import OPERATIONS
from chainrule.schemas.replies import REPLIES

Document = dict[str, Any]

DOCUMENT: Document = create_app(Settings()).openapi()
NOT_DESCRIBED = {"/openapi.json", "/docs", "/docs/oauth2-redirect"}
"""The description itself."""

SHOWN = [(operation, name) for operation, examples in EXAMPLES.items() for name in examples]


def resolved(pointer: str) -> Any:
    """What a reference within the document leads to."""
    found: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def every(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document."""
    if isinstance(tree, dict):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from every(part)


def validator(model: str) -> jsonschema_rs.Validator:
    """Of a schema of the document, as JSON Schema 2020-12 has it: what OpenAPI 3.1 is made of."""
    whole = {"$ref": f"#/components/schemas/{model}", "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole)


def schema_of(path: str, method: str, status: int, kind: str) -> str:
    content = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]
    assert next(iter(content)) == kind
    name: str = content[kind]["schema"]["$ref"].rpartition("/")[2]
    return name


def faults(model: str, instance: Any) -> list[str]:
    return [f"{error.instance_path}: {error.message[:300]}" for error in validator(model).iter_errors(instance)]


def test_the_document_is_served_as_it_was_made(in_process: InProcess) -> None:
    reply = in_process.get("/openapi.json")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json() == json.loads(json.dumps(DOCUMENT))


def test_every_reference_leads_somewhere() -> None:
    references = {part["$ref"] for part in every(DOCUMENT) if isinstance(part.get("$ref"), str)}
    references |= {each for part in every(DOCUMENT) if "propertyName" in part for each in part["mapping"].values()}
    assert len(references) > 50
    for reference in references:
        assert resolved(reference)


@pytest.mark.parametrize("model", DOCUMENT["components"]["schemas"])
def test_every_schema_is_a_json_schema(model: str) -> None:
    schema = DOCUMENT["components"]["schemas"][model]
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    assert validator(model)


def test_no_schema_is_there_that_nothing_uses() -> None:
    used = {part["$ref"].rpartition("/")[2] for part in every(DOCUMENT) if isinstance(part.get("$ref"), str)}
    assert set(DOCUMENT["components"]["schemas"]) - used == set()


def flat(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes of included routers among the others: some releases of FastAPI keep those as one route."""
    for route in routes:
        included = getattr(route, "original_router", None)
        yield from flat(included.routes) if included is not None else [route]


def test_every_route_of_the_application_is_described() -> None:
    routes = {
        (route.path, method.lower())
        for route in flat(create_app(Settings()).routes)
        for method in route.methods
        if method != "HEAD" and route.path not in NOT_DESCRIBED
    }
    described = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == routes
    assert {f"/v1/{name}" for name in OPERATIONS} < {path for path, _ in described}


def test_operations_are_told_apart_and_summed_up() -> None:
    operations = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] and operation["description"] for operation in operations)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(len(operation["tags"]) == 1 and set(operation["tags"]) <= tags for operation in operations)


@pytest.mark.parametrize(("operation", "name"), SHOWN)
def test_every_example_is_a_request_and_its_reply_as_described(
    operation: str, name: str, in_process: InProcess
) -> None:
    path = f"/v1/{operation}"
    body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    example = body["examples"][name]["value"]
    assert faults(body["schema"]["$ref"].rpartition("/")[2], example) == []
    reply = in_process.post(path, json=example)
    assert reply.status_code == 200, reply.text
    assert faults(schema_of(path, "post", 200, "application/json"), reply.json()) == []
    REPLIES[operation].model_validate_json(reply.content)


@pytest.mark.parametrize(
    "path", [path for path, item in DOCUMENT["paths"].items() if "get" in item and path != "/metrics"]
)
def test_every_page_is_as_described(path: str, in_process: InProcess) -> None:
    service = in_process
    service.app.health.warm = True
    for op in ["relu", "linear", "log", "cross_entropy"] if "{op}" in path else [""]:
        on_file = path.replace("{set}", "nyu-hw1").replace("{problem}", "1.2b")
        reply = service.get(on_file.replace("{op}", op))
        assert reply.status_code == 200, reply.text
        assert faults(schema_of(path, "get", 200, "application/json"), reply.json()) == []


KEYED = {"keys": "0" * 64}
REFUSED: dict[str, tuple[dict[str, Any], str, str, dict[str, Any], int]] = {
    "not json": ({}, "post", "/v1/forward", {"content": b"{"}, 400),
    "no key": (KEYED, "post", "/v1/gradients", {"json": SOUND}, 401),
    "out of time": (UNLIMITED | {"deadline": 0.2}, "post", "/v1/forward", {"content": endless()}, 408),
    "too long": ({"max_body_bytes": 10}, "post", "/v1/loss", {"json": SOUND}, 413),
    "compressed": ({}, "post", "/v1/validate", {"json": SOUND, "headers": {"Content-Encoding": "gzip"}}, 415),
    "not valid": ({}, "post", "/v1/jacobians", {"json": FORWARD}, 422),
    "too costly": ({"max_returned": 1}, "post", "/v1/forward", {"json": FORWARD}, 422),
    "no such op": ({}, "get", "/v1/ops/nothing", {}, 404),
    "no such curve": ({}, "get", "/v1/ops/relu?points=1", {}, 422),
    "not ready": ({}, "get", "/readyz", {}, 503),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_refusal_is_as_described(case: str) -> None:
    settings, method, path, sent, status = REFUSED[case]
    headers = {"Content-Type": "application/json", **sent.get("headers", {})}
    reply = InProcess(**settings).request(method.upper(), path, **{**sent, "headers": headers})
    assert reply.status_code == status, reply.text
    template = path.partition("?")[0].replace("/nothing", "/{op}").replace("/relu", "/{op}")
    model = schema_of(template, method, status, "application/problem+json")
    assert model == "ProblemDetails"
    assert faults(model, reply.json()) == []
    headers_told = DOCUMENT["paths"][template][method]["responses"][str(status)]["headers"]
    assert {name for name, header in headers_told.items() if header.get("required")} == {"X-Request-ID"}
    assert ("Retry-After" in headers_told) == (status in (429, 503))


def test_computing_can_come_to_every_end_and_each_is_told() -> None:
    ends = {"200", "400", "401", "403", "408", "413", "415", "422", "429", "500", "503"}
    for operation in OPERATIONS:
        assert set(DOCUMENT["paths"][f"/v1/{operation}"]["post"]["responses"]) == ends


def test_what_is_described_has_no_more_room_than_what_is_taken(in_process: InProcess) -> None:
    """A schema that lets anything through would make the tests above pass."""
    for body in ({}, {**FORWARD, "bogus": 1}, {**FORWARD, "dtype": "float16"}, {**FORWARD, "inputs": [["a"]]}):
        assert faults("ForwardRequest", body)
        assert in_process.post("/v1/forward", json=body).status_code == 422
    reply = in_process.post("/v1/forward", json=FORWARD).json()
    assert faults("ForwardReply", reply) == []
    for spoilt in ({**reply, "bogus": 1}, {**reply, "outputs": "many"}, {"outputs": reply["outputs"]}):
        assert faults("ForwardReply", spoilt)

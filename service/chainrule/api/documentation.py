"""The OpenAPI document: FastAPI's for the pages that describe, ours for what computes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chainrule.api.compute import ANY, FORMS
from chainrule.api.examples import EXAMPLES
from chainrule.api.lines import NDJSON
from chainrule.api.problems import MEDIA_TYPE
from chainrule.operations import INSTANCES, OPERATIONS
from chainrule.schemas import safetensors
from chainrule.schemas.batch import BatchItem, BatchReply
from chainrule.schemas.binary import REPLY, REQUEST
from chainrule.schemas.instances import InstancesRequest, ProblemReference
from chainrule.schemas.replies import REPLIES, ProblemDetails
from chainrule.schemas.templates import PROBLEM_FIELDS

Json = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"

DESCRIPTION = """\
Forward values, losses, gradients and Jacobians of a described network, by hand-written derivative rules.

Every POST is a pure function of its body: repeating one is safe. What is wrong with a request comes back as \
`application/problem+json`, with pointers into the body.
"""

_REQUEST_ID = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "What the reply and the log call the request; a new one where this is not sound.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
}
_TIMEOUT = {
    "name": "X-Request-Timeout",
    "in": "header",
    "description": "Seconds for which the caller will wait.",
    "schema": {"type": "number", "minimum": 0},
}
_HEADERS = {
    "X-Request-ID": {"description": "The caller's, or a new one.", "required": True, "schema": {"type": "string"}},
}
_TIMING = {
    "Server-Timing": {
        "description": "Milliseconds spent in the queue, in parsing, computing and encoding.",
        "schema": {"type": "string"},
    }
}
_RETRY = {"Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}}

PROBLEMS = {
    400: "The body is not JSON, or no safetensors file, or a header is not sound.",
    401: "The service wants a key, and this is none.",
    403: "The key is for grading problems on file, and for nothing else.",
    404: "There is nothing of that name.",
    408: "The body, or the answer, took longer than it may.",
    413: "The body is longer than the service takes.",
    415: "The body is neither application/json in UTF-8 nor safetensors, or is compressed.",
    422: "The request is not valid, or would cost more than it may. `errors` points into the body.",
    429: "The service is at capacity, or the key was used too often.",
    500: "A fault of the service's.",
    503: "The service is starting, draining, or short of memory.",
}
_FILE: Json = {
    safetensors.MEDIA_TYPE: {
        "schema": {
            "type": "string",
            "contentMediaType": safetensors.MEDIA_TYPE,
            "description": f"A file of tensors. The JSON is the string under `{REQUEST}` in the metadata of a request, "
            f'under `{REPLY}` in that of a reply; in it `{{"$tensor": name}}` stands for a tensor of the file.',
        }
    }
}
_BATCH = {
    **{status: PROBLEMS[status] for status in (401, 429, 500, 503)},
    400: "A header is not sound.",
    415: f"The body is not {NDJSON}, in UTF-8 and not compressed.",
}
_COMPUTING = (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)


def document(app: FastAPI) -> Json:
    """The document of the application."""
    described = get_openapi(
        title=app.title,
        version=app.version,
        summary="The chain rule, by hand",
        description=DESCRIPTION,
        routes=app.routes,
    )
    for path in described["paths"].values():
        for operation in path.values():
            _complete(operation)
    models = [request for request, _ in OPERATIONS.values()]
    schemas = _schemas(
        [*models, InstancesRequest, ProblemReference, *REPLIES.values(), ProblemDetails, BatchItem, BatchReply]
    )
    reference = schemas.pop(ProblemReference.__name__)
    for model in models:
        _may_be_named(schemas[model.__name__], reference)
    computing: dict[str, type[BaseModel]] = {
        **{name: request for name, (request, _) in OPERATIONS.items()},
        INSTANCES: InstancesRequest,
    }
    posts = {f"/v1/{name}": {"post": _operation(name, request)} for name, request in computing.items()}
    posts["/v1/batch"] = {"post": _batch()}
    described["paths"] = {**posts, **described["paths"]}
    components = described.setdefault("components", {})
    components["schemas"] = dict(sorted({**components.get("schemas", {}), **schemas}.items()))
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "Where the service has a list of keys."}
    }
    described["tags"] = [
        {"name": "compute", "description": "Pure functions of their bodies."},
        {"name": "reference", "description": "What there is."},
        {"name": "health", "description": "For those who run the service."},
    ]
    return described


def _schemas(models: list[type[BaseModel]]) -> Json:
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    schemas: Json = found["$defs"]
    return schemas


def _may_be_named(schema: Json, reference: Json) -> None:
    """Let a problem on file stand in place of the problem's own fields."""
    own = [name for name in PROBLEM_FIELDS if name in schema["required"]]
    rest = [name for name in schema["required"] if name not in own]
    schema["properties"] = {**reference["properties"], **schema["properties"]}
    schema["anyOf"] = [
        {"required": own, "properties": dict.fromkeys(reference["properties"], False)},
        {"required": reference["required"], "properties": dict.fromkeys(PROBLEM_FIELDS, False)},
    ]
    schema["required"] = rest
    if not rest:
        del schema["required"]


def _operation(name: str, request: type[BaseModel]) -> Json:
    told = request.__doc__ or ""
    return {
        "tags": ["compute"],
        "operationId": name,
        "summary": told.partition(".")[0],
        "description": told,
        "security": [{}, {"key": []}],
        "parameters": [_REQUEST_ID, _TIMEOUT],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _of(request), "examples": _examples(name)}, **_FILE},
        },
        "responses": {
            "200": {
                "description": (REPLIES[name].__doc__ or "").strip(),
                "headers": {**_HEADERS, **_TIMING},
                "content": {"application/json": {"schema": _of(REPLIES[name])}, **_other_forms(name)},
            },
            **{str(status): _problem(status) for status in _COMPUTING},
        },
    }


def _other_forms(name: str) -> Json:
    """What else an `Accept` header may ask for."""
    pictures = {kind.decode(): {"schema": {"type": "string"}} for kind in FORMS.get(name, ANY)[len(ANY) :]}
    return {**_FILE, **pictures}


def _batch() -> Json:
    return {
        "tags": ["compute"],
        "operationId": "batch",
        "summary": "Many calls in one, an item a line",
        "description": "A line an item, of any of these operations; a line of the reply an item, in the same order, "
        "each sent as soon as it is there. What is wrong with an item is told in its line, and the others are answered "
        "all the same. Read the reply while sending: where it is not read, no more of the body is.",
        "security": [{}, {"key": []}],
        "parameters": [_REQUEST_ID, _TIMEOUT],
        "requestBody": {"required": True, "content": {NDJSON: {"schema": _of(BatchItem)}}},
        "responses": {
            "200": {
                "description": "A line an item.",
                "headers": _HEADERS,
                "content": {NDJSON: {"schema": _of(BatchReply)}},
            },
            **{str(status): _problem(status, told) for status, told in sorted(_BATCH.items())},
        },
    }


def _complete(operation: Json) -> None:
    """What FastAPI leaves out: the headers, and the problems with the one shape that they have here."""
    operation.setdefault("parameters", []).append(_REQUEST_ID)
    responses = operation["responses"]
    responses["200"] |= {"description": "As asked.", "headers": _HEADERS}
    refused = {int(status) for status in responses} - {200}
    responses |= {str(status): _problem(status) for status in sorted({*refused, 500})}


def _problem(status: int, told: str = "") -> Json:
    extra = _RETRY if status in (429, 503) else {}
    return {
        "description": told or PROBLEMS[status],
        "headers": {**_HEADERS, **extra},
        "content": {MEDIA_TYPE: {"schema": _of(ProblemDetails)}},
    }


def _examples(name: str) -> Json:
    return {key: {"summary": summary, "value": body} for key, (summary, body) in EXAMPLES[name].items()}


def _of(model: type[BaseModel]) -> Json:
    return {"$ref": REFERENCE.format(model=model.__name__)}

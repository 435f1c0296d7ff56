"""Every endpoint, its fields and its statuses stand in api.md, each in its place, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chainrule.api import create_app
from chainrule.api.settings import Settings
from docs.pages import ROOT

API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", API, re.MULTILINE | re.DOTALL))
SHARED = ("The problem", "What came with the numbers")
"""The sections on what several endpoints take or return."""
EXPLAINED = {
    "POST /v1/grade": ("grading.md",),
    "POST /v1/derivation": ("derivation.md",),
    "POST /v1/train": ("training.md",),
    "POST /v1/flow": ("flow.md",),
    "POST /v1/graph": ("pictures.md",),
    "POST /v1/instances": ("problems.md",),
    "GET /v1/problems/{set}/{problem}": ("problems.md", "grading.md"),
}
"""Pages that explain all the fields of an endpoint."""
ELSEWHERE = {"layers", "nodes", "output", "loss", "penalties", "alternatives"}
"""Fields of requests whose own fields are in networks.md, and of ops in ops.md."""
TEXT = ("GET /metrics",)
"""Endpoints whose reply is no JSON, and has no fields."""
OPENAPI = create_app(Settings()).openapi()
ENDPOINTS = [f"{method.upper()} {path}" for path, item in OPENAPI["paths"].items() for method in item]


def named(text: str) -> set[str]:
    """Endpoints in code in a text."""
    return set(re.findall(r"`((?:GET|POST) /[^`]*)`", text))


def test_the_table_lists_every_endpoint_and_no_other() -> None:
    table = [line.split(" | ")[0] for line in API.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert sorted(endpoint for cell in table for endpoint in named(cell)) == sorted(ENDPOINTS)


def sections_of(endpoint: str) -> str:
    """What api.md says of an endpoint: its own section, the section on errors where it sends there, those that all
    share, and the page that explains it where api.md leaves that to one."""
    own = "".join(text for heading, text in SECTIONS.items() if endpoint in named(heading))
    assert own, f"{endpoint} has no section"
    sent_to = [SECTIONS["Errors"]] if "](#errors)" in own else []
    pages = [(ROOT / "docs" / page).read_text(encoding="utf-8") for page in EXPLAINED.get(endpoint, ())]
    return "\n".join([own, *sent_to, *(SECTIONS[heading] for heading in SHARED), *pages])


def fields(schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of every property of a schema, those within its properties included."""
    if isinstance(schema, list):
        for each in schema:
            yield from fields(each, seen)
    if not isinstance(schema, dict):
        return
    model = schema.get("$ref", "").rpartition("/")[2]
    if model and model not in seen:
        yield from fields(OPENAPI["components"]["schemas"][model], seen | {model})
    for name, held in schema.get("properties", {}).items():
        yield name
        if name not in ELSEWHERE:
            yield from fields(held, seen)
    for key in ("items", "anyOf", "oneOf", "additionalProperties"):
        yield from fields(schema.get(key), seen)


def bodies(endpoint: str) -> list[Any]:
    """The schemas of an endpoint's request, where it has one, and of its reply."""
    method, path = endpoint.split()
    described = OPENAPI["paths"][path][method.lower()]
    contents = [described["requestBody"]["content"]] if "requestBody" in described else []
    contents.append(described["responses"]["200"]["content"])
    return [content["schema"] for each in contents for content in each.values() if "schema" in content]


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each not in TEXT])
def test_every_field_of_an_endpoint_is_in_its_section(endpoint: str) -> None:
    found = set(fields(bodies(endpoint)))
    assert found
    text = sections_of(endpoint)
    assert sorted(field for field in found if not re.search(rf'[`".]{field}[`"]', text)) == []


def test_every_field_of_an_error_is_in_the_section_on_errors() -> None:
    found = set(fields(OPENAPI["components"]["schemas"]["ProblemDetails"]))
    assert {"pointer", "error_count"} < found
    assert sorted(field for field in found if f'"{field}"' not in SECTIONS["Errors"]) == []


def test_every_status_is_in_the_table_of_errors() -> None:
    first_cells = " ".join(re.findall(r"^\|([ \d,]+)\|", SECTIONS["Errors"], re.MULTILINE))
    answers = {status for item in OPENAPI["paths"].values() for each in item.values() for status in each["responses"]}
    assert sorted(answers - {"200"} - set(first_cells.replace(",", "").split())) == []

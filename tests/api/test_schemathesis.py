"""Requests drawn from the OpenAPI document itself, sound ones and spoilt ones: no answer is other than it says.

Which requests are drawn does not change from run to run.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api import lines_of_schemathesis
from chainrule.api import Settings, create_app
from chainrule.api.examples import PROBLEM

FITTING: Any = {name: PROBLEM[name] for name in ("network", "inputs", "targets")}

OTHERWISE = ("upstream", "device", "problem", "seed", "identity", "attempt")
"""Fields that stand in place of others, or that not every machine can do."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    allow_header_conformance,
]
"""Not that what is spoilt is refused: a request id that is not sound is replaced, and a header too many passed over."""


def document() -> dict[str, Any]:
    """The service's, with callers who are patient: with 0 seconds for an answer there is no looking at the body."""
    found = copy.deepcopy(create_app(Settings()).openapi())
    for item in found["paths"].values():
        for operation in item.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "X-Request-Timeout":
                    parameter["schema"]["minimum"] = 60
    return found


def drawn(examples: int, *phases: str) -> Any:
    """The document, to draw about `examples` requests of each endpoint from."""
    settings = {
        "seed": 1,
        "suppress-health-check": ["too_slow"],
        "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
        "phases": {name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")},
    }
    config = schemathesis.Config.from_dict(settings)
    return schemathesis.openapi.from_dict(document(), config=config)


some = drawn(40, "examples", "fuzzing")
fitting = drawn(40, "fuzzing").include(method="POST")


@some.parametrize()  # type: ignore[untyped-decorator]
def test_every_answer_is_as_described(case: schemathesis.Case[Any], url: str) -> None:
    case.call_and_validate(base_url=url, checks=CHECKS)


@fitting.parametrize()  # type: ignore[untyped-decorator]
def test_every_answer_is_as_described_where_the_numbers_fit(case: schemathesis.Case[Any], url: str) -> None:
    """Drawn tensors hardly ever fit each other. With those of an example the other fields come to count."""
    if isinstance(case.body, dict):
        case.body = {**case.body, "request": FITTING} if case.path == "/v1/batch" else fitted(case.body)
    case.call_and_validate(base_url=url, checks=CHECKS)


def fitted(request: dict[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in request.items() if name not in OTHERWISE}, **FITTING}


@pytest.mark.slow
def test_every_value_at_a_bound_is_answered_as_described(url: str, tmp_path: Path) -> None:
    """Thousands of requests, one at least for each bound and each kind in every schema. By the command: in pytest they
    would be made whenever tests are collected."""
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    command = [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", url, "--phases", "coverage"]
    checks = ",".join(check.__name__ for check in CHECKS)
    options = ["--checks", checks, "--generation-deterministic", "--seed", "1", "--no-color", "--workers", "1"]
    hooks = {**os.environ, "SCHEMATHESIS_HOOKS": lines_of_schemathesis.__file__}
    done = subprocess.run(command + options, cwd=tmp_path, env=hooks, capture_output=True, text=True, timeout=880)
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    assert "No issues found" in done.stdout

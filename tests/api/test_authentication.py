"""With a list of keys, computing wants one of them; what describes the service stays open."""

from __future__ import annotations

from typing import Any

import pytest

from api.in_process import InProcess
from api.keys import hashed
from api.problems import FORWARD, OUTPUTS, SOUND
from problem_documents import assert_problem

KEYS = ("first-key", "another key, with spaces", "schlüssel")


@pytest.fixture(scope="module")
def keyed() -> InProcess:
    return InProcess(keys=hashed(*KEYS))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_each_key_lets_a_request_pass(key: str, scheme: str, keyed: InProcess) -> None:
    reply = keyed.post("/v1/forward", json=FORWARD, headers={"Authorization": f"{scheme} {key}".encode()})
    assert reply.json()["outputs"] == OUTPUTS


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer first",
        "Bearer first-key2",
        "Bearer FIRST-KEY",
        "Basic first-key",
        "first-key",
        "Bearerfirst-key",
        f"Bearer {hashed('first-key')}",
        "Bearer " + "x" * 10_000,
    ],
)
def test_anything_else_is_401_and_says_how_to_do_it(given: str | None, keyed: InProcess) -> None:
    headers = {} if given is None else {"Authorization": given}
    reply = keyed.post("/v1/forward", json=FORWARD, headers=headers)
    problem = assert_problem(reply, 401)
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    names_a_key = given is not None and given.startswith("Bearer ") and given != "Bearer "
    assert ("another key than this" if names_a_key else "Authorization: Bearer <key>") in problem.detail
    assert not given or given.removeprefix("Bearer ") not in reply.text or len(given) < 10


@pytest.mark.parametrize("operation", ["validate", "forward", "loss", "gradients", "jacobians"])
def test_every_operation_wants_a_key(operation: str, keyed: InProcess) -> None:
    assert_problem(keyed.post(f"/v1/{operation}", json=SOUND), 401)


def test_a_caller_without_a_key_learns_nothing_of_its_body(keyed: InProcess) -> None:
    impatient = {"X-Request-Timeout": "soon"}
    unsound: list[dict[str, Any]] = [{"content": b"{"}, {"json": {}}, {"json": FORWARD, "headers": impatient}]
    for sent in unsound:
        assert_problem(keyed.post("/v1/forward", **sent), 401)


@pytest.mark.parametrize("path", ["/", "/livez", "/v1/info", "/v1/ops", "/v1/ops/relu", "/docs", "/openapi.json"])
def test_what_describes_the_service_is_open(path: str, keyed: InProcess) -> None:
    assert keyed.get(path).status_code == 200


def test_without_a_list_any_authorization_is_passed_over(in_process: InProcess) -> None:
    reply = in_process.post("/v1/forward", json=FORWARD, headers={"Authorization": "Basic eDp5"})
    assert reply.json()["outputs"] == OUTPUTS

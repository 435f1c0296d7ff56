"""Whatever a file's header says, the answer is a short refusal, soon, and no memory is lost."""

from __future__ import annotations

import struct
from collections.abc import Callable

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attack.files import MALFORMED, UNFIT, A, asking, entry, through_identity
from live_service import LiveService
from problem_documents import assert_problem

Answer = Callable[..., httpx.Response]
KIND = {"Content-Type": "application/vnd.safetensors"}
SECONDS = 5
"""Of the service's CPUs."""

GROWTH = 300 * 2**20


@pytest.fixture
def answer(attacked: LiveService, client: httpx.Client) -> Answer:
    def post(body: bytes, path: str = "/v1/forward") -> httpx.Response:
        with attacked.spends(at_most=SECONDS):
            return client.post(path, content=body, headers=KIND)

    return post


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_file_is_refused(name: str, answer: Answer) -> None:
    problem = assert_problem(answer(MALFORMED[name]), 400, 413)
    assert problem.title in ("Request not safetensors", "Content Too Large")


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("operation", ["forward", "grade"])
def test_a_request_that_does_not_fit_its_tensors_is_refused(name: str, operation: str, answer: Answer) -> None:
    assert_problem(answer(UNFIT[name], f"/v1/{operation}"), 400, 422)


def test_references_are_pointed_at(answer: Answer) -> None:
    body = asking(through_identity({"x/y": {"$tensor": "b"}}), 0)
    problem = assert_problem(answer(body), 422)
    assert problem.errors is not None
    assert (problem.errors[0].pointer, problem.errors[0].message) == ("/inputs/x~1y", "the file has no tensor b")


@given(st.binary(max_size=120), st.integers(0, 130))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_header_is_refused(client: httpx.Client, header: bytes, length: int) -> None:
    assert_problem(client.post("/v1/forward", content=struct.pack("<Q", length) + header, headers=KIND), 400)


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sound_file_with_spoilt_bytes_is_answered_or_refused(client: httpx.Client, data: st.DataObject) -> None:
    body = bytearray(asking(through_identity(A), a=entry(shape=[1, 2])))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert client.post("/v1/forward", content=bytes(body), headers=KIND).status_code in (200, 400, 422)


def test_a_length_that_lies_holds_no_memory(attacked: LiveService, answer: Answer) -> None:
    before = attacked.memory()
    for name in ("a length of 2^64 - 1", "a shape of 2^63", "100 000 tensors", "a million axes", "deep JSON"):
        for _ in range(10):
            answer(MALFORMED[name])
    assert attacked.memory() - before < GROWTH

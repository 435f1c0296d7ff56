"""Errors say what is wrong with what, and which class each status becomes."""

import copy
import pickle

import pytest

from chainrule_client import (
    APIError,
    AuthenticationFailed,
    ChainruleError,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    Overloaded,
    ServerFault,
    TimedOut,
    TooLarge,
)
from chainrule_client.errors import error_from_problem


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (404, NotFound),
        (405, InvalidRequest),
        (408, DeadlineExceeded),
        (413, TooLarge),
        (422, InvalidRequest),
        (429, Overloaded),
        (500, ServerFault),
        (503, ServerFault),
    ],
)
def test_a_status_becomes_its_class(status, kind):
    error = error_from_problem({"title": "no"}, status)
    assert type(error) is kind
    assert isinstance(error, APIError)
    assert isinstance(error, ChainruleError)
    assert error.status == status


def test_the_text_holds_pointers_messages_the_count_left_out_and_the_request_id():
    problem = {
        "title": "Invalid request",
        "status": 422,
        "detail": "2 fields do not fit",
        "errors": [
            {"pointer": "/network/layers/0/weight", "message": "transpose it"},
            {"pointer": "", "message": "a loss is missing"},
        ],
        "error_count": 5,
    }
    error = error_from_problem(problem, 422, request_id="abc")
    assert str(error).splitlines() == [
        "422 Invalid request: 2 fields do not fit",
        "  /network/layers/0/weight: transpose it",
        "  the request: a loss is missing",
        "  and 3 more",
        "  request abc",
    ]
    assert error.errors[0].pointer == "/network/layers/0/weight"
    assert error.errors[0].message == "transpose it"


def test_a_deadline_that_passed_is_both_a_refusal_and_a_time_out():
    error = error_from_problem(
        {"title": "Request Timeout", "detail": "no answer within 2 seconds"}, 408, request_id="r"
    )
    assert isinstance(error, TimedOut)
    assert (error.message, error.request_id) == ("no answer within 2 seconds", "r")
    assert str(error).splitlines() == ["408 Request Timeout: no answer within 2 seconds", "  request r"]


def test_overload_says_when_to_come_back():
    error = error_from_problem({"title": "Over capacity"}, 429, retry_after=1.5)
    assert error.retry_after == 1.5
    assert "try again in 1.5 s" in str(error)


@pytest.mark.parametrize(
    "problem", [{}, {"errors": None}, {"errors": {"a": 1}}, {"errors": ["text"]}, {"title": 3, "error_count": "many"}]
)
def test_a_malformed_problem_still_makes_an_error(problem):
    assert str(error_from_problem(problem, 422)).startswith("422 ")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, *range(pickle.HIGHEST_PROTOCOL + 1)])
@pytest.mark.parametrize(
    "error",
    [
        error_from_problem(
            {"title": "no", "detail": "why", "errors": [{"pointer": "/a", "message": "b"}], "error_count": 3},
            status,
            request_id="r",
            retry_after=2.0,
        )
        for status in (422, 408, 429)
    ]
    + [ConnectionFailed("nobody there", request_id="r1")],
    ids=lambda error: type(error).__name__,
)
def test_an_error_can_be_copied_and_sent_to_another_process(error, again):
    other = pickle.loads(pickle.dumps(error, again)) if isinstance(again, int) else again(error)
    assert type(other) is type(error)
    assert (vars(other), other.args, str(other)) == (vars(error), error.args, str(error))


def test_a_failed_connection_names_its_request():
    assert str(ConnectionFailed("nobody there", request_id="r1")) == "nobody there (request r1)"
    assert str(ConnectionFailed("nobody there")) == "nobody there"

"""Grading goes on where the service does not: by the engine in process, and soon."""

import time

import pytest

from chainrule_client import (
    AuthenticationFailed,
    Client,
    ConnectionFailed,
    InvalidRequest,
    Overloaded,
    ResponseInvalid,
    Retries,
    ServerFault,
    TimedOut,
)
from chainrule_client.service_or_local import ServiceOrLocal

PROBLEM = {
    "network": {"layers": [{"op": "linear", "weight": [[2.0, 1.0]]}]},
    "inputs": [[1.0, 3.0]],
    "targets": [[4.0]],
    "loss": "squared_error",
}
ANSWERS = {"gradients.W1": [[2.0, 6.0]]}


@pytest.fixture
def asked(monkeypatch):
    """The calls that reached the service's client, which answers as it is told to."""
    calls = []

    def answering(outcome):
        def grade(self, problem, answers, *, policy=None, points=None):
            calls.append((answers, policy, points))
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(Client, "grade", grade)
        return calls

    return answering


def test_without_a_service_it_is_graded_here(asked):
    calls = asked("never")
    report = ServiceOrLocal().grade(PROBLEM, ANSWERS, points={"gradients.W1": 3})
    assert (report["score"], calls) == (3, [])


def test_the_service_is_asked_where_there_is_one(monkeypatch, asked):
    monkeypatch.setenv("CHAINRULE_URL", "http://service")
    calls = asked("its report")
    policy = {"places": 3}
    assert ServiceOrLocal().grade(PROBLEM, ANSWERS, policy=policy, points={"loss": 1}) == "its report"
    assert calls == [(ANSWERS, policy, {"loss": 1})]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionFailed("refused"),
        TimedOut("no answer"),
        ResponseInvalid("a proxy's page"),
        Overloaded(429, "Too Many Requests"),
        ServerFault(503, "Service Unavailable"),
    ],
)
def test_one_that_is_away_is_asked_once(asked, error):
    calls = asked(error)
    grader = ServiceOrLocal("http://service")
    assert [grader.grade(PROBLEM, ANSWERS)["score"] for _ in range(3)] == [1, 1, 1]
    assert len(calls) == 1


@pytest.mark.parametrize("error", [InvalidRequest(422, "Invalid"), AuthenticationFailed(403, "Forbidden")])
def test_what_the_service_refuses_is_refused(asked, error):
    asked(error)
    with pytest.raises(type(error)):
        ServiceOrLocal("http://service").grade(PROBLEM, ANSWERS)


def test_nobody_there_is_waited_for_once_and_briefly(monkeypatch):
    waits = []
    monkeypatch.setattr(time, "sleep", waits.append)
    assert ServiceOrLocal("http://127.0.0.1:9").grade(PROBLEM, ANSWERS)["score"] == 1
    assert len(waits) == 1
    assert waits[0] <= Retries().first_wait


def test_a_real_service_gives_the_report_that_the_engine_gives(url):
    there, here = ServiceOrLocal(url).grade(PROBLEM, ANSWERS), ServiceOrLocal("").grade(PROBLEM, ANSWERS)
    assert there.request_id
    assert here.request_id is None
    assert there["items"] == here["items"]

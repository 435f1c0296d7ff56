"""How both clients behave: errors, retries, deadlines, request ids."""

import inspect
import json
import re

import httpx
import pytest

from chainrule_client import (
    APIError,
    AsyncClient,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    ResponseInvalid,
    Retries,
    ServerFault,
    TimedOut,
)

NETWORK = {"layers": [{"op": "identity"}]}
FORWARD = ("forward", NETWORK, [[1.0]])
REPLY = {"outputs": [[1.0]], "warnings": [], "meta": {"version": "1"}}


def answer(_):
    return httpx.Response(200, json=REPLY)


class InTurn:
    """Gives each of several outcomes in turn, the last for ever."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)

    def __call__(self, request):
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def no_jitter(low, _):
    return low


def policy(**options):
    return {"retries": Retries(uniform=no_jitter, **options)}


def test_the_twins_have_the_same_methods_and_signatures():
    def public(kind):
        return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}

    sync, asynchronous = public(Client), public(AsyncClient)
    assert set(sync) == set(asynchronous)
    assert {"validate", "forward", "loss", "gradients", "jacobians", "ops", "op", "info", "live", "ready"} <= set(sync)
    for name, method in sync.items():
        mine, theirs = inspect.signature(method), inspect.signature(asynchronous[name])
        assert mine.parameters == theirs.parameters, name
        assert inspect.getdoc(method) == inspect.getdoc(asynchronous[name]), name
    assert list(inspect.signature(Client).parameters) == list(inspect.signature(AsyncClient).parameters)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:8000", "'localhost:8000' is no URL of a service: write http://localhost:8000"),
        ("127.0.0.1", "write http://127.0.0.1"),
        ("//service:8000", "write http://service:8000"),
        ("ftp://service", "write one like http://127.0.0.1:8000"),
        ("http://", "write one like http://127.0.0.1:8000"),
        ("http://service:port", "write one like http://127.0.0.1:8000"),
        ("http://service:8000/v1", "write http://service:8000"),
        ("https://service/under/v1/", "write https://service/under"),
    ],
)
def test_what_is_no_url_is_refused_with_what_to_write(call, monkeypatch, url, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        call(answer, *FORWARD, settings={"base_url": url})
    monkeypatch.setenv("CHAINRULE_URL", url)
    with pytest.raises(ValueError, match=re.escape(says)):
        call(answer, *FORWARD, settings={"base_url": None})
    assert call.sent == []


@pytest.mark.parametrize("url", ["http://service", "HTTPS://service:8443/under/", "http://[::1]:8000"])
def test_a_url_has_a_scheme_and_a_host(call, url):
    assert call(answer, *FORWARD, settings={"base_url": url}).outputs.shape == (1, 1)


def test_the_reply_carries_the_id_the_service_gave(call):
    reply = call(lambda _: httpx.Response(200, json=REPLY, headers={"X-Request-ID": "theirs"}), *FORWARD)
    assert reply.request_id == "theirs"
    assert reply.outputs.shape == (1, 1)


def test_the_callers_id_is_sent_and_kept(call):
    assert call(answer, *FORWARD, request_id="mine").request_id == "mine"
    assert call.sent[0].headers["X-Request-ID"] == "mine"


def test_every_call_has_an_id_of_its_own_and_its_retries_the_same(call):
    busy = InTurn(httpx.Response(503), httpx.Response(200, json=REPLY))
    first = call(busy, *FORWARD).request_id
    second = call(answer, *FORWARD).request_id
    ids = [request.headers["X-Request-ID"] for request in call.sent]
    assert ids == [first, first, second]
    assert first != second


def test_a_refusal_becomes_a_typed_error(call):
    problem = {
        "type": "about:blank",
        "title": "Invalid request",
        "status": 422,
        "detail": "the request does not fit",
        "request_id": "r9",
        "errors": [{"pointer": "/inputs", "message": "ragged"}],
    }
    refusal = httpx.Response(
        422, content=json.dumps(problem), headers={"Content-Type": "application/problem+json", "X-Request-ID": "r9"}
    )
    with pytest.raises(InvalidRequest) as caught:
        call(InTurn(refusal), *FORWARD)
    assert caught.value.status == 422
    assert caught.value.request_id == "r9"
    assert caught.value.errors == (("/inputs", "ragged"),)
    assert len(call.sent) == 1


def test_a_refusal_that_is_no_problem_document_is_still_an_api_error(call):
    with pytest.raises(ServerFault) as caught:
        call(lambda _: httpx.Response(500, text="<html>oops</html>"), *FORWARD)
    assert caught.value.title == "Internal Server Error"
    assert "oops" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b'{"outputs": [[1.', b"[1]", b'{"outputs": [["x"]]}', b'{"gradients": 3}']
)
def test_an_answer_that_is_no_reply_is_said_to_be_none(call, content):
    with pytest.raises(ResponseInvalid):
        call(lambda _: httpx.Response(200, content=content), *FORWARD)


def test_a_redirect_says_where_to(call):
    with pytest.raises(ResponseInvalid, match="https://service/"):
        call(lambda _: httpx.Response(307, headers={"Location": "https://service/"}), *FORWARD)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_and_gateway_statuses_are_tried_again(call, status):
    reply = call(InTurn(httpx.Response(status), httpx.Response(200, json=REPLY)), *FORWARD)
    assert reply.outputs[0, 0] == 1.0
    assert len(call.sent) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 422, 500, 501])
def test_other_statuses_are_not(call, status):
    own = {"Content-Type": "application/problem+json"}
    with pytest.raises(APIError):
        call(lambda _: httpx.Response(status, json={"status": status}, headers=own), *FORWARD)
    assert len(call.sent) == 1
    assert call.waits == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("refused"), ConnectionFailed),
        (httpx.ReadError("reset"), ConnectionFailed),
        (httpx.RemoteProtocolError("hung up"), ConnectionFailed),
        (httpx.ConnectTimeout("slow"), TimedOut),
        (httpx.ReadTimeout("slow"), TimedOut),
    ],
)
def test_failures_to_connect_are_tried_again_and_then_raised(call, failure, kind):
    with pytest.raises(kind, match=r"http://service.* after 4 tries") as caught:
        call(InTurn(failure), *FORWARD, request_id="r3", settings={"retries": 3})
    assert caught.value.request_id == "r3"
    assert caught.value.__cause__ is failure
    assert len(call.sent) == 4
    assert len(call.waits) == 3


def test_a_connection_that_comes_back_is_not_noticed(call):
    reply = call(InTurn(httpx.ReadError("reset"), httpx.Response(200, json=REPLY)), *FORWARD)
    assert reply.meta == {"version": "1"}


def test_a_request_that_cannot_be_made_is_not_tried_again(call):
    with pytest.raises(ConnectionFailed):
        call(InTurn(httpx.UnsupportedProtocol("no scheme")), *FORWARD)
    assert len(call.sent) == 1


def test_retry_after_is_waited_out(call):
    busy = InTurn(httpx.Response(429, headers={"Retry-After": "7"}), httpx.Response(200, json=REPLY))
    call(busy, *FORWARD, settings=policy())
    assert call.waits == [7.0]


def test_overload_that_lasts_is_raised_with_the_time_asked_for(call):
    busy = httpx.Response(429, json={"title": "Over capacity"}, headers={"Retry-After": "2"})
    with pytest.raises(Overloaded) as caught:
        call(InTurn(busy), *FORWARD, settings=policy(limit=2))
    assert caught.value.retry_after == 2.0
    assert call.waits == [2.0, 2.0]


def test_what_is_left_of_the_deadline_is_told_to_the_service_and_bounds_each_timeout(call):
    now = [0.0]

    def slow(request):
        now[0] += 4.0
        return httpx.Response(503)

    with pytest.raises(ServerFault):
        call(slow, *FORWARD, settings=policy(limit=9, deadline=10.0, clock=lambda: now[0]))
    assert [request.headers["X-Request-Timeout"] for request in call.sent] == ["9.500", "5.500", "1.800"]
    assert [request.extensions["timeout"]["read"] for request in call.sent] == [10.0, 6.0, 2.0]
    assert call.sent[0].extensions["timeout"]["connect"] == 5.0


def test_a_deadline_that_the_service_noticed_first_is_not_tried_again(call):
    refusal = httpx.Response(408, json={"title": "Request Timeout", "detail": "there was no answer within 10 seconds"})
    with pytest.raises(TimedOut, match="within 10 seconds") as caught:
        call(InTurn(refusal), *FORWARD, settings=policy(limit=9, deadline=10.0))
    assert type(caught.value) is DeadlineExceeded
    assert len(call.sent) == 1


def test_without_a_deadline_none_is_told(call):
    call(answer, *FORWARD)
    assert "X-Request-Timeout" not in call.sent[0].headers


def test_timeouts_can_be_set_in_four_parts(call):
    call(answer, *FORWARD, settings={"timeout": httpx.Timeout(1.0, read=30.0)})
    assert call.sent[0].extensions["timeout"] == {"connect": 1.0, "read": 30.0, "write": 1.0, "pool": 1.0}


@pytest.mark.parametrize("method", ["live", "ready"])
def test_health_is_true_or_false_and_never_tried_again(call, method):
    assert call(lambda _: httpx.Response(200, json={}), method) is True
    assert call(lambda _: httpx.Response(503, json={}), method) is False
    assert call(InTurn(httpx.ConnectError("refused")), method) is False
    assert [request.url.path for request in call.sent] == [f"/{method}z"] * 3
    assert call.waits == []


def test_a_closed_client_cannot_be_used():
    client = Client(transport=httpx.MockTransport(answer))
    client.close()
    with pytest.raises(RuntimeError):
        client.forward(NETWORK, [[1.0]])

"""Training through the clients: what comes back, being watched, streams that go wrong."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from numpy.testing import assert_allclose

from chainrule_client import (
    APIError,
    Client,
    ConnectionFailed,
    InvalidRequest,
    Overloaded,
    ResponseInvalid,
    ServerFault,
    local,
)

NETWORK = {"layers": [{"op": "linear", "weight": [[2.0]], "bias": [-1.0]}]}
X, Y = [[1.0], [3.0]], [[2.0], [3.0]]
HOW = {"steps": 3, "learning_rate": 0.1}
REPLY = {"losses": [1.0, "NaN"], "recorded": [], "kinks": [], "warnings": [], "meta": {}}
TOLD = {"step": 1, "steps": 2, "loss": "Infinity"}
PROBLEM = {"title": "Request not valid", "status": 422, "detail": "at step 2: …", "request_id": "mine"}


def stream(*events):
    text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def raw_stream(text):
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def train(call, handler, watch, **settings):
    return call(handler, "train", NETWORK, X, Y, "mse", **HOW, watch=watch, settings=settings or None)


def test_what_comes_back_over_http_and_in_process_is_the_same(url):
    options = {**HOW, "optimizer": {"name": "sgd", "momentum": 0.9}, "trace": True, "clear_gradients": False}
    with Client(url) as client:
        theirs = client.train(NETWORK, X, Y, "mse", **options)
    ours = local.train(NETWORK, X, Y, "mse", **options)
    assert_allclose(ours.losses, theirs.losses, rtol=1e-12)
    assert_allclose(ours.moved["W1"], theirs.moved["W1"], rtol=1e-12)
    assert [step.step for step in ours.recorded] == [1, 2, 3]
    for mine, other in zip(ours.recorded, theirs.recorded, strict=True):
        assert mine.loss == pytest.approx(other.loss, rel=1e-12)
        for part in ("clear", "backward", "accumulated", "update", "change"):
            assert_allclose(getattr(mine, part)["W1"], getattr(other, part)["W1"], rtol=1e-12, atol=1e-14)
        assert_allclose(mine.state["b1"]["momentum_buffer"], other.state["b1"]["momentum_buffer"], rtol=1e-12)
        assert_allclose(mine.forward["trace"]["s1"], mine.forward["outputs"])


def test_a_training_that_is_watched_tells_as_it_goes(url):
    seen, options = [], {**HOW, "steps": 2000, "record": 0}
    with Client(url) as client:
        reply = client.train(NETWORK, X, Y, "mse", **options, watch=seen.append)
    assert seen[-1].steps == 2000
    assert seen == sorted(seen)
    assert seen[0].loss == pytest.approx(reply.losses[seen[0].step - 1])
    here = []
    local.train(NETWORK, X, Y, "mse", **HOW, watch=here.append)
    assert [told.step for told in here] == [1, 2, 3]


def test_a_stream_is_asked_for_and_read(call):
    seen = []
    reply = train(call, lambda _: stream(("progress", TOLD), ("other", 1), ("reply", REPLY)), seen.append)
    assert "text/event-stream" in call.sent[0].headers["Accept"]
    assert seen == [(1, 2, float("inf"))]
    assert np.isnan(reply.losses[1])


def test_without_a_watcher_no_stream_is_asked_for(call):
    train(call, lambda _: httpx.Response(200, json=REPLY), None)
    assert "event-stream" not in call.sent[0].headers["Accept"]


def test_a_service_that_does_not_stream_is_as_good(call):
    reply = train(call, lambda _: httpx.Response(200, json=REPLY), lambda _: None)
    assert reply.losses[0] == 1


def test_a_refusal_is_raised_before_and_after_the_first_event(call):
    with pytest.raises(InvalidRequest, match="at step 2"):
        train(call, lambda _: httpx.Response(422, json=PROBLEM), lambda _: None)
    with pytest.raises(InvalidRequest, match="at step 2") as refused:
        train(call, lambda _: stream(("progress", TOLD), ("problem", PROBLEM)), lambda _: None)
    assert isinstance(refused.value, APIError)
    assert refused.value.status == 422


def test_a_service_at_capacity_is_asked_again(call):
    answers = [httpx.Response(429, json=PROBLEM), stream(("reply", REPLY))]
    assert train(call, lambda _: answers.pop(0), lambda _: None).losses[0] == 1
    with pytest.raises(Overloaded):
        train(call, lambda _: httpx.Response(429, json=PROBLEM), lambda _: None, retries=1)


@pytest.mark.parametrize(
    "events",
    [
        "event: progress\ndata: [1]\n\n",
        'event: progress\ndata: {"step": 1}\n\n',
        "event: reply\ndata: {\n\n",
    ],
)
def test_a_stream_that_makes_no_sense_is_no_reply(call, events):
    with pytest.raises(ResponseInvalid):
        train(call, lambda _: raw_stream(events), lambda _: None)
    assert len(call.sent) == 1


@pytest.mark.parametrize("kept", [0, 1, 60, -1])
def test_a_stream_that_breaks_off_is_asked_for_again(call, kept):
    whole = stream(("progress", TOLD), ("reply", REPLY))
    answers = [raw_stream(whole.text[:kept]), raw_stream(whole.text[:kept]), whole]
    seen = []
    assert train(call, lambda _: answers.pop(0), seen.append).losses[0] == 1
    assert len({request.headers["X-Request-ID"] for request in call.sent}) == 1
    assert seen[-1] == (1, 2, float("inf"))
    with pytest.raises(ConnectionFailed, match="after 3 tries: the events ended without a reply"):
        train(call, lambda _: raw_stream(whole.text[:kept]), seen.append)


@pytest.mark.parametrize("error", [httpx.ConnectError("the chat is down"), httpx.ReadTimeout("slow"), KeyError("mine")])
def test_what_the_watcher_raises_is_the_callers_and_asks_for_nothing_again(call, error):
    def post_to_the_chat(_):
        raise error

    with pytest.raises(type(error)) as raised:
        train(call, lambda _: stream(("progress", TOLD), ("reply", REPLY)), post_to_the_chat)
    assert raised.value is error
    assert len(call.sent) == 1


def test_a_service_that_shuts_down_meanwhile_is_asked_again(call):
    put_off = {"title": "Service Unavailable", "status": 503, "detail": "the service is shutting down"}
    answers = [stream(("progress", TOLD), ("problem", put_off)), stream(("reply", REPLY))]
    assert train(call, lambda _: answers.pop(0), lambda _: None).losses[0] == 1
    with pytest.raises(ServerFault, match="shutting down"):
        train(call, lambda _: stream(("problem", put_off)), lambda _: None, retries=1)


def test_a_connection_that_is_lost_meanwhile_is_told():
    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            yield b"event: progress\n"
            raise httpx.ReadError("reset")

    headers = {"Content-Type": "text/event-stream"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken(), headers=headers))
    with Client("http://service", transport=transport) as client, pytest.raises(ConnectionFailed):
        client.train(NETWORK, X, Y, "mse", **HOW, watch=lambda _: None)

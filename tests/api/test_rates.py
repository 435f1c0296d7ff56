"""A bucket of tokens a key."""

from __future__ import annotations

import json
from threading import Thread
from time import monotonic

from api.batches import NDJSON, item
from api.in_process import InProcess
from api.keys import hashed, with_key
from api.problems import FORWARD
from chainrule.api.rates import Bucket
from problem_documents import assert_problem


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_a_steady_rate() -> None:
    clock = Clock()
    bucket = Bucket(2.0, 3, clock)
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert [bucket.take() for _ in range(2)] == [0.5, 0.5], "what is refused is not counted"
    clock.now += 0.5
    assert [bucket.take() for _ in range(2)] == [0, 0.5]
    clock.now += 1e6
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_rate_of_0_is_none() -> None:
    bucket = Bucket(0, 1, Clock())
    assert [bucket.take() for _ in range(5)] == [0] * 5


def test_threads_share_a_bucket() -> None:
    bucket = Bucket(1e-9, 50, Clock())
    granted: list[bool] = []
    threads = [Thread(target=lambda: granted.extend(bucket.take() == 0 for _ in range(25))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 50


def service_of(*keys: str, **settings: object) -> InProcess:
    return InProcess(keys=hashed(*keys), **settings)


def test_nobody_is_told_to_come_back_sooner_than_the_service_says() -> None:
    service = service_of("mine", rate=1 / 6, burst=1, retry_after=7)
    replies = [service.post("/v1/forward", json={}, headers=with_key("mine")) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [422, 429]
    assert replies[1].headers["Retry-After"] == "7"


def test_each_key_has_a_rate_of_its_own() -> None:
    service = service_of("mine", "yours", rate=0.001, burst=2)
    started = monotonic()
    statuses = [service.post("/v1/forward", json=FORWARD, headers=with_key("mine")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = service.post("/v1/loss", json=FORWARD, headers=with_key("mine"))
    assert_problem(refused, 429)
    assert 1000 - (monotonic() - started) <= int(refused.headers["Retry-After"]) <= 1000
    assert service.post("/v1/forward", json=FORWARD, headers=with_key("yours")).status_code == 200


def test_items_of_a_batch_are_counted_and_wait_for_their_turn() -> None:
    service = service_of("mine", rate=20, burst=1)
    text = json.dumps(item(1))
    reply = service.post("/v1/batch", content="\n".join([text] * 4), headers=with_key("mine", **NDJSON))
    assert [json.loads(line)["status"] for line in reply.text.splitlines()] == [200] * 4
    assert reply.elapsed.total_seconds() > 0.1, "the first of four at once, and then 20 a second"


def test_without_a_rate_a_key_calls_as_often_as_it_likes() -> None:
    service = service_of("mine", burst=1)
    statuses = {service.post("/v1/forward", json=FORWARD, headers=with_key("mine")).status_code for _ in range(20)}
    assert statuses == {200}

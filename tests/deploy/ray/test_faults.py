"""Replicas and a node are killed under load, and no caller with the client's usual retries notices."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule_client import Client, local
from client.classes.submissions import PROBLEM, submissions
from deploy.ray.cluster import URL, Cluster, until

pytestmark = [pytest.mark.ray, pytest.mark.slow]

CALLERS = 2
"""As many large requests at once as a single replica takes here of one address, which all have who come by a proxy."""


@dataclass
class Load:
    """What callers got that ask again and again, with numbers of their own each time."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def call(self, number: int) -> None:
        draw = np.random.default_rng(number)
        with Client(URL) as client:
            while not self.over.is_set():
                large = draw.random() < 0.5  # a place and a thread, or answered at once
                self._check(client, draw, *((200, 60, 20) if large else (4, 3, 2)))

    def _check(self, client: Client, draw: np.random.Generator, batch: int, inputs: int, outputs: int) -> None:
        x, y, weight = (draw.normal(size=size) for size in ((batch, inputs), (batch, outputs), (outputs, inputs)))
        network = {"layers": [{"op": "linear", "weight": weight}]}
        try:
            reply = client.gradients(network, x, y, "squared_error")
            np.testing.assert_allclose(reply.gradients["W1"], 2 * (x @ weight.T - y).T @ x, rtol=1e-9, atol=1e-9)
            self.answered += 1
        except Exception as error:
            self.failed.append(repr(error))


@contextmanager
def load() -> Iterator[Load]:
    """Callers in the background. At the end of the block they stop, and all that they asked has been answered."""
    found = Load()
    callers = [threading.Thread(target=found.call, args=(number,)) for number in range(CALLERS)]
    for each in callers:
        each.start()
    try:
        until(lambda: found.answered > 20 or found.failed, "answers")
        yield found
    finally:
        found.over.set()
        for each in callers:
            each.join(150)
    assert found.failed == []


def goes_on(found: Load) -> None:
    """Callers still get answers. Raises AssertionError."""
    before = found.answered
    until(lambda: found.answered > before + 20 or found.failed, "answers")


def kill_a_replica(cluster: Cluster) -> None:
    os.kill(min(cluster.replicas()), signal.SIGKILL)


def test_a_replica_that_is_killed_costs_no_answer_and_is_replaced(ray_cluster: Cluster) -> None:
    before = ray_cluster.replicas()
    with load() as found:
        kill_a_replica(ray_cluster)
        goes_on(found)
        until(lambda: len(ray_cluster.replicas() - before) == 1, "new replica")
        ray_cluster.await_replicas(2)
        goes_on(found)


def test_all_replicas_killed_at_once_cost_no_answer(ray_cluster: Cluster) -> None:
    before = ray_cluster.replicas()
    with load() as found:
        for each in before:
            os.kill(each, signal.SIGKILL)
        goes_on(found)
        until(lambda: len(ray_cluster.replicas() - before) == 2, "new replicas")
        ray_cluster.await_replicas(2)


def test_a_class_is_graded_the_same_while_a_replica_is_killed(ray_cluster: Cluster, tmp_path: Path) -> None:
    given = submissions(600)
    progress = tmp_path / "graded.ndjson"

    def kill() -> None:
        until(lambda: progress.exists() and progress.read_bytes().count(b"\n") >= 50, "first answers")
        kill_a_replica(ray_cluster)

    killer = threading.Thread(target=kill)
    killer.start()
    with Client(URL) as client:
        found = client.grade_many(given, PROBLEM, resume=progress)
    killer.join()
    assert outcomes(found) == outcomes(local.grade_many(given, PROBLEM))
    ray_cluster.await_replicas(2)


def test_a_node_that_is_killed_costs_no_answer_and_another_takes_over(ray_cluster: Cluster) -> None:
    node = ray_cluster.others[-1]
    until(lambda: node.processes("ray::ServeReplica"), "replica on the node that is to be killed")
    ray_cluster.await_replicas(2)
    with load() as found:
        node.kill()
        goes_on(found)
        another = ray_cluster.add_node()
        until(lambda: another.processes("ray::ServeReplica"), "replica on the new node")
        ray_cluster.await_replicas(2)
        goes_on(found)


def outcomes(graded: list[Any]) -> list[Any]:
    """Id and score, or status."""
    return [(each.id, each.report.score if each.report else each.error.status) for each in graded]

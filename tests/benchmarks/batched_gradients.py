"""Gradients of homework size by the thousand: each with parameters, inputs and targets of its own.

In process, a stack of problems against the same engine on one at a time. Over HTTP, one batch of 10,000 against single
requests from a C load generator, one worker and one compute thread on either side of the comparison.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
from gradients import HOMEWORK, engine
from load import NO_WRK, answer, check_equal, has_wrk, loaded
from networks import PARAMETERS, Problem, problem
from pairs import Goal, Row, Skipped, Turn, paired, timed
from servers import OURS, serving
from small_requests import our_body

from chainrule.engine.backends import choose
from chainrule.engine.backward import backward_program, pull_back
from chainrule.engine.trace import run_forward
from chainrule.operations.stacks import MOST

WHAT = f"gradients by the thousand ({HOMEWORK}, float64)"
BACKENDS = ("torch", "numpy")
HEAD = "POST /v1/batch HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n"


def measure(quick: bool) -> Iterator[Row | Skipped]:
    """Of an item each: the engine's time, then all that a service takes."""
    problems = [problem(HOMEWORK, seed=seed) for seed in range(MOST)]
    for backend in BACKENDS:
        yield _stacked(problems, backend, turns=3 if quick else 51, times=5 if quick else 20)
    if not has_wrk():
        yield Skipped(WHAT, NO_WRK)
        return
    seconds, turns, items = (1, 2, 500) if quick else (2, 7, 10_000)
    with tempfile.TemporaryDirectory() as folder, serving(OURS) as url:
        for backend in BACKENDS:
            bodies = [our_body(each, backend) for each in problems]
            single = Path(folder, backend)
            single.write_bytes(bodies[0])
            batch = f"/v1/batch, {backend} backend", batched(url, bodies, items)
            wrk = "/v1/gradients from wrk", loaded(f"{url}/v1/gradients", single, seconds)
            _check(url, bodies)
            yield paired(WHAT, batch, wrk, Goal("times as fast", 3.0), turns)


def _stacked(problems: list[Problem], backend: str, turns: int, times: int) -> Row:
    alone, together = engine(problems[0], backend), _together(problems, backend)
    for number, each in enumerate(problems):
        for found, wanted in zip(together(), engine(each, backend)(), strict=True):
            np.testing.assert_allclose(np.asarray(found)[number, 0], np.asarray(wanted), rtol=0, atol=1e-12)
    bunch = timed(together, times)
    return paired(
        WHAT,
        (f"{len(problems)} at a time, {backend} backend", lambda: bunch() / len(problems)),
        ("one at a time", timed(alone, 10 * times)),
        Goal("times as fast", 10.0),
        turns,
    )


def _together(problems: list[Problem], backend: str) -> Callable[[], list[Any]]:
    """The gradients of all of them with respect to all parameters, each (P, 1, …)."""
    xp, plan, wrt = choose(backend, "cpu", "float64", stacked=True), problems[0].plan, problems[0].wrt
    leaves = {}
    for name in problems[0].values:
        stack = np.stack([each.values[name] for each in problems])
        leaves[name] = xp.asarray(stack if plan.slots[plan.index[name]].batched else stack[:, None])
    program = backward_program(plan, plan.loss or 0, wrt)

    def run() -> list[Any]:
        with xp.computing():
            found = pull_back(run_forward(plan, xp, leaves), program, 1.0)
        return [found[slot] for slot in wrt]

    return run


def batched(url: str, bodies: list[bytes], items: int) -> Turn:
    """Seconds for an item of one batch that goes through `bodies` again and again. Raises RuntimeError for a fault."""
    lines = b"".join(
        b'{"id":%d,"operation":"gradients","request":%b}\n' % (number, bodies[number % len(bodies)])
        for number in range(items)
    )

    def turn() -> float:
        started = perf_counter()
        answers = _posted(url, lines)
        taken = perf_counter() - started
        answered = answers.count(b'"status":200')
        if answered != items:
            raise RuntimeError(f"of {items} items {answered} have a reply")
        return taken / items

    return turn


def _posted(url: str, lines: bytes) -> bytes:
    """The answer to a batch, chunks and all, read while the batch is sent."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    with socket.create_connection((host, port)) as connection:
        head = HEAD.format(host=host) + f"Content-Length: {len(lines)}\r\n\r\n"
        sender = Thread(target=connection.sendall, args=(head.encode() + lines,))
        sender.start()
        received = []
        while part := connection.recv(1 << 18):
            received.append(part)
        sender.join()
        return b"".join(received)


def _check(url: str, bodies: list[bytes]) -> None:
    """Raises AssertionError where a batch and single requests differ."""
    lines = b"".join(b'{"id":%d,"operation":"gradients","request":%b}\n' % each for each in enumerate(bodies))
    text = _posted(url, lines).split(b"\r\n\r\n", 1)[1]
    replies = [orjson.loads(each) for each in text.splitlines() if each.startswith(b'{"id"') and each.endswith(b"}")]
    assert replies
    for each in replies:
        alone = answer(f"{url}/v1/gradients", bodies[each["id"]])
        check_equal(each["reply"], alone)
        assert each["reply"]["gradients"].keys() == set(PARAMETERS)

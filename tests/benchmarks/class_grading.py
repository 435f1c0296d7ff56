"""Grading a class: a thousand submissions of a two-layer net, a third of them wrong, over HTTP and in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pairs import TOLD, Row, Turn, paired
from servers import OURS, serving

from chainrule_client import Client, Network, linear, local, loss, sigmoid, tanh

SIZES = {"n": 3, "a": 7, "K": 5, "N": 11}
"""Pairwise different odd primes, so that no two named constants are equal."""
SUBMISSIONS = 1_000

Answers = dict[str, NDArray[Any]]
Slip = Callable[[Answers], Answers]


def measure(quick: bool) -> Iterator[Row]:
    """Time for one submission, with a diagnosis and without; and in process, a wrong one against a right one."""
    what = f"grading a class (two layers, {' '.join(f'{name}{size}' for name, size in SIZES.items())})"
    problem, right = _problem()
    submissions = list(_class(right, 60 if quick else SUBMISSIONS))
    with serving(OURS) as url, Client(url) as client:
        found = client.grade_many(submissions, problem, progress=False)
        _check(found, submissions)
        yield paired(
            f"{what}, over HTTP",
            ("with diagnosis", _all(client, submissions, problem, {})),
            ("without", _all(client, submissions, problem, {"diagnose": False})),
            TOLD,
            2 if quick else 5,
        )
    yield paired(
        f"{what}, in process",
        ("a wrong submission, median", _median(problem, [each for each in submissions if each["id"] % 3 == 0])),
        ("a right one", _median(problem, [each for each in submissions if each["id"] % 3])),
        TOLD,
        2 if quick else 7,
    )


def _all(client: Client, submissions: list[Any], problem: Mapping[str, Any], policy: Mapping[str, Any]) -> Turn:
    def turn() -> float:
        started = perf_counter()
        client.grade_many(submissions, problem, policy=policy, progress=False)
        return (perf_counter() - started) / len(submissions)

    return turn


def _median(problem: Mapping[str, Any], submissions: list[Any]) -> Turn:
    def one(each: Any) -> float:
        started = perf_counter()
        local.grade(problem, each["answers"])
        return perf_counter() - started

    return lambda: median(one(each) for each in submissions)


def _check(found: list[Any], submissions: list[Any]) -> None:
    """Every right submission has all points, and every wrong one a diagnosis and fewer."""
    assert [each.id for each in found] == [each["id"] for each in submissions]
    for each in found:
        right = each.id % 3 != 0
        assert (each.report["score"] == each.report["max_score"]) == right, each.id
        assert bool(each.report["diagnosis"]) != right, each.id


def _problem() -> tuple[dict[str, Any], Answers]:
    """The problem, and the right answers to it, by hand."""
    rng = np.random.default_rng(0)
    n, a, k, batch = SIZES.values()
    w1, b1, w2, b2 = rng.normal(size=(a, n)), rng.normal(size=a), rng.normal(size=(k, a)), rng.normal(size=k)
    x, y = rng.normal(size=(batch, n)), rng.integers(0, 2, size=(batch, k)).astype(float)
    a1 = np.tanh(x @ w1.T + b1)
    y_hat = 1 / (1 + np.exp(-(a1 @ w2.T + b2)))
    into_s2 = (y_hat - y) / y.size
    into_s1 = into_s2 @ w2 * (1 - a1**2)
    answers = {
        "outputs": y_hat,
        "loss": np.array(-(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)).mean()),
        "gradients.y_hat": (y_hat - y) / (y_hat * (1 - y_hat)) / y.size,
        "gradients.W2": into_s2.T @ a1,
        "gradients.b2": into_s2.sum(0),
        "gradients.W1": into_s1.T @ x,
        "gradients.b1": into_s1.sum(0),
    }
    network = Network.layers(linear(w1, b1), tanh(), linear(w2, b2), sigmoid())
    return {"network": network, "inputs": x, "targets": y, "loss": loss("bce", reduction="mean")}, answers


def _flipped(right: Answers) -> Answers:
    return {name: -value if name.startswith("gradients") else value for name, value in right.items()}


def _averaged(right: Answers) -> Answers:
    return {**right, "gradients.b1": right["gradients.b1"] / SIZES["N"]}


def _moved(right: Answers) -> Answers:
    return {**right, "gradients.y_hat": right["gradients.y_hat"] * SIZES["N"]}


def _transposed(right: Answers) -> Answers:
    return {**right, "gradients.W1": right["gradients.W1"].T}


def _summed(right: Answers) -> Answers:
    return {**right, "loss": right["loss"] * SIZES["N"] * SIZES["K"]}


SLIPS: tuple[Slip, ...] = (_flipped, _averaged, _moved, _transposed, _summed)


def _class(right: Answers, count: int) -> Iterator[dict[str, Any]]:
    """Every third is wrong, each way in turn; the others are off by rounding alone."""
    rng = np.random.default_rng(1)
    for number in range(count):
        answers = right if number % 3 else SLIPS[number // 3 % len(SLIPS)](right)
        rounded = {name: value * (1 + 1e-9 * rng.normal(size=value.shape)) for name, value in answers.items()}
        yield {"id": number, "answers": rounded}

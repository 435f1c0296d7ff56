"""Many callers at once: each gets the answer to its own request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from api.held import Held
from api.problems import FORWARD, UNLIMITED, endless
from live_service import LiveService, live_service

CALLERS = 24
REQUESTS_EACH = 12


@dataclass(frozen=True)
class Asked:
    """A linear layer on inputs of its own, small enough to be answered at once or large enough for a thread."""

    name: str
    weight: NDArray[np.float64]
    inputs: NDArray[np.float64]
    operation: str
    backend: str

    @classmethod
    def drawn(cls, name: str, rng: np.random.Generator) -> Asked:
        examples, width, height = rng.integers(1, 6), rng.integers(1, 5), rng.integers(1, 5)
        examples = examples * 400 if rng.random() < 0.3 else examples
        return cls(
            name,
            rng.normal(size=(height, width)),
            rng.normal(size=(examples, width)),
            rng.choice(["forward", "gradients", "jacobians", "validate", "refused"]),
            rng.choice(["torch", "numpy"]),
        )

    def request(self) -> tuple[str, dict[str, Any]]:
        layers = [{"op": "linear", "weight": self.weight.tolist()}]
        body: dict[str, Any] = {
            "network": {"layers": layers},
            "inputs": self.inputs.tolist(),
            "backend": self.backend,
        }
        if self.operation == "gradients":
            upstream = np.ones((len(self.inputs), len(self.weight)))
            body |= {"upstream": upstream.tolist(), "wrt": ["W1", "x"]}
        if self.operation == "jacobians":
            body |= {"pairs": [{"of": "y_hat", "wrt": "x"}]}
        if self.operation == "refused":
            body |= {f"bogus-{self.name}": 1}
        return f"/v1/{'forward' if self.operation == 'refused' else self.operation}", body

    def check(self, reply: httpx.Response) -> None:
        """By NumPy alone."""
        assert reply.headers["X-Request-ID"] == self.name
        found = reply.json()
        if self.operation == "refused":
            assert (reply.status_code, found["errors"][0]["pointer"]) == (422, f"/bogus-{self.name}")
            return
        assert reply.status_code == 200, reply.text
        if self.operation == "validate":
            assert found["inputs"]["x"]["shape"] == list(self.inputs.shape)
            assert found["parameters"]["W1"]["shape"] == list(self.weight.shape)
        if self.operation in ("forward", "gradients"):
            np.testing.assert_allclose(found["outputs"], self.inputs @ self.weight.T, atol=1e-12)
        if self.operation == "gradients":
            gradients = found["gradients"]
            expected = np.tile(self.inputs.sum(axis=0), (len(self.weight), 1))
            np.testing.assert_allclose(gradients["W1"], expected, atol=1e-10)
            np.testing.assert_allclose(gradients["x"], np.tile(self.weight.sum(axis=0), (len(self.inputs), 1)))
        if self.operation == "jacobians":
            value = found["jacobians"]["y_hat/x"]["value"]
            np.testing.assert_array_equal(value, np.broadcast_to(self.weight, (len(self.inputs), *self.weight.shape)))


async def caller(number: int, client: httpx.AsyncClient) -> int:
    rng = np.random.default_rng(number)
    for turn in range(REQUESTS_EACH):
        asked = Asked.drawn(f"caller-{number}-{turn}", rng)
        path, body = asked.request()
        asked.check(await client.post(path, json=body, headers={"X-Request-ID": asked.name}))
    return REQUESTS_EACH


async def all_callers(url: str) -> int:
    limits = httpx.Limits(max_connections=CALLERS)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        return sum(await asyncio.gather(*(caller(number, client) for number in range(CALLERS))))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A service that never has to refuse so many callers, with several threads whatever the machine."""
    log = tmp_path_factory.mktemp("busy") / "log"
    with live_service(log, concurrency=4, queue=2 * CALLERS, wait_ratio=1_000, **UNLIMITED) as service:
        yield service
        assert "traceback" not in log.read_text()


def test_each_of_many_callers_gets_the_answer_to_its_own_request(busy: LiveService) -> None:
    assert asyncio.run(all_callers(busy.url)) == CALLERS * REQUESTS_EACH


def test_a_large_computation_does_not_hold_up_others(busy: LiveService) -> None:
    with Held(busy, endless()) as computing, busy.client() as client:
        computing.send_body()
        for size in (1, 2_000) * 10:
            reply = client.post("/v1/forward", json={**FORWARD, "inputs": [[1.0, -1.0]] * size})
            assert reply.json()["outputs"] == [[-0.5]] * size
            assert not computing.answered

"""The image, built and run for real: hardened, healthy, right, and graceful at its end."""

import json
import socket
import time
from collections.abc import Callable

import httpx
import numpy as np
import pytest

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.timeout(900)]


def linear_regression(seed: int = 0) -> tuple[dict, dict[str, np.ndarray]]:
    """A request for the gradients of ‖X Wᵀ + b - Y‖², and their closed form: 2 Eᵀ X and 2 Eᵀ 1."""
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(7, 3)), draw.normal(size=(7, 2))
    weight, bias = draw.normal(size=(2, 3)), draw.normal(size=2)
    error = x @ weight.T + bias - y
    request = {
        "network": {"layers": [{"op": "linear", "weight": weight.tolist(), "bias": bias.tolist()}]},
        "inputs": x.tolist(),
        "targets": y.tolist(),
        "loss": {"op": "squared_error", "reduction": "sum"},
    }
    return request, {"loss": np.sum(error**2), "W1": 2 * error.T @ x, "b1": 2 * error.sum(axis=0)}


def assert_right(reply: dict, expected: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(reply["loss"], expected["loss"], rtol=1e-12)
    for name in ("W1", "b1"):
        np.testing.assert_allclose(reply["gradients"][name], expected[name], rtol=1e-12)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_gradients_agree_with_the_closed_form(service, backend):
    request, expected = linear_regression()
    reply = httpx.post(f"{service.url}/v1/gradients", json={**request, "backend": backend}, timeout=30)
    assert reply.status_code == 200, reply.text
    assert reply.json()["meta"]["backend"] == backend
    assert_right(reply.json(), expected)


def test_a_hostile_body_is_refused_within_the_memory_given(service):
    nulls = b'{"network": {"layers": [{"op": "relu"}]}, "inputs": [' + b"null," * 1_000_000 + b"null]}"
    headers = {"Content-Type": "application/json"}
    reply = httpx.post(f"{service.url}/v1/forward", content=nulls, headers=headers, timeout=30)
    assert reply.status_code == 422
    assert len(reply.content) < 10_000
    service.wait_until_alive(seconds=5)
    assert service.state("OOMKilled") == "false"


def test_the_service_runs_without_root_and_without_capabilities(service):
    lines = service.exec("cat", "/proc/1/status").splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert "0" not in status["Uid"] + status["Gid"]
    assert int(status["CapEff"][0], 16) == 0
    assert status["NoNewPrivs"] == ["1"]


def test_the_health_check_passes_where_the_service_answers(service):
    assert service.podman("healthcheck", "run", service.name, check=False).returncode == 0


def test_the_health_check_fails_where_nothing_answers(podman, image):
    podman("run", "--detach", "--name=idle", "--network=none", image, "sleep", "60")
    assert podman("healthcheck", "run", "idle", check=False).returncode != 0


def test_stopping_lets_a_request_in_flight_finish(run: Callable):
    container = run()
    request, expected = linear_regression(seed=1)
    body = json.dumps(request).encode()
    head = (
        "POST /v1/gradients HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", container.port), timeout=15) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
        time.sleep(0.5)
        stopping = container.podman.start("stop", "--time=10", container.name)
        time.sleep(1)
        connection.sendall(body[len(body) // 2 :])
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    headers, _, content = reply.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 200 ")
    assert_right(json.loads(content), expected)
    assert stopping.wait(timeout=15) == 0
    assert container.state("ExitCode") == "0"

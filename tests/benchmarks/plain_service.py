"""The peer: gradients of the same net behind FastAPI, as most people write it."""

from __future__ import annotations

from typing import Any

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from torch.nn import functional

app = FastAPI()


class Request(BaseModel):
    """The net's numbers as nested lists."""

    inputs: list[list[float]]
    targets: list[list[float]]
    W1: list[list[float]]
    b1: list[float]
    W2: list[list[float]]
    b2: list[float]


@app.post("/in_a_thread")
def in_a_thread(request: Request) -> dict[str, Any]:
    """FastAPI runs `def` endpoints in a pool of threads."""
    return gradients(request)


@app.post("/in_the_loop")
async def in_the_loop(request: Request) -> dict[str, Any]:
    """And `async def` endpoints in the event loop, which costs less and blocks it meanwhile."""
    return gradients(request)


def gradients(request: Request) -> dict[str, Any]:
    """Outputs, loss and the gradients of all parameters, as lists."""
    x = torch.tensor(request.inputs, dtype=torch.float64)
    y = torch.tensor(request.targets, dtype=torch.float64)
    parameters = {
        name: torch.tensor(getattr(request, name), dtype=torch.float64, requires_grad=True)
        for name in ("W1", "b1", "W2", "b2")
    }
    hidden = functional.relu(functional.linear(x, parameters["W1"], parameters["b1"]))
    outputs = functional.linear(hidden, parameters["W2"], parameters["b2"])
    loss = functional.mse_loss(outputs, y)
    loss.backward()
    return {
        "outputs": outputs.tolist(),
        "loss": loss.item(),
        "gradients": {name: parameter.grad.tolist() for name, parameter in parameters.items()},
    }

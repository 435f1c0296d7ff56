"""What every peer computes: outputs, loss and gradients of the homework's net, by torch autograd, from nested lists."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

PARAMETERS = ("W1", "b1", "W2", "b2")


def gradients(request: dict[str, Any]) -> dict[str, Any]:
    """Of `inputs`, `targets` and the parameters by name; as lists."""
    x = torch.tensor(request["inputs"], dtype=torch.float64)
    y = torch.tensor(request["targets"], dtype=torch.float64)
    parameters = {name: torch.tensor(request[name], dtype=torch.float64, requires_grad=True) for name in PARAMETERS}
    hidden = functional.relu(functional.linear(x, parameters["W1"], parameters["b1"]))
    outputs = functional.linear(hidden, parameters["W2"], parameters["b2"])
    loss = functional.mse_loss(outputs, y)
    loss.backward()
    return {
        "outputs": outputs.tolist(),
        "loss": loss.item(),
        "gradients": {name: parameter.grad.tolist() for name, parameter in parameters.items()},
    }

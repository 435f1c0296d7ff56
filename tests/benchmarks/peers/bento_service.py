"""Gradients behind BentoML: `bentoml serve bento_service:Gradients`."""

from __future__ import annotations

from typing import Any

import bentoml
from autograd import gradients


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Gradients:
    """BentoML makes a Pydantic model of the arguments."""

    @bentoml.api
    def gradients(
        self,
        inputs: list[list[float]],
        targets: list[list[float]],
        W1: list[list[float]],  # noqa: N803
        b1: list[float],
        W2: list[list[float]],  # noqa: N803
        b2: list[float],
    ) -> dict[str, Any]:
        return gradients({"inputs": inputs, "targets": targets, "W1": W1, "b1": b1, "W2": W2, "b2": b2})

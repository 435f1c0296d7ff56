"""Gradients as a tesseract: the product nearest to ours. Served by `tesseract-runtime serve`.

A tesseract says how it is applied and how it is differentiated; here both are by autograd. Its clients ask for a
vector-Jacobian product of the loss, so `outputs` are not in the reply.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd import gradients
from pydantic import BaseModel
from tesseract_core.runtime import Array, Differentiable, Float64


class InputSchema(BaseModel):
    """The net's numbers as tesseract's arrays."""

    inputs: Array[(None, None), Float64]
    targets: Array[(None, None), Float64]
    W1: Differentiable[Array[(None, None), Float64]]
    b1: Differentiable[Array[(None,), Float64]]
    W2: Differentiable[Array[(None, None), Float64]]
    b2: Differentiable[Array[(None,), Float64]]


class OutputSchema(BaseModel):
    """The mean squared error."""

    loss: Differentiable[Array[(), Float64]]


def apply(inputs: InputSchema) -> OutputSchema:
    """The loss alone."""
    return OutputSchema(loss=np.asarray(gradients(inputs.model_dump())["loss"]))


def vector_jacobian_product(
    inputs: InputSchema, vjp_inputs: set[str], vjp_outputs: set[str], cotangent_vector: dict[str, Any]
) -> dict[str, Any]:
    """∂loss/∂p for each parameter p asked for, times the cotangent."""
    found = gradients(inputs.model_dump())["gradients"]
    return {name: cotangent_vector["loss"] * np.asarray(found[name]) for name in vjp_inputs}

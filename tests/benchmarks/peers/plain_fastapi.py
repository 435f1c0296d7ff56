"""Gradients behind FastAPI, as most people write it."""

from __future__ import annotations

from typing import Any

from autograd import gradients
from fastapi import FastAPI
from pydantic import BaseModel

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
    return gradients(request.model_dump())


@app.post("/in_the_loop")
async def in_the_loop(request: Request) -> dict[str, Any]:
    """And `async def` endpoints in the event loop, which costs less and blocks it meanwhile."""
    return gradients(request.model_dump())

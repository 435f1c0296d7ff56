"""Replies that describe the service itself: the catalogue of ops, the limits in force, health."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chainrule.schemas.documented import Documented, ResultTensor


class Parameter(Documented):
    """A parameter that an op takes."""

    name: str
    optional: bool


class Option(Documented):
    """A field of an op that a request may set."""

    name: str
    type: Literal["number", "integer", "boolean", "text", "choice", "numbers", "integers"]
    choices: list[str | int] | None
    nullable: bool
    default: Any
    minimum: float | None
    above: float | None = Field(description="A bound that it has to exceed.")
    description: str


class OpEntry(Documented):
    """An op in the catalogue."""

    op: str
    aliases: list[str]
    family: str
    serves_as: list[Literal["layer", "node", "loss", "penalty"]]
    operands: list[str]
    variadic: bool = Field(description="Takes two operands or more.")
    parameters: list[Parameter]
    options: list[Option]
    formula: str
    derivative: str
    at_kink: str | None = Field(description="The derivative used at a kink; null for a smooth op.")
    description: str


class Catalogue(Documented):
    """Every op."""

    ops: list[OpEntry]


class Curve(Documented):
    """An activation drawn: value and derivative at each x, over the part of the range where it is defined."""

    x: ResultTensor
    value: ResultTensor
    derivative: ResultTensor
    kinks: ResultTensor
    kink_values: ResultTensor = Field(description="The value at each kink.")
    kink_derivatives: ResultTensor = Field(description="The derivative that is used at each.")


class OpDescription(OpEntry):
    """An op in full."""

    curve: Curve | None = Field(description="For an activation that acts on each element alone.")


class InForce(Documented):
    """The most that a request may ask for."""

    flops: int
    memory_bytes: int
    returned: int = Field(description="Numbers in a reply.")
    calls: int = Field(description="Applications of an op, derivatives included.")
    nodes: int
    axes: int = Field(description="Of one tensor.")
    pairs: int = Field(description="Jacobians in one request.")
    body_bytes: int
    seconds: float
    processes: int = Field(description="Processes that answer, each with a concurrency and a queue of its own.")
    concurrency: int = Field(description="Large requests computing at once.")
    queue: int = Field(description="Large requests that may wait.")


class Information(Documented):
    """Versions, and the limits in force."""

    version: str
    conventions: int
    limits: InForce
    backends: dict[str, list[str]] = Field(description="The devices of each backend.")
    libraries: dict[str, str]


class Health(Documented):
    """The service is well."""

    status: Literal["ok"]


class Index(Documented):
    """Where to go from here."""

    service: Literal["chainrule"]
    version: str
    docs: str
    openapi: str
    ops: str
    info: str

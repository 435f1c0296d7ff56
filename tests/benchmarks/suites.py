"""What is measured. A suite is a module beside this one, with `measure(quick)`: its comparisons, one after another.

Its heading in docs/performance.md is the title here. A new suite is a line here, a module, and its block on that page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from pairs import Row, Skipped

Measure = Callable[[bool], Iterator[Row | Skipped]]
"""Takes `quick`: a few turns and small sizes, to see that it runs and that both sides agree."""


@dataclass(frozen=True)
class Suite:
    """A module, its title, and whether it runs where the peers are installed, as one process on one core."""

    title: str
    beside_peers: bool = False


SUITES = {
    "gradients": Suite("Gradients in process", beside_peers=True),
    "jacobians": Suite("Jacobians in process", beside_peers=True),
    "per_example": Suite("Gradients of each example in process", beside_peers=True),
    "small_requests": Suite("Small requests over HTTP"),
    "batched_gradients": Suite("Gradients by the thousand"),
    "peer_services": Suite("The same gradients from other services"),
    "bodies": Suite("Large JSON bodies"),
    "wire": Suite("Tensors on the wire"),
    "class_grading": Suite("Grading a class"),
    "cold_start": Suite("A grading script from a cold start"),
}


def measure_of(name: str) -> Measure:
    """The suite's own function."""
    return cast(Measure, import_module(name).measure)

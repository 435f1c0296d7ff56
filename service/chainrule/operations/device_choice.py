"""Which device computes a request that leaves it open, by what the request takes.

It depends on the request alone, numbers apart, so that what is computed again comes out with the same digits.
"""

from __future__ import annotations

from chainrule.engine.backends import has_gpu
from chainrule.engine.cost import Cost
from chainrule.schemas.requests import Problem

WORTH_A_GPU = 4 * 10**6
"""Floating-point operations that each application of an op has to come to on average.

However small they are, a GPU takes some 50 µs for an op and its derivative, in launching kernels and in moving the
request's tensors: measured on an H200, see "On a GPU" in docs/performance.md.
"""


def is_for_cpu(request: Problem, cost: Cost) -> bool:
    """Whether the CPU is to compute the request, though there is a GPU."""
    is_small = cost.flops < WORTH_A_GPU * max(1, cost.calls)
    return request.device == "auto" and request.backend == "torch" and is_small and has_gpu()

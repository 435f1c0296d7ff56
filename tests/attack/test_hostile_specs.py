"""Networks that somebody made up who means ill: whatever they are, the answer is sound or a short refusal, and soon."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.engine.registry import ops as registered
from chainrule.operations import OPERATIONS
from live_service import LiveService
from problem_documents import assert_problem

SECONDS = 10
"""Of the service's CPUs: far more than any takes."""

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.lists(st.integers(-3, 3), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(-3, 3), max_size=2),
)
names = st.one_of(
    st.sampled_from(["x", "z", "W", "b", "f", "g", "h", "y_hat", "C", "y", "all", "s1", "W1"]),
    st.text(max_size=6),
)
sizes = st.one_of(st.integers(1, 4), st.sampled_from([0, -1, 7, 1_000, 10**6, 10**9, 2**31, 2**63, 10**30]))
shapes = st.lists(sizes, max_size=9)
tensors = st.one_of(
    st.fixed_dictionaries(
        {"shape": shapes},
        optional={"init": st.sampled_from(["normal", "uniform", "zeros", "?"]), "scale": junk, "seed": junk},
    ),
    st.lists(st.lists(st.floats(-10, 10), min_size=1, max_size=3), max_size=3),
    st.floats(-10, 10),
    names,
    junk,
)
ops = st.one_of(st.sampled_from(sorted(registered())), st.text(max_size=6))
options: dict[str, st.SearchStrategy[Any]] = {
    "weight": tensors,
    "bias": tensors,
    "scale": junk,
    "shape": shapes,
    "axis": junk,
    "axes": st.lists(st.integers(-9, 9), max_size=4),
    "start": junk,
    "stop": junk,
    "step": junk,
}
layers = st.fixed_dictionaries({"op": ops}, optional={**options, "name": names})
nodes = st.fixed_dictionaries({"name": names, "op": ops, "inputs": st.lists(names, max_size=4)}, optional=options)
parameters = st.dictionaries(names, tensors, max_size=3)


@st.composite
def deep(draw: st.DrawFn) -> dict[str, Any]:
    """A DAG of many nodes, each of which takes any of those around it: cycles, diamonds, doublings."""
    count = draw(st.sampled_from([3, 30, 300, 3_000]))
    op = draw(st.sampled_from(["add", "mul", "concat", "tanh", "matmul"]))
    reach = draw(st.integers(1, 4))
    forward = draw(st.integers(0, 1))
    rng = draw(st.randoms(use_true_random=False))
    arity = 1 if op == "tanh" else 2
    found = [
        {
            "name": f"n{i}",
            "op": op,
            "inputs": [f"n{max(0, i - rng.randint(1 - forward, reach))}" if i else "x" for _ in range(arity)],
        }
        for i in range(count)
    ]
    return {"nodes": found, "output": f"n{count - 1}"}


networks = st.one_of(
    st.fixed_dictionaries({"layers": st.lists(layers, max_size=5)}, optional={"parameters": parameters}),
    st.fixed_dictionaries(
        {"nodes": st.lists(nodes, max_size=6), "output": names}, optional={"parameters": parameters, "layers": junk}
    ),
    deep(),
    junk,
)
fields: dict[str, st.SearchStrategy[Any]] = {
    "targets": tensors,
    "loss": st.one_of(st.sampled_from(["mse", "bce", "cross_entropy", "squared_error"]), junk),
    "penalties": st.one_of(junk, st.lists(st.fixed_dictionaries({"op": ops, "parameters": st.lists(names)}))),
    "batched": st.one_of(st.booleans(), junk),
    "dtype": st.sampled_from(["float64", "float32", "float16"]),
    "backend": st.sampled_from(["numpy", "torch", "jax"]),
    "layout": st.sampled_from(["torch", "numerator", "denominator", ""]),
    "wrt": st.one_of(st.just("all"), st.lists(names, max_size=3), junk),
    "pairs": st.one_of(junk, st.lists(st.fixed_dictionaries({"of": names, "wrt": names}), max_size=3)),
    "steps": st.one_of(st.booleans(), st.integers(-1, 5), junk),
    "learning_rate": st.one_of(st.floats(0, 1), junk),
    "per_example": st.one_of(st.booleans(), junk),
    "verify": st.booleans(),
    "answers": junk,
    "trace": st.booleans(),
    "upstream": tensors,
}
inputs = st.one_of(
    st.lists(st.lists(st.floats(-10, 10), min_size=2, max_size=2), min_size=1, max_size=3),
    st.dictionaries(names, tensors, max_size=2),
    tensors,
)
requests = st.fixed_dictionaries({"network": networks, "inputs": inputs}, optional=fields)


@given(operation=st.sampled_from(sorted(OPERATIONS)), asked=requests)
@settings(
    max_examples=400,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_made_up_network_is_answered_or_refused(
    operation: str, asked: dict[str, Any], attacked: LiveService, client: httpx.Client
) -> None:
    with attacked.spends(at_most=SECONDS):
        reply = client.post(f"/v1/{operation}", content=json.dumps(asked))
    if reply.status_code != 200:
        assert_problem(reply, 400, 413, 422)

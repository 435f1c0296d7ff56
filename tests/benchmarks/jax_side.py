"""The same in JAX, jitted, in the dtype of the problem. The first turn compiles, and is not counted.

Every function ends when the device has the numbers: JAX returns before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from networks import PARAMETERS, Problem

jax.config.update("jax_enable_x64", True)

Run = Callable[[], Any]


def gradients(net: Problem) -> Run:
    """Of all parameters, in their order."""
    parameters, x, y = _leaves(net)
    graded = jax.jit(jax.grad(_loss))
    return _finished(lambda: graded(parameters, x, y))


def compiled_anew(net: Problem) -> Run:
    """The same, with all that JAX has compiled forgotten before."""
    parameters, x, y = _leaves(net)

    def run() -> Any:
        jax.clear_caches()
        return jax.jit(jax.grad(_loss))(parameters, x, y)

    return _finished(run)


def gradients_of_each_example(net: Problem) -> Run:
    """The contributions of the examples to those gradients."""
    parameters, x, y = _leaves(net)
    count = len(x)

    def of_one(parameters: Any, x: Any, y: Any) -> Any:
        return _loss(parameters, x, y) / count

    each = jax.jit(jax.vmap(jax.grad(of_one), in_axes=(None, 0, 0)))
    return _finished(lambda: each(parameters, x, y))


def jacobian(net: Problem) -> Run:
    """∂ŷ/∂W₁ for every example."""
    parameters, x, _ = _leaves(net)
    first, *others = parameters

    def predict(weight: Any, x: Any) -> Any:
        return _outputs([weight, *others], x)

    each = jax.jit(jax.vmap(jax.jacrev(predict), in_axes=(None, 0)))
    return _finished(lambda: each(first, x))


def _leaves(net: Problem) -> tuple[list[Any], Any, Any]:
    leaves = {name: jnp.asarray(value) for name, value in net.values.items()}
    return [leaves[name] for name in PARAMETERS], leaves["x"], leaves["y"]


def _outputs(parameters: Any, x: Any) -> Any:
    w1, b1, w2, b2 = parameters
    return jax.nn.relu(x @ w1.T + b1) @ w2.T + b2


def _loss(parameters: Any, x: Any, y: Any) -> Any:
    return jnp.mean((_outputs(parameters, x) - y) ** 2)


def _finished(run: Run) -> Run:
    return lambda: jax.block_until_ready(run())

"""Checks backprop written in NumPy against the engine in process: no service, no torch, no network.

python clients/examples/check_my_gradients.py
"""

import sys

import numpy as np

from chainrule_client import Network, linear, local, loss, sigmoid, tanh


def backprop(x, y, w1, b1, w2, b2):
    """Linear → tanh → Linear → sigmoid under BCE, mean over N·K. One line of it is wrong."""
    a1 = np.tanh(x @ w1.T + b1)
    y_hat = 1 / (1 + np.exp(-(a1 @ w2.T + b2)))
    into_s2 = (y_hat - y) / y.size
    into_s1 = into_s2 @ w2 * (1 - a1**2)
    return {
        "W2": into_s2.T @ a1,
        "b2": into_s2.sum(axis=0),
        "W1": into_s1.T @ x,
        "b1": into_s1.mean(axis=0),  # wrong: the 1/N is in the loss already
    }


rng = np.random.default_rng(0)
n, a, K, N = 3, 7, 5, 11  # pairwise different, so that a transposed weight cannot go unseen
x, y = rng.normal(size=(N, n)), rng.integers(0, 2, size=(N, K)).astype(float)
parameters = rng.normal(size=(a, n)), rng.normal(size=a), rng.normal(size=(K, a)), rng.normal(size=K)

network = Network.layers(linear(*parameters[:2]), tanh(), linear(*parameters[2:]), sigmoid())
truth = local.gradients(network, x, y, loss("bce", reduction="mean"))

wrong = []
for name, mine in backprop(x, y, *parameters).items():
    right = truth.gradients[name]
    bound = 1e-8 + 1e-5 * np.abs(right).max()
    if mine.shape != right.shape:
        verdict = f"has shape {mine.shape}, not {right.shape}"
    elif np.abs(mine - right).max() > bound:
        factor = np.sum(mine * right) / np.sum(right * right)
        exact = np.abs(mine - factor * right).max() <= bound
        verdict = f"is {factor:.4g} times what it should be" if exact else "is wrong"
    else:
        verdict = "is right"
    if verdict != "is right":
        wrong.append(name)
    print(f"∂C/∂{name} {verdict}")

assert wrong == ["b1"]
assert "torch" not in sys.modules

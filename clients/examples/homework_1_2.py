"""A two-layer net by hand and by the service: Linear → 3·ReLU → Linear, C = ‖ŷ − y‖², in numerator layout.

python clients/examples/homework_1_2.py            # a service at CHAINRULE_URL, else http://127.0.0.1:8000
"""

import numpy as np

from chainrule_client import Client, Network, identity, linear, relu

rng = np.random.default_rng(0)
n, a, K = 3, 5, 2
x, y = rng.normal(size=n), rng.normal(size=K)
W1, b1 = rng.normal(size=(a, n)), rng.normal(size=a)
W2, b2 = rng.normal(size=(K, a)), rng.normal(size=K)

# Forward, by hand.
s1 = W1 @ x + b1
a1 = 3 * np.maximum(s1, 0)
s2 = W2 @ a1 + b2
y_hat = s2
C = np.sum((y_hat - y) ** 2)

# Backward, by hand: a row times a matrix, factor by factor.
into_y_hat = 2 * (y_hat - y)[None, :]
into_s2 = into_y_hat @ np.eye(K)
into_a1 = into_s2 @ W2
into_s1 = into_a1 @ np.diag(3.0 * (s1 > 0))
by_hand = {
    "W1": x[:, None] @ into_s1,  # n × a
    "b1": into_s1,  # 1 × a
    "W2": a1[:, None] @ into_s2,  # a × K
    "b2": into_s2,  # 1 × K
}

network = Network.layers(linear(W1, b1), relu(scale=3), linear(W2, b2), identity())
with Client() as client:
    reply = client.gradients(network, x, y, "squared_error", batched=False, layout="numerator")

print(f"C   by hand {C:.12g}, by the service {reply.loss:.12g}")
for name, gradient in by_hand.items():
    found = reply.gradients[name]
    assert found.shape == gradient.shape
    print(f"{name}  {found.shape[0]}×{found.shape[1]}, largest difference {np.abs(found - gradient).max():.1g}")
    assert np.allclose(found, gradient, rtol=1e-12, atol=1e-12)
assert np.isclose(reply.loss, C, rtol=1e-12)

"""The Jacobian of softargmax, and why it is no maximum: that is logsumexp, whose gradient it is.

python clients/examples/jacobian_of_softargmax.py  # a service at CHAINRULE_URL, else http://127.0.0.1:8000
"""

import numpy as np

from chainrule_client import Client, Network, logsumexp, softargmax

scores = np.array([1.0, 3.0, 2.0])

with Client() as client:
    for beta in (1.0, 2.0, 10.0):
        network = Network.layers(softargmax(beta=beta))
        p = client.forward(network, scores, batched=False).outputs
        jacobian = client.jacobians(network, scores, "y_hat/x", batched=False).jacobians["y_hat/x"].dense()
        assert np.allclose(jacobian, beta * (np.diag(p) - np.outer(p, p)), rtol=1e-12)

        maximum = Network.layers(logsumexp(beta=beta))
        soft = client.gradients(maximum, scores, upstream=1.0, wrt=["x"], batched=False)
        assert np.allclose(soft.gradients["x"], p, rtol=1e-12)

        print(f"β = {beta:g}")
        print(f"  softargmax {np.round(p, 4)}, of an argmax {np.eye(3)[scores.argmax()]}")
        print(f"  logsumexp  {soft.outputs:.4f}, of a maximum {scores.max()}")
        print("  ∂p/∂s =\n" + "\n".join(f"    {np.round(row, 4) + 0.0}" for row in jacobian))

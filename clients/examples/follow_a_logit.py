"""Follows the gradient of one class's logit with respect to the input image, step by step.

python clients/examples/follow_a_logit.py          # a service at CHAINRULE_URL, else http://127.0.0.1:8000
"""

from itertools import pairwise

import numpy as np

from chainrule_client import Client, Network, draw, flatten, linear, relu

CLASS, CLASSES, SIDE, STEPS, STEP_SIZE = 3, 10, 8, 10, 0.1

# The weights are drawn by the service: the same for everybody who runs this.
network = Network.layers(
    flatten(),
    linear(draw([32, SIDE * SIDE], scale=0.2, seed=1)),
    relu(),
    linear(draw([CLASSES, 32], scale=0.3, seed=2)),
)
image = np.zeros((1, SIDE, SIDE))
image[0, 2:6, 2:6] = 1
this_logit = np.eye(CLASSES)[[CLASS]]  # the cotangent that picks it

logits = []
with Client() as client:
    for _ in range(STEPS):
        reply = client.gradients(network, image, upstream=this_logit, wrt=["x"])
        logits.append(reply.outputs[0, CLASS])
        image = image + STEP_SIZE * reply.gradients["x"]

print("logit of class", CLASS, "after each step:", np.round(logits, 3))
assert all(after > before for before, after in pairwise(logits))

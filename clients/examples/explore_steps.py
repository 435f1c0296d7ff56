"""Prints the backward pass factor by factor: what reaches each node, its own derivative, and what it passes on.

python clients/examples/explore_steps.py           # in process; no service is needed
"""

import numpy as np

from chainrule_client import Network, identity, linear, local, relu

W1, b1 = [[1, -1, 0, 2], [2, 1, 0, -2], [-1, 1, -1, 1]], [1, -1, 0.5]
W2, b2 = [[2, -1, 1], [1, 1, 3]], [1, -2]
network = Network.layers(linear(W1, b1), relu(scale=3), linear(W2, b2), identity())

reply = local.gradients(network, [1, 2, 3, 0.5], [0, 5], "squared_error", steps=True, batched=False, layout="numerator")

for step in reply.steps.values():
    print(f"{step.node} = {step.op}({', '.join(step.inputs.values())})")
    print(f"  reaches it    ∂C/∂{step.node} = {np.array2string(step.cotangent)}")
    for operand, local_factor in step.local.items():
        value = step.inputs[operand]
        shape = "×".join(map(str, local_factor.shape))
        print(f"  own factor    ∂{step.node}/∂{value}: {shape}, {local_factor.structure}")
        if local_factor.structure == "diagonal":
            print(f"                diagonal {local_factor.diagonal}")
        print(f"  passes on     to {value}: {step.contributes[operand].tolist()}")
    print()

# The chain, multiplied out again: ∂C/∂b₁ = ∂C/∂ŷ · ∂ŷ/∂s₂ · W₂ · ∂a₁/∂s₁.
factors = [reply.steps[node].local[operand].dense() for node, operand in (("a2", "x"), ("s2", "x"), ("a1", "x"))]
chain = reply.steps["a2"].cotangent
for factor in factors:
    chain = chain @ factor
print("∂C/∂b1 by the factors:", chain.tolist())
assert np.array_equal(chain, reply.gradients["b1"])

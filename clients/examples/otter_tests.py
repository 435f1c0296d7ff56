"""Otter: a test file, `tests/q1.py` of the assignment, with a case for each quantity. A notebook defines `y_hat`, `C`,
`dW` and `db`, which are graded together, so that one slip is charged once.

Where it is run by itself it plays a notebook:

    python clients/examples/otter_tests.py
"""

import numpy as np

from chainrule_client import Network, linear, local, tanh
from chainrule_client.exporters.otter import Check

try:
    from otter.test_files import test_case
except ModuleNotFoundError:  # to try this out where Otter is not installed

    def test_case(**settings):
        return lambda function: function


OK_FORMAT = False

name = "q1"

W, b = np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.75]]), np.array([0.25, -0.5])
x, y = (
    np.array([[1.0, -0.5, 2.0], [0.5, 1.5, -1.0], [2.0, 0.25, 0.5], [-1.0, 1.0, 1.0], [0.75, -2.0, 0.5]]),
    np.eye(5, 2),
)
problem = {"network": Network.layers(linear(W, b), tanh()), "inputs": x, "targets": y, "loss": "squared_error"}
variables = {"outputs": "y_hat", "loss": "C", "gradients.W1": "dW", "gradients.b1": "db"}

# In a line of its own: Otter shows the line of a case that fails, and this one holds no numbers.
check = Check(lambda answers: local.grade(problem, answers), variables)


@test_case(name="the output", points=1)
def test_outputs(env):
    check("outputs", env)


@test_case(name="the loss", points=1)
def test_loss(env):
    check("loss", env)


@test_case(name="the gradient of W", points=4)
def test_weight(env):
    check("gradients.W1", env)


@test_case(name="the gradient of b", points=2, hidden=True)
def test_bias(env):
    check("gradients.b1", env)


if __name__ == "__main__":
    y_hat = np.tanh(x @ W.T + b)
    into_s = 2 * (y_hat - y)  # the derivative of tanh is missing
    notebook = {"y_hat": y_hat, "C": np.sum((y_hat - y) ** 2), "dW": into_s.T @ x}
    for case in (test_outputs, test_loss, test_weight, test_bias):
        try:
            getattr(case, "test_func", case)(notebook)
            print(f"{name}: passed")
        except AssertionError as error:
            print(f"{name}: {error}")

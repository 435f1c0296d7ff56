"""nbgrader: an autograded test cell worth 4 points, after a cell in which a student computes `dW` and `db`.

python clients/examples/nbgrader_cell.py
"""

# ruff: noqa: B018, E402, N816

import numpy as np

W, b = np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.75]]), np.array([0.25, -0.5])
x, y = (
    np.array([[1.0, -0.5, 2.0], [0.5, 1.5, -1.0], [2.0, 0.25, 0.5], [-1.0, 1.0, 1.0], [0.75, -2.0, 0.5]]),
    np.eye(5, 2),
)

# The student's cell:
y_hat = x @ W.T + b
into_y_hat = 2 * (y_hat - y) / y.size
dW, db = into_y_hat @ x[:2], into_y_hat.sum(axis=0)  # dW is of the wrong shape

# The test cell. Names that the student may not have defined are looked up, so that they are missing and no error:
### BEGIN HIDDEN TESTS
from chainrule_client import Network, linear, local
from chainrule_client.exporters import nbgrader

problem = {"network": Network.layers(linear(W, b)), "inputs": x, "targets": y, "loss": "mse"}
answers = {"gradients.W1": globals().get("dW"), "gradients.b1": globals().get("db")}
points = nbgrader.grade(lambda: local.grade(problem, answers), max_points=4)
print(f"the cell's value: {points!r}")
points  # the last expression of the cell is its grade
### END HIDDEN TESTS

"""The chain rule in LaTeX, read off the graph and the ops that compute: what is printed can also be evaluated."""

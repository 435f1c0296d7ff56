"""The engine: graph, plan, trace, backward pass and Jacobians, on rules written by hand.

It knows nothing of HTTP or of request models. Nothing here calls automatic differentiation.
"""

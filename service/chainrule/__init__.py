"""Forward passes, losses, gradients and Jacobians of a described network, by hand-written rules."""

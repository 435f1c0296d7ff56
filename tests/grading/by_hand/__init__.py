"""Nets, their gradients, and what students get wrong in them, in plain NumPy: nothing here is the service's."""

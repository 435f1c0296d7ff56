"""The small namespace that rules are written in, implemented on NumPy and on torch."""

from chainrule.engine.backends.choose import BackendUnavailable, choose, has_gpu
from chainrule.engine.backends.namespace import Array, Axis, Namespace, Shape

__all__ = ["Array", "Axis", "BackendUnavailable", "Namespace", "Shape", "choose", "has_gpu"]

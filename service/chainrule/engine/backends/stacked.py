"""What is different where arrays hold P problems of the same shapes, which are computed together.

A value with a batch axis is (P, N, …), one without, such as a parameter or the loss, (P, 1, …): so the two broadcast,
problem with problem, and rules that count axes from the end are none the wiser. What is left are the sums over a whole
batch, and the products with a matrix that all examples share.
"""

from __future__ import annotations

from math import prod

from chainrule.engine.backends.namespace import Array


class Stacked:
    """Goes before a namespace in a class's bases. Of a stack it can do what a forward and a backward pass take."""

    number_axes = 2

    @staticmethod
    def linear(x: Array, weight: Array, bias: Array | None) -> Array:
        product = Stacked.matmul(x, weight.mT)
        if bias is None:
            return product
        return product + bias.reshape((len(bias), *(1,) * (x.ndim - 2), bias.shape[-1]))

    @staticmethod
    def matmul(x: Array, matrix: Array) -> Array:
        # One product a problem, however many rows its examples have.
        product = x.reshape((len(x), -1, x.shape[-1])) @ matrix[:, 0]
        return product.reshape((*x.shape[:-1], matrix.shape[-1]))

    @staticmethod
    def contract(left: Array, right: Array) -> Array:
        return (left.mT @ right)[:, None]

    @staticmethod
    def sum_all(x: Array) -> Array:
        return x.reshape((len(x), -1)).sum(1)[:, None]

    @staticmethod
    def sum_leading(x: Array, axis: int) -> Array:
        return x.sum(axis)[:, None]

    @staticmethod
    def size(x: Array) -> int:
        return prod(x.shape[1:])

    @staticmethod
    def examples(x: Array) -> int:
        length: int = x.shape[1]
        return length

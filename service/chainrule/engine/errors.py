"""What the engine refuses, and how it says so.

    EngineError (ValueError)
    ├── ShapeError     a shape that does not fit; `operand` names which
    ├── DomainError    a value outside where a function is defined
    ├── GraphError     a network that is not a DAG of known names
    └── Unsupported    a sound question that has no answer here

`where` is the name of the node (or parameter, or input) at fault where one is, filled in as the error passes the plan.
"""

from __future__ import annotations


class EngineError(ValueError):
    """A request the engine refuses. `str(error)` is a sentence for the caller."""

    def __init__(self, message: str, *, where: str | None = None, operand: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.operand = operand


class ShapeError(EngineError):
    """A shape that does not fit its op."""


class DomainError(EngineError):
    """A value outside the function's domain, such as a probability of 1.2."""


class GraphError(EngineError):
    """A cycle, an unknown name, or a name given twice."""


class Unsupported(EngineError):
    """A sound question that this op or layout has no answer to."""

"""What a diagnosis is made of: a mistake at a place, with the numbers that it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chainrule.grading.constants import Constant
from chainrule.grading.mistakes.registry import Altered, Mistake


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake found at a place."""

    code: str
    at: str
    message: str
    hint: str
    detail: str | None = None
    factor: str | None = None
    """The name of a constant."""
    value: float | None = None

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """The same mistake wherever it is made."""
        return self.code, self.detail, self.factor


def of_mistake(mistake: Mistake[Any], altered: Altered, at: str) -> Finding:
    """What an entry of the registry found at a place."""
    message = mistake.message.format(at=at, detail=altered.detail)
    return Finding(mistake.code, at, message, mistake.hint, altered.detail)


def of_constant(constant: Constant, at: str, *, parameter: bool = False, batch: int = 1) -> Finding:
    """A right quantity times a constant. `parameter`: in the gradient of one parameter alone."""
    if constant.value == -1:
        return Finding("sign", at, f"the sign is flipped at {at}", "Check each minus sign on the way.", value=-1.0)
    if parameter and batch > 1 and constant.value == 1 / batch:
        return Finding(
            "averaged",
            at,
            f"∂C/∂{at} is averaged over the batch instead of summed",
            "The loss has its 1/N already: sum the examples' contributions.",
            factor=constant.name,
            value=constant.value,
        )
    return Finding(
        "factor",
        at,
        f"there is a factor of {constant.name} too much at {at}",
        "Look for a constant that the derivative has, or has not: a 2, a 1/N, a 1/K, a scale.",
        factor=constant.name,
        value=constant.value,
    )


def log_base(constant: Constant, at: str) -> Finding:
    """A loss with another logarithm than the natural one."""
    base = constant.name.removeprefix("1/ln ")
    message, hint = f"the logarithm is to base {base}", "These losses use the natural logarithm."
    return Finding("log_base", at, message, hint, f"base {base}", value=constant.value)


def other_reduction(constant: Constant) -> Finding:
    """A loss with another reduction."""
    message = f"the loss is {constant.name} times what it should be: another reduction"
    hint = "Is the loss a sum or a mean, and over what?"
    return Finding("reduction", "C", message, hint, factor=constant.name, value=constant.value)


def unnamed(value: float, at: str) -> Finding:
    """A right quantity times a number that means nothing here."""
    return Finding(
        "factor",
        at,
        f"there is a constant factor too much at {at}",
        "Everything is right but for one constant.",
        factor="a constant",
        value=value,
    )


def rounded(what: str, at: str, places: int) -> Finding:
    """A right quantity of which decimals were cut off."""
    message = f"{what} is right, but rounded to {places} decimals"
    return Finding("rounded", at, message, "Give the numbers in full.", f"{places} decimals")


def also(finding: Finding, more: str) -> Finding:
    """The finding with something added to its sentence."""
    return replace(finding, message=f"{finding.message}{more}")

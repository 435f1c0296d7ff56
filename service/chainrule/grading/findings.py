"""What a diagnosis is made of: a mistake at a place, with the numbers that it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chainrule.grading.constants import Constant
from chainrule.grading.mistakes.named import NAMED
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


def named(
    code: str,
    at: str,
    *,
    what: str = "",
    detail: str | None = None,
    factor: str | None = None,
    value: float | None = None,
) -> Finding:
    """A mistake for which no rule is altered. `what`: what else its sentence is about."""
    words = NAMED[code]
    message = words.message.format(at=at, what=what, detail=detail, factor=factor)
    return Finding(code, at, message, words.hint, detail, factor, value)


def of_constant(constant: Constant, at: str, *, parameter: bool = False, batch: int = 1) -> Finding:
    """A right quantity times a constant. `parameter`: in the gradient of one parameter alone."""
    if constant.value == -1:
        return named("sign", at, value=-1.0)
    averaged = parameter and batch > 1 and constant.value == 1 / batch
    return named("averaged" if averaged else "factor", at, factor=constant.name, value=constant.value)


def log_base(constant: Constant, at: str) -> Finding:
    """A loss with another logarithm than the natural one."""
    return named("log_base", at, detail=f"base {constant.name.removeprefix('1/ln ')}", value=constant.value)


def unnamed(value: float, at: str) -> Finding:
    """A right quantity times a number that means nothing here."""
    return replace(
        named("factor", at, factor="a constant", value=value),
        message=f"there is a constant factor too much at {at}",
        hint="Everything is right but for one constant.",
    )


def rounded(what: str, at: str, places: int) -> Finding:
    """A right quantity of which decimals were cut off."""
    return named("rounded", at, what=what, detail=f"{places} decimals")


def also(finding: Finding, more: str) -> Finding:
    """The finding with something added to its sentence."""
    return replace(finding, message=f"{finding.message}{more}")

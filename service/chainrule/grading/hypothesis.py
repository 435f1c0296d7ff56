"""One account of a submission: the work as it was done, the mistakes in it, and what each quantity is by it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chainrule.grading.findings import Finding
from chainrule.grading.work import Work

Verdict = Literal["follows", "own", "returns", "explained", "unexplained"]
"""Of a quantity, given what came before it: by the right rule from that; from the very numbers that were handed in, if
not from what the account makes of them; the truth in spite of it; by a mistake; none of these."""

Scope = Literal["chain", "alone"]
"""Whether a mistake is passed on to what comes after, or is in one quantity alone."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What explains a quantity: one mistake or two, and others that would give the same numbers."""

    quantity: str
    findings: tuple[Finding, ...]
    """One mistake, or two made at once."""
    either: tuple[Finding, ...] = ()
    scope: Scope = "chain"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Immutable; every quantity looked at makes a new one."""

    work: Work
    settled: frozenset[int] = frozenset()
    """Slots whose value is known to be as the work has it."""
    confirmed: frozenset[int] = frozenset()
    """Slots whose cotangent is known to be as the work has it."""
    explanations: tuple[Explanation, ...] = ()
    verdicts: dict[str, tuple[Verdict, str | None]] = field(default_factory=dict)
    """By quantity, with the quantity whose mistake or rounding it carries on, if it does."""
    source: str | None = None
    """The last quantity from which something wrong was passed on."""

    @property
    def carries_on(self) -> dict[str, str]:
        """By quantity that follows from something wrong or rounded, that."""
        return {
            quantity: source
            for quantity, (verdict, source) in self.verdicts.items()
            if verdict in ("follows", "own") and source is not None
        }

    @property
    def cost(self) -> tuple[int, int, int, int, int]:
        """What there is against the account, the gravest first.

        Quantities unexplained; mistakes, the same one in several places counted once; places and what does not follow
        from the account together; places; mistakes in one quantity alone.
        """
        verdicts = [verdict for verdict, _ in self.verdicts.values()]
        keys = {finding.key for explanation in self.explanations for finding in explanation.findings}
        alone = sum(explanation.scope == "alone" for explanation in self.explanations)
        places, apart = len(self.explanations), verdicts.count("returns") + verdicts.count("own")
        return verdicts.count("unexplained"), len(keys), places + apart, places, alone

    def judged(self, quantity: str, verdict: Verdict, **changes: Any) -> Hypothesis:
        """The hypothesis with one more verdict."""
        return replace(self, verdicts={**self.verdicts, quantity: (verdict, self.source)}, **changes)

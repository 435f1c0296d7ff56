"""What to say of a name that is not there: the names like it, or those that there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MOST_COMPARED = 200
"""Names among which those like another are looked for: each comparison takes up to a tenth of a millisecond."""


def known(names: Iterable[str], limit: int = 12) -> str:
    """A short list of names for a message."""
    every: Sequence[str] = list(names)
    shown = ", ".join(every[:limit])
    return shown + (f" and {len(every) - limit} more" if len(every) > limit else "")


def nearest(name: str, names: Iterable[str], otherwise: str = "", *, several: str = "there are") -> str:
    """Advice for a name that is not there: those like it, or else `otherwise`, or else what there is."""
    every = sorted(names)
    close = _alike(name, every) if len(every) <= MOST_COMPARED else []
    if close:
        return f"did you mean {' or '.join(close)}?"
    return otherwise or f"{several} {known(every) or 'none'}"


def _alike(name: str, names: Iterable[str]) -> list[str]:
    """Those most like it, three at most. Capitals tell nothing: ReLU is meant for relu, and MSELoss for mse."""
    small = defaultdict[str, list[str]](list)
    for each in names:
        small[each.lower()].append(each)
    close = get_close_matches(name.lower(), small, n=3, cutoff=0.5)
    return [each for found in close for each in small[found]][:3]

"""Every slip at every place of a net, put before the grader, and how often it says just what it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from time import perf_counter

import numpy as np

from chainrule.grading import Policy
from chainrule.grading.report import Report
from grading.by_hand.classes import Classes
from grading.by_hand.functions import NAMES
from grading.by_hand.net import Shape, draw
from grading.by_hand.slips.slip import Slip
from grading.by_hand.solve import solve
from grading.submitting import SETS, answers_in, grader_of, reported

EXACT = "just its class"
MISSED, CALLED_RIGHT, NOT_ITS_CLASS, SEVERAL, CHARGED = (
    "no name or another's",
    "called right",
    "more or fewer names than its class",
    "several mistakes reported",
    "charged elsewhere than at the first wrong quantity",
)


@dataclass
class Tally:
    """What came of so many slips."""

    right: int = 0
    """Slips that on their draw change no number by more than counts, so that there is nothing wrong to hand in."""
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def exact(self) -> float:
        return self.counts[EXACT] / self.total

    def __str__(self) -> str:
        median = 1e3 * float(np.median(self.seconds))
        others = "".join(f"; {count} {what}" for what, count in self.counts.items() if what != EXACT)
        return (
            f"{100 * self.exact:.3f} % of {self.total} wrong answers exact{others}; median {median:.2f} ms; "
            f"{self.right} slips more change nothing here"
        )


def sweep(cases: Iterable[tuple[Shape, str, Iterable[int]]]) -> Tally:
    """All slips of each shape of net, on each seed, as far as one of SETS shows them."""
    tally = Tally()
    for shape, which, seeds in cases:
        names = SETS[which](shape)
        classes = Classes(shape, names)
        for seed in seeds:
            net = draw(shape, seed)
            grader, truth = grader_of(net), solve(net)
            for slip in classes.slips:
                answers = slip.answers(net)
                if answers is None:
                    continue
                wrong = [name for name in names if not _is_right(answers[name], truth[name])]
                if not wrong:
                    tally.right += 1
                    continue
                start = perf_counter()
                report = grader.grade(answers_in(names, answers), Policy())
                tally.seconds.append(perf_counter() - start)
                outcome = _outcome(report, slip, classes, wrong)
                tally.counts[outcome] += 1
                if outcome != EXACT:
                    tally.failures.append(f"{outcome}: {shape}, seed {seed}, {which}: {_told(report, slip, classes)}")
    return tally


def _is_right(answer: np.ndarray, truth: np.ndarray) -> bool:
    return answer.shape == truth.shape and bool(np.abs(answer - truth).max() <= 1e-8 + 1e-5 * np.abs(truth).max())


def _outcome(report: Report, slip: Slip, classes: Classes, wrong: list[str]) -> str:
    found, wanted = reported(report), classes.of(slip)
    if all(item.status == "correct" for item in report.items):
        return CALLED_RIGHT
    if not any(slip.key in keys or (wanted & keys and slip.key not in wanted) for keys in found):
        return MISSED
    if len(found) > 1:
        return SEVERAL
    if found != [wanted]:
        return NOT_ITS_CLASS
    charged = [item.quantity for item in report.items if not item.is_right]
    first = next(item.quantity for item in report.items if item.quantity in wrong)
    return EXACT if charged == [first] else CHARGED


def _told(report: Report, slip: Slip, classes: Classes) -> str:
    wanted = " or ".join(sorted(map(str, classes.of(slip))))
    found = "; ".join(" or ".join(sorted(map(str, keys))) for keys in reported(report))
    charged = [item.quantity for item in report.items if not item.is_right]
    return f"{slip}: wanted {wanted}; reported {found or 'nothing'}; charged {charged}"


def every_shape() -> Iterator[Shape]:
    """One, two and three layers; all f and g; every loss that goes with g; one of two sizes each, in turn.

    Sizes are pairwise different, and with them the constants that are made of them; of three layers the middle one may
    be square. No size is 2, and no batch as large as the scale of a ReLU.
    """
    sizes = {
        1: (((7, 5), 11), ((3, 7), 5)),
        2: (((3, 7, 5), 11), ((13, 11, 7), 5)),
        3: (((3, 7, 7, 5), 11), ((3, 7, 13, 5), 11)),
    }
    for layers in (1, 2, 3):
        count = 0
        for hidden, g in product(NAMES, NAMES):
            if layers == 1 and hidden != NAMES[0]:
                continue
            for loss, reduction, binary in _losses(g):
                widths, batch = sizes[layers][count % 2]
                count += 1
                yield Shape(widths, batch, (*(hidden,) * (layers - 1), g), loss, reduction, binary)


def _losses(g: str) -> Iterator[tuple[str, str, bool]]:
    yield "squared_error", "mean", False
    yield "squared_error", "sum", False
    if g in ("sigmoid", "softargmax"):
        yield "bce", "mean", False
        yield "bce", "mean", True
    if g == "identity":
        yield "cross_entropy", "mean", False

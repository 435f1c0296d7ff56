"""A service at twice its capacity answers what it takes as if it were not, and refuses the rest at once.

Minutes of it: `python tests/overload/turn.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import pytest

from live_service import LiveService, live_service
from overload.turn import LARGE_BODY, SERVICE, SMALL_BODY, Overload, generate, overload, quantile
from overload.work import Work

pytestmark = pytest.mark.slow

TURNS = 3
SECONDS = 4.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    log = tmp_path_factory.mktemp("overloaded") / "log"
    with live_service(log, **SERVICE) as service:
        yield service
        assert "traceback" not in log.read_text()


@pytest.mark.parametrize("work", [SMALL_BODY, LARGE_BODY], ids=["small body", "large body"])
def test_twice_the_capacity(work: Work, running: LiveService) -> None:
    generate(running, work, 1.0)  # what is learned at the start
    turns = [overload(running, work, SECONDS, alone=2.0) for _ in range(TURNS)]
    told = "\n\n".join(turn.table() for turn in turns)
    for turn in turns:
        _check_each(turn, told)
    # Of a machine that others use too, the median turn counts.
    assert median(turn.slowdown for turn in turns) <= 3.0, told
    assert median(quantile(turn.loaded.refused, 0.99) for turn in turns) <= 0.05, told
    assert median(turn.recovery for turn in turns) <= 2.0, told
    assert median(turn.busy for turn in turns) >= 0.6, told


def _check_each(turn: Overload, told: str) -> None:
    """What has to hold however busy the machine is."""
    for outcome in (turn.alone, turn.loaded, turn.after):
        assert outcome.wrong == 0, told
        assert outcome.others == [], told
        assert outcome.unanswered == 0, told
    assert turn.loaded.accepted, told
    assert turn.loaded.refused, told
    assert min(turn.loaded.retry_after) >= 1, told

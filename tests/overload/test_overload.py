"""A service at twice its capacity answers what it takes as if it were not, and refuses the rest at once.

Minutes of it: `python tests/overload/turn.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live_service import LiveService, live_service
from overload.turn import LARGE_BODY, SERVICE, SMALL_BODY, Overload, generate, overload, quantile
from overload.work import Work

pytestmark = pytest.mark.slow

TURNS = 6
SECONDS = 3.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    log = tmp_path_factory.mktemp("overloaded") / "log"
    with live_service(log, **SERVICE) as service:
        yield service
        assert "traceback" not in log.read_text()


@pytest.mark.parametrize("work", [SMALL_BODY, LARGE_BODY], ids=["small body", "large body"])
def test_twice_the_capacity(work: Work, running: LiveService) -> None:
    generate(running, work, 1.0)  # what is learned at the start
    told, tells = [], False
    for _ in range(TURNS):
        turn = overload(running, work, SECONDS, alone=2.0)
        told.append(turn.table())
        _check_each(turn, told[-1])
        if _is_steady(turn):
            return
        tells = tells or _is_quiet(turn)
    # Other processes of the machine take time from both sides: so one turn of some is enough.
    if not tells:
        pytest.skip("other processes took the machine's time in every turn")
    raise AssertionError("\n\n".join(told))


def _is_quiet(turn: Overload) -> bool:
    """Whether the service had the machine to itself: requests one after the other then take the same time."""
    return all(quantile(each.accepted, 0.99) <= 2 * quantile(each.accepted, 0.5) for each in (turn.alone, turn.after))


def _is_steady(turn: Overload) -> bool:
    return (
        bool(turn.loaded.refused)  # there are none where the machine was busier before than under load
        and turn.slowdown <= 3.0
        and quantile(turn.loaded.refused, 0.99) <= 0.05
        and turn.recovery <= 2.0
        and turn.busy >= 0.6
    )


def _check_each(turn: Overload, told: str) -> None:
    """What has to hold however busy the machine is."""
    for outcome in (turn.alone, turn.loaded, turn.after):
        assert outcome.wrong == 0, told
        assert outcome.others == [], told
        assert outcome.unanswered == 0, told
    assert turn.loaded.accepted, told
    assert min(turn.loaded.retry_after, default=1) >= 1, told

"""Several processes on one port: each that ends is replaced, and all of them end when this one is told to.

They accept from one listening socket. So connections that wait are not lost with a process that dies, and one that is
busy leaves them to the others.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

from chainrule.api.tally import BEAT, PID, Tally

logger = logging.getLogger("chainrule.api")

TICK = 0.2
"""Seconds within which a signal is noticed."""
STEADY = 30.0
"""Seconds after which a process that ends has not failed to start, and is replaced at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a process is replaced again that did not last so long: twice as many each time."""
STUCK = 120.0
"""Seconds for which an event loop may stand still before its process is taken for dead."""
CANNOT_START = (2, 3)
"""The exit codes of a process whose settings, problem sets or address are no good, which trying again does not mend."""


@dataclass
class Seat:
    """One of the processes, and those that come after it."""

    number: int
    process: BaseProcess | None = None
    started: float = 0.0
    failures: int = 0
    again: float = 0.0
    """When to start the next."""


class Supervisor:
    """Keeps as many processes running as the tally has rows; `start` starts one, which is to accept from `listening`.

    The tally tells whether their event loops turn. `patience`: seconds that they may take to end.
    """

    def __init__(
        self, start: Callable[[int], BaseProcess], tally: Tally, listening: socket.socket, patience: float
    ) -> None:
        self._start, self._tally, self._listening, self._patience = start, tally, listening, patience
        self._seats = [Seat(number) for number in range(tally.processes)]
        self._signals: list[int] = []
        self._has_served = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT. The exit code: 0, or that of processes which cannot start."""
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._notice)
        code = 0
        while not self._signals and not code:
            for seat in self._seats:
                if seat.process is None and time.monotonic() >= seat.again:
                    self._fill(seat)
            wait([seat.process.sentinel for seat in self._seats if seat.process is not None], TICK)
            code = max([self._look_after(seat) for seat in self._seats])
        return self._end() or code

    def _notice(self, sig: int, frame: FrameType | None) -> None:
        self._signals.append(sig)

    def _fill(self, seat: Seat) -> None:
        self._tally.row(seat.number)[BEAT] = 0.0
        seat.started = time.monotonic()
        try:
            seat.process = self._start(seat.number)
        except (OSError, EOFError) as error:  # there is no room for one more, or what forks them has just been killed
            logger.error("no process could be started: %r", error)
            self._put_off(seat)

    def _look_after(self, seat: Seat) -> int:
        """The exit code of one that ended because none of them can start; otherwise 0."""
        process = seat.process
        if process is None:
            return 0
        beat = self._tally.row(seat.number)[BEAT]
        self._has_served = self._has_served or beat > 0
        if process.exitcode is None:
            if beat and time.monotonic() - beat > STUCK:
                logger.error("process %d does not turn any more: it is killed", process.pid)
                process.kill()
            return 0
        self._clear(seat)
        if not self._has_served and process.exitcode in CANNOT_START:
            return process.exitcode
        logger.warning("process %d ended with %d: it is replaced", process.pid, process.exitcode)
        self._put_off(seat)
        return 0

    def _put_off(self, seat: Seat) -> None:
        """Have the next one start after a pause that grows with the failures."""
        seat.failures = 0 if time.monotonic() - seat.started > STEADY else seat.failures + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (seat.failures - 2)) if seat.failures > 1 else 0.0
        seat.again = time.monotonic() + pause

    def _clear(self, seat: Seat) -> None:
        if seat.process is not None and seat.process.pid is not None:
            with suppress(ProcessLookupError):  # it ends here too if it is only thought dead, since what forked it is
                os.kill(seat.process.pid, signal.SIGKILL)
        seat.process = None
        self._tally.row(seat.number)[PID] = 0.0

    def _end(self) -> int:
        """Have all end in order. 1 if one had to be killed."""
        self._listening.close()  # the processes have their own copies, and close them when they stop accepting
        sig = self._signals[0] if self._signals else signal.SIGTERM
        running = [seat.process for seat in self._seats if seat.process is not None]
        for process in running:
            _send(process, sig)
        until, told = time.monotonic() + self._patience, len(self._signals)
        while (left := [process for process in running if process.exitcode is None]) and time.monotonic() < until:
            wait([process.sentinel for process in left], TICK)
            for again in self._signals[told:]:  # somebody at the terminal does not want to wait
                told += 1
                for process in left:
                    _send(process, again)
        for process in left:
            logger.error("process %d did not end in time: it is killed", process.pid)
            process.kill()
            process.join()
        return int(bool(left))


def _send(process: BaseProcess, sig: int) -> None:
    """Unlike `terminate`, of any signal."""
    if process.pid is not None and process.exitcode is None:
        os.kill(process.pid, sig)

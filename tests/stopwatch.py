"""How long a piece of work takes by itself, whatever else the machine and the tests before it have to do."""

from __future__ import annotations

import gc
from time import thread_time
from types import TracebackType


class Stopwatch:
    """The CPU seconds of this thread in a `with` block.

    The collector of garbage does not look at what was there before: it looks at all that is alive, and in the middle
    of a suite that takes longer than what is timed.
    """

    seconds: float

    def __enter__(self) -> Stopwatch:
        gc.collect()
        gc.freeze()
        self._started = thread_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.seconds = thread_time() - self._started
        gc.unfreeze()

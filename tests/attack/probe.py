"""Asks all the while whether the service lives, and how long the answer takes."""

from __future__ import annotations

import time
from threading import Event, Thread
from types import TracebackType
from typing import Self

from live_service import LiveService

EVERY = 0.005
"""Seconds between an answer and the next question."""
ASK = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
END = b'{"status":"ok"}'


class Probe:
    """For the time of a block. It talks over a bare socket, so that it is hardly held up itself."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._over = Event()
        self._thread = Thread(target=self._ask)
        self.times: list[float] = []
        self.failed = 0

    def quantile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        return sorted(self.times)[min(len(self.times) - 1, int(share * len(self.times)))]

    def _ask(self) -> None:
        with self._service.connect() as connection:
            while not self._over.is_set():
                started = time.perf_counter()
                connection.sendall(ASK)
                answer = b""
                while not answer.endswith(END):
                    answer += connection.recv(65536) or END
                self.times.append(time.perf_counter() - started)
                self.failed += not answer.startswith(b"HTTP/1.1 200 ")
                time.sleep(EVERY)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        assert self.times
        assert not self.failed

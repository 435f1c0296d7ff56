"""Running the service: uvicorn in one process or several, and an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from pydantic import ValidationError

from chainrule.api import logs
from chainrule.api.connections import IDLE, Patience
from chainrule.api.health import Health
from chainrule.api.settings import Settings, doubts
from chainrule.api.supervisor import Supervisor
from chainrule.api.tally import Tally
from chainrule.api.upgrades import OneProtocol

if TYPE_CHECKING:
    from chainrule.api.application import Application
    from chainrule.api.metrics import Metrics

logger = logging.getLogger("chainrule.api")

BACKLOG = 2048
"""Connections that may wait to be accepted."""
SPARE = 5.0
"""Seconds that several processes have to end, beyond those for draining."""
PRELOADED = ["chainrule.api.application", "chainrule.engine.backends.torch"]
"""Most of what a process loads."""
KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept: longer than load balancers keep theirs, which is commonly 60."""
SETTLING = 0.3
"""Seconds after the last connection was accepted in which those that are open may still begin a request."""
FIRST_REQUEST = 3.0
"""Seconds after it in which a connection may still begin its first: its caller, who has just made it, is on the way."""


class Server(uvicorn.Server):
    """uvicorn, with an end that loses no request.

    On SIGTERM it says for a while that it is not ready, and with every reply that the connection closes: so callers
    leave by themselves. Then it accepts no more, and at last closes what is open, once it is answered.
    """

    def __init__(self, config: uvicorn.Config, health: Health, notice: float) -> None:
        super().__init__(config)
        self._health = health
        self._notice = notice
        self._first_request = FIRST_REQUEST

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self._health.draining:
            self._health.draining = True
            for headers in (self.config.encoded_headers, self.server_state.default_headers):  # of now, and of the next
                headers.append((b"connection", b"close"))
        if sig == signal.SIGINT:  # somebody sits at the terminal and waits
            self._notice = self._first_request = 0.0
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        parent = parent_process()
        if parent is not None:  # of several processes: without the one that replaces them and ends them, they end
            loop = asyncio.get_running_loop()
            loop.add_reader(parent.sentinel, self._orphaned, parent.sentinel)
        await super().main_loop()
        for connection in list(self.server_state.connections):
            cycle: Any = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                connection.shutdown()  # once this request has its reply
        waited = 0.0
        while waited < self._notice:
            await asyncio.sleep(0.05)
            waited += 0.05

    def _orphaned(self, sentinel: int) -> None:
        asyncio.get_running_loop().remove_reader(sentinel)
        self.handle_exit(signal.SIGTERM, None)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        waiting = [connection for server in self.servers for connection in _waiting(server)]
        for server in self.servers:
            server.close()
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        await asyncio.sleep(SETTLING)
        await self._first_requests()
        await super().shutdown(sockets)

    async def _first_requests(self) -> None:
        """Wait until no connection is without one, or as long as that may take: it is part of the time for draining."""
        loop = asyncio.get_running_loop()
        started, allowed = loop.time(), self.config.timeout_graceful_shutdown or 0
        until = started + min(self._first_request, allowed)
        while loop.time() < until and any(_is_new(connection) for connection in self.server_state.connections):
            await asyncio.sleep(0.05)
        self.config.timeout_graceful_shutdown = max(0, allowed - round(loop.time() - started))

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = kind(self.config, self.server_state, self.lifespan.state)
        return protocol


def _is_new(connection: Any) -> bool:
    return connection.cycle is None


def _waiting(server: asyncio.Server) -> Iterator[socket.socket]:
    """The connections that the system has made and nobody has accepted: closing the server would reset them."""
    for each in server.sockets:
        with suppress(OSError), each.dup() as listening:  # none waits, or there is no descriptor left for one
            listening.setblocking(False)
            while True:
                yield listening.accept()[0]


def _settings(given: dict[str, Any]) -> Settings:
    """Those given, and for the rest the environment's."""
    try:
        return Settings(**given)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            print(f"CHAINRULE_{str(fault['loc'][0]).upper()}: {fault['msg']}", file=sys.stderr)
        sys.exit(2)


def _application(settings: Settings, metrics: Metrics | None) -> Application:
    settings.limit_threads()  # before anything loads NumPy
    from chainrule.api.application import Application
    from chainrule.operations.instances.files import ProblemFileError

    try:
        return Application(settings, metrics)
    except ProblemFileError as error:
        print(f"CHAINRULE_PROBLEMS: {error}", file=sys.stderr)
        sys.exit(2)


def serve(
    host: str | None = None, port: int | None = None, settings: Settings | None = None, processes: int | None = None
) -> None:
    """Serve until SIGTERM, SIGHUP or SIGINT; returns once the requests in flight have their answers.

    `host`, `port` and `processes` take the place of the settings'. Raises SystemExit: 1 where a process had to be
    killed in the end, 2 where a setting or a problem set is not valid, 3 where the address cannot be had.
    """
    given = {"host": host, "port": port, "processes": processes}
    given = {name: value for name, value in given.items() if value is not None}
    settings = _settings({**(settings.model_dump() if settings else {}), **given})
    logs.configure(settings.log_level)
    _end_with_the_terminal()
    for doubt in doubts(settings, settings.host):
        logger.warning("%s", doubt)
    if settings.processes > 1:
        _serve_by_several(settings)
    else:
        _serve(settings)


def _end_with_the_terminal() -> None:
    """Have SIGHUP, of a terminal that closes, end this process as SIGTERM does; under `nohup` it stays ignored."""
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def _serve(settings: Settings, listening: socket.socket | None = None, metrics: Metrics | None = None) -> None:
    app = _application(settings, metrics)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="auto",
        http=partial(OneProtocol, patience=_patience(settings)),  # type: ignore[arg-type]
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    server = Server(config, app.health, settings.drain_notice)
    # uvicorn raises the signal again when it is done: that is then the end asked for, not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt):
        server.run([listening] if listening else None)
    if not server.started:
        sys.exit(3)


def _patience(settings: Settings) -> Patience:
    most = min(settings.memory_for_bodies // 8, _most_files() // 6 * IDLE)
    return Patience(most, KEEP_ALIVE, max(settings.deadline, settings.reply_seconds))


def _most_files() -> int:
    """How many files, and so connections, the process may have open: beyond that it would take none that is new."""
    try:
        import resource
    except ModuleNotFoundError:  # not a system that bounds them so
        return sys.maxsize
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def _serve_by_several(settings: Settings) -> None:
    from chainrule.api.metrics import CELLS

    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        logger.error("%s", error)
        sys.exit(3)
    tally = Tally(CELLS, settings.processes)
    try:
        tempfile.gettempdir()
    except FileNotFoundError:  # a read-only root, where memory that is shared has a folder all the same
        tempfile.tempdir = "/dev/shm"
    settings.limit_threads()  # before the processes, or what they are forked from, load NumPy
    # A process of nothing but loaded modules, of which the others are copies: so they start at once, share that memory,
    # and no fork copies threads or devices in use.
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    def start(number: int) -> BaseProcess:
        process = context.Process(target=_process, args=(settings, listening, tally, number))
        # What forks them is to outlive what every process is sent, by systemd or a terminal that closes: without it
        # nobody knows of a process whether it lives.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            resource_tracker.ensure_running()  # which unblocks SIGTERM
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return process

    logger.info("%d processes on http://%s:%d", settings.processes, settings.host, listening.getsockname()[1])
    patience = settings.drain_notice + settings.drain_seconds + SPARE
    sys.exit(Supervisor(start, tally, listening, patience).run())


def _process(settings: Settings, listening: socket.socket, tally: Tally, number: int) -> None:
    """One of several."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})
    _end_with_the_terminal()
    os.setpgrp()  # Ctrl-C at the terminal is for the one that supervises
    logs.configure(settings.log_level)
    from chainrule.api.metrics import Metrics

    _serve(settings, listening, Metrics(tally, number))

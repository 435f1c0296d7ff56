"""Running the service: uvicorn, and an orderly end."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from pydantic import ValidationError

from chainrule.api import create_app, logs
from chainrule.api.health import Health
from chainrule.api.settings import Settings

if TYPE_CHECKING:
    from chainrule.api.application import Application

KEEP_ALIVE = 75
"""Seconds for which an idle connection is kept: longer than load balancers keep theirs, which is commonly 60."""


class Server(uvicorn.Server):
    """uvicorn, which on SIGTERM first says for a while that it is not ready, and only then stops accepting."""

    def __init__(self, config: uvicorn.Config, health: Health, notice: float) -> None:
        super().__init__(config)
        self._health = health
        self._notice = notice

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._health.draining = True
        if sig == signal.SIGINT:  # somebody sits at the terminal and waits
            self._notice = 0.0
        super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        await super().main_loop()
        waited = 0.0
        while waited < self._notice:
            await asyncio.sleep(0.05)
            waited += 0.05


def _from_environment() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            print(f"CHAINRULE_{str(fault['loc'][0]).upper()}: {fault['msg']}", file=sys.stderr)
        sys.exit(2)


def _application(settings: Settings) -> Application:
    settings.limit_threads()  # before anything loads NumPy
    from chainrule.operations.instances.files import ProblemFileError

    try:
        return create_app(settings)
    except ProblemFileError as error:
        print(f"CHAINRULE_PROBLEMS: {error}", file=sys.stderr)
        sys.exit(2)


def serve(host: str | None = None, port: int | None = None, settings: Settings | None = None) -> None:
    """Serve until SIGTERM or SIGINT; returns once the requests in flight have their answers.

    `host` and `port` take the place of the settings'. Raises SystemExit: 2 where a setting or a problem set is not
    valid, 3 where the address cannot be had.
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = (settings or _from_environment()).model_copy(update=given)
    logs.configure(settings.log_level)
    app = _application(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="auto",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    server = Server(config, app.health, settings.drain_notice)
    # uvicorn raises the signal again when it is done: that is then the end asked for, not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(3)

"""Sessions run by each kind of client: with threads, with tasks, and in process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Thread

import anyio

from chainrule_client.classes.graded import Graded
from chainrule_client.classes.progress import progress
from chainrule_client.classes.session import Chunk, Session

Ask = Callable[[Chunk, Session], None]
"""Has a chunk answered, as far as it can be."""
AskAsync = Callable[[Chunk, Session], Awaitable[None]]


def run_in_threads(session: Session, ask: Ask, concurrency: int, shown: bool | None) -> list[Graded]:
    """At most `concurrency` chunks are asked for at once. What is raised ends the run once those are answered; Ctrl-C
    ends it at once."""
    waiting: set[Future[None]] = set()
    with progress(len(session), shown) as show:
        chunks = session.chunks()
        try:
            while True:
                for chunk in _some(chunks, concurrency - len(waiting)):
                    waiting.add(_asked(ask, chunk, session))
                show(session.done)
                if not waiting:
                    return session.graded()
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for each in finished:
                    each.result()
        except Exception:
            wait(waiting)
            raise


def _asked(ask: Ask, chunk: Chunk, session: Session) -> Future[None]:
    """In a thread that, unlike an executor's, is not waited for when the interpreter ends."""
    future: Future[None] = Future()

    def work() -> None:
        try:
            ask(chunk, session)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    Thread(target=work, name="grading", daemon=True).start()
    return future


async def run_in_tasks(session: Session, ask: AskAsync, concurrency: int, shown: bool | None) -> list[Graded]:
    """The same in tasks of one thread."""
    with progress(len(session), shown) as show:
        chunks = session.chunks()

        failed: list[Exception] = []

        async def work() -> None:
            for chunk in chunks:
                try:
                    await ask(chunk, session)
                except Exception as error:  # raised by itself below, not in a group
                    failed.append(error)
                if failed:
                    return
                show(session.done)

        async with anyio.create_task_group() as group:
            for _ in range(concurrency):
                group.start_soon(work)
    if failed:
        raise failed[0]
    return session.graded()


def run_here(session: Session, ask: Ask, shown: bool | None) -> list[Graded]:
    """One chunk after another, where it is called."""
    with progress(len(session), shown) as show:
        for chunk in session.chunks():
            ask(chunk, session)
            show(session.done)
    return session.graded()


def _some(chunks: Iterator[Chunk], most: int) -> Iterator[Chunk]:
    for _ in range(most):
        chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk

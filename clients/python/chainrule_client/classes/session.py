"""One run of grading a class, without the sending: what to ask, in which portions, and what has been answered.

Every client runs the same session: it takes `chunks()`, has each answered, and gives the answer to `take`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from os import PathLike
from threading import Lock
from types import TracebackType
from typing import Any, Self

import orjson

from chainrule_client.classes.graded import Graded, Id, id_of, is_final
from chainrule_client.classes.ledger import Ledger, Record
from chainrule_client.errors import ResponseInvalid
from chainrule_client.requests import Call, HTTPRequest, grade_request, marked

MOST_ITEMS = 50
MOST_BYTES = 1 << 20
"""Of a chunk, unless one submission alone is longer. Its answer fits into what a socket holds, so that it is no matter
that HTTP libraries read an answer only when all is sent."""

NOT_VALID: Mapping[str, Any] = {"title": "Request not valid", "status": 422}


@dataclass(frozen=True, slots=True)
class Task:
    """A submission to be graded."""

    position: int
    id: Id
    body: bytes
    beside: bytes = b""
    """Fingerprints of what its grading depends on beside the body."""

    @property
    def asked(self) -> str:
        """What tells it from the same student's other submissions."""
        return blake2b(self.body, digest_size=16, key=self.beside).hexdigest()


Chunk = list[Task]


class Session:
    """The submissions of a class, as mappings with an `id` and the fields of a request of grading.

    problem, policy, points: for those that do not say so themselves. resume: the file of a run before, and of this.
    Raises ValueError where one is no mapping or has no id, or two have the same. Safe to use from several threads.
    """

    def __init__(
        self,
        submissions: Iterable[Mapping[str, Any]],
        problem: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
        points: Mapping[str, float] | None = None,
        resume: str | PathLike[str] | None = None,
    ) -> None:
        if isinstance(submissions, Mapping):
            raise ValueError("a list of submissions is wanted, and this is a single mapping")
        common = marked({} if problem is None else problem, policy, points)
        self._submissions = [(_id(each, number), {**common, **each}) for number, each in enumerate(submissions)]
        ids = [id for id, _ in self._submissions]
        if len(set(ids)) < len(ids):
            twice = next(id for position, id in enumerate(ids) if id in ids[:position])
            raise ValueError(f"two submissions are called {twice!r}; an id tells one from all others")
        self._answers: list[Record | None] = [None] * len(ids)
        self._ledger = Ledger(resume) if resume is not None else None
        self._lock = Lock()
        self.done = 0
        """How many have an answer."""
        self.on_file: dict[str, bytes] = {}
        """A fingerprint of each problem on file, as far as they are known."""
        self.secret = b""
        """A fingerprint of the secret that makes seeds of identities, where it is known."""

    def __len__(self) -> int:
        return len(self._submissions)

    def names(self) -> list[str]:
        """The problems on file to look up before anything is asked: those named, where a run may go on from another."""
        named = (_named(fields) for _, fields in self._submissions if self._ledger is not None)
        return [name for name in dict.fromkeys(named) if name]

    def chunks(self) -> Iterator[Chunk]:
        """What there is to ask, portion by portion. What needs no asking is answered on the way."""
        chunk: Chunk = []
        size = 0
        for position, (id, fields) in enumerate(self._submissions):
            task = self._task(position, id, fields)
            if task is None:
                continue
            if chunk and (len(chunk) == MOST_ITEMS or size + len(task.body) > MOST_BYTES):
                yield chunk
                chunk, size = [], 0
            chunk.append(task)
            size += len(task.body)
        if chunk:
            yield chunk

    def take(self, chunk: Chunk, answers: Mapping[int, Record], *, last: bool = False) -> Chunk:
        """Remember what was answered, by position; those that should be asked again come back, with `last` none."""
        final = [task for task in chunk if task.position in answers and is_final(answers[task.position])]
        if self._ledger is not None and final:
            with self._lock:
                self._ledger.add((task.id, task.asked, answers[task.position]) for task in final)
        settled = chunk if last else final
        for task in settled:
            self._settle(task.position, answers.get(task.position, _UNANSWERED))
        kept = {task.position for task in settled}
        return [task for task in chunk if task.position not in kept]

    def graded(self) -> list[Graded]:
        """What became of every submission, in the order given."""
        found = zip(self._submissions, self._answers, strict=True)
        return [Graded.of(id, answer) for (id, _), answer in found if answer is not None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let another run have the resume file."""
        if self._ledger is not None:
            with self._lock:  # after Ctrl-C a thread may still be at it
                self._ledger.close()

    def _task(self, position: int, id: Id, fields: Mapping[str, Any]) -> Task | None:
        try:
            body = _body(fields)
        except (ValueError, TypeError, AttributeError) as error:
            self._settle(position, {"status": 422, "problem": {**NOT_VALID, "detail": str(error)}})
            return None
        task = Task(position, id, body, self._beside(fields))
        known = self._ledger.answers.get((id, task.asked)) if self._ledger is not None else None
        if known is not None:
            self._settle(position, known)
            return None
        return task

    def _beside(self, fields: Mapping[str, Any]) -> bytes:
        secret = self.secret if fields.get("identity") is not None else b""
        return self.on_file.get(_named(fields), b"") + secret

    def _settle(self, position: int, answer: Record) -> None:
        with self._lock:
            self.done += self._answers[position] is None
            self._answers[position] = answer


_UNANSWERED: Record = {"status": 503, "problem": {"title": "Service Unavailable", "detail": "no answer came"}}


def request_of(chunk: Chunk) -> HTTPRequest:
    """The chunk as a batch."""
    lines = [b'{"id":%d,"operation":"grade","request":%b}' % (task.position, task.body) for task in chunk]
    headers = {**HTTPRequest.get("").headers, "Content-Type": "application/x-ndjson"}
    return HTTPRequest("POST", "/v1/batch", headers, b"\n".join(lines))


def answers_in(text: bytes, request_id: str, chunk: Chunk) -> dict[int, Record]:
    """The answers to a chunk as a batch, by position. Raises ResponseInvalid."""
    try:
        lines = [orjson.loads(line) for line in text.splitlines()]
        answered = [(_position(line, chunk), {"status": line["status"], **_said(line)}) for line in lines]
    except (ValueError, LookupError, TypeError) as error:
        raise ResponseInvalid(f"the answer is not that to a batch: {error!r}", request_id=request_id) from error
    return {position: answer for position, answer in answered if position is not None}


def _position(line: Mapping[str, Any], chunk: Chunk) -> int | None:
    """Whose answer it is. Of a line that was not read, being too long, say, the service knows no more than its number;
    what it says of none of them, such as that it waited too long for the next, answers none."""
    position: int | None = line["id"]
    return chunk[line["line"] - 1].position if position is None and "line" in line else position


def _said(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"reply": line["reply"]} if line["status"] == 200 else {"problem": line.get("problem")}


def _body(fields: Mapping[str, Any]) -> bytes:
    if "answers" not in fields:
        raise ValueError("there are no answers")
    rest = {name: value for name, value in fields.items() if name not in ("id", "answers", "policy", "points")}
    request = grade_request(rest, fields["answers"], fields.get("policy"), fields.get("points"))
    return Call.of("grade", request).json()


def _named(fields: Mapping[str, Any]) -> str:
    """The problem on file that is to be graded; empty where the request spells it out."""
    found = fields.get("problem")
    return found if isinstance(found, str) else ""


def _id(submission: Any, number: int) -> Id:
    if not isinstance(submission, Mapping):
        raise ValueError(f"submission {number + 1} is no mapping; one has an id, answers, and what it alone has")
    try:
        return id_of(submission)
    except ValueError as error:
        raise ValueError(f"submission {number + 1}: {error}") from None

"""A file that remembers what was graded, so that a run that was stopped, however hard, can go on.

It is only ever added to: a line of JSON for each submission, on the disk before the next are asked for. A line that was
cut off is not one: it is dropped when the file is opened again, or at once where there was no room for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from chainrule_client.classes.graded import Id

try:
    import fcntl
except ImportError:  # not on Windows, where nothing keeps two runs apart
    fcntl = None  # type: ignore[assignment]

Record = Mapping[str, Any]
BEGINNING = b'{"id":'
"""Of every line."""


class Ledger:
    """Answers by submission and by what was asked, so that a submission that has changed is graded anew.

    Raises ValueError where the file is none of these, or another run is writing it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self.path.open("a+b", buffering=0)
        try:
            self._lock()
            self.answers = self._read()
            _sync_folder(self.path.parent)
        except BaseException:
            self._file.close()
            raise

    def add(self, records: Iterable[tuple[Id, str, Record]]) -> None:
        """Remember answers: the submission's id, the digest of what was asked, and the answer.

        Raises OSError where they cannot be written; the file then holds what it held before.
        """
        lines = [orjson.dumps({"id": id, "asked": asked, **answer}) + b"\n" for id, asked, answer in records]
        before = os.fstat(self._file.fileno()).st_size
        try:
            self._write(b"".join(lines))
        except OSError as error:
            os.ftruncate(self._file.fileno(), before)
            raise OSError(
                error.errno, f"what was graded cannot be remembered: {error.strerror}", str(self.path)
            ) from None

    def _write(self, text: bytes) -> None:
        left = memoryview(text)
        while left:
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let another run have it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{self.path} is being written by another run") from None

    def _read(self) -> dict[tuple[Id, str], Record]:
        found: dict[tuple[Id, str], Record] = {}
        whole = 0
        with self.path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    if not line.endswith(b"\n") and _is_cut_off(line):
                        break
                    record = orjson.loads(line)
                    found[record["id"], record["asked"]] = {"status": record["status"], **_rest(record)}
                except (ValueError, KeyError, TypeError):
                    raise ValueError(f"{self.path}, line {number}: not what a run of grading wrote") from None
                whole += len(line)
        self._file.truncate(whole)
        return found


def _is_cut_off(line: bytes) -> bool:
    """Whether it may be the beginning of a line of ours, or all but its end. A file of somebody else's is not to lose
    its last."""
    try:
        record = orjson.loads(line)
    except ValueError:
        return line[: len(BEGINNING)] == BEGINNING[: len(line)]
    return isinstance(record, dict) and {"id", "asked", "status"} <= record.keys()


def _sync_folder(folder: Path) -> None:
    """Have a file that is new be there after a power cut as well."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _rest(record: Record) -> Record:
    return {name: record[name] for name in ("reply", "problem") if name in record}

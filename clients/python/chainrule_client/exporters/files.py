"""Writing a file that another program reads: all of it, or none."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

_READABLE = 0o644


def write(path: str | os.PathLike[str], text: str) -> Path:
    """Put `text` at `path`: written to a temporary file beside it, which is then renamed. Makes the folder.

    A reader sees the file as it was or as it is now, never a part. It may be read by other users, as a platform's
    harness is one.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, _READABLE)
            os.replace(file.name, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(file.name)
            raise
    return target

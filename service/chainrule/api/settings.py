"""Settings of the service, each from an environment variable of the same name in capitals after CHAINRULE_."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chainrule.api.available_memory import available_memory
from chainrule.api.cpus import available_cpus
from chainrule.api.device_memory import device_memory
from chainrule.schemas.reports import Feedback

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Hosts that only this machine reaches."""
MOST_MEMORY = 2 * 2**30
"""Bytes for the arrays of one request, where there is plenty."""
LEAST_MEMORY = 128 * 2**20
"""Bytes for the arrays of one request, below which fewer requests had better compute at once."""

LIBRARIES = 320 * 2**20
"""Bytes that a process takes by itself, and what its allocator keeps."""
LONGEST_BODY = 64 * 2**20
"""Bytes of a request's body, where there is plenty of memory."""

LEAST_SECRET = 16
"""Characters of a secret: a shorter one can be guessed from a seed."""


def _hash(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise PydanticCustomError("key_hash", "wants the SHA-256 of each key, 64 digits in hex, and not the key")
    return text


KeyHash = Annotated[str, AfterValidator(_hash)]

CLIENT = frozenset({"CHAINRULE_URL", "CHAINRULE_API_KEY"})
"""Variables of the client, which may well be set for both."""
_OF_KUBERNETES = re.compile(r"CHAINRULE_(SERVICE_(HOST|PORT\w*)|PORT_\d+_\w+)")
"""Variables that it sets in every pod beside a Service by the name of chainrule."""


class Settings(BaseSettings):
    """How the service listens, what a request may cost, and how many it takes at once."""

    model_config = SettingsConfigDict(
        env_prefix="CHAINRULE_", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 for any that is free.")
    processes: int = Field(
        default=1,
        gt=0,
        description="Processes that share the port, the CPUs and the memory. A queue and a number of batches are each "
        "one's own.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe messages logged. Each request is a line at info."
    )

    metrics: Literal["open", "keys", "off"] = Field(
        default="open", description="Who may read /metrics: anyone, callers with a key that may compute, or nobody."
    )

    max_body_bytes: int = Field(
        default=0,
        ge=0,
        description="The longest request body, in bytes; longer ones get 413. 0 for 64 MiB, or an eighth of "
        "what there is for bodies, where that is less.",
    )
    max_flops: int = Field(default=2 * 10**11, gt=0, description="The most floating-point operations of one request.")
    max_memory_bytes: int = Field(
        default=0,
        ge=0,
        description="The most memory for the arrays of one request, in bytes; 0 for 2 GiB, or less where half of the "
        "memory at hand does not hold so much for each request computing at once.",
    )
    max_returned: int = Field(default=10_000_000, gt=0, description="The most numbers in one reply.")

    max_calls: int = Field(
        default=1_000_000, gt=0, description="The most applications of an op in one request, derivatives included."
    )

    threads: int = Field(
        default=1,
        gt=0,
        description="Threads of one computation. More speed up large networks and slow down many small requests.",
    )
    concurrency: int = Field(
        default=0,
        ge=0,
        description="Large requests computing at once; 0 for the CPUs at hand, divided by the threads of each, or "
        "fewer where memory is short.",
    )
    queue: int = Field(
        default=16, ge=0, description="Large requests that may wait for a place; one more gets 429 at once."
    )
    wait_ratio: float = Field(
        default=0.5,
        ge=0,
        description="How long a large request may wait for others that have not begun, in multiples of the time that "
        "it is thought to take itself; one that would wait longer gets 429 at once.",
    )
    retry_after: int = Field(
        default=1,
        ge=0,
        description="Seconds after which a caller that got 429 or 503 should try again, at least: it is told to wait "
        "for as long as the work that was taken is thought to take.",
    )

    inline_bytes: int = Field(
        default=16 * 2**10,
        ge=0,
        description="Bodies up to this many bytes are read without a place, and answered at once if cheap.",
    )
    inline_flops: int = Field(
        default=2_000_000, ge=0, description="The most floating-point operations of a request that is answered at once."
    )
    inline_returned: int = Field(default=10_000, ge=0, description="The most numbers in a reply that is made at once.")
    inline_calls: int = Field(
        default=250,
        ge=0,
        description="The most applications of an op, derivatives included, in a request answered at once.",
    )

    deadline: float = Field(
        default=120,
        gt=0,
        description="Seconds that a request may take, body and all. X-Request-Timeout may ask for fewer.",
    )
    body_seconds: float = Field(default=30, gt=0, description="Seconds in which a request's body has to arrive.")
    reply_seconds: float = Field(
        default=30, gt=0, description="Seconds in which a caller has to take each 256 KiB of a long reply."
    )
    drain_notice: float = Field(
        default=1, ge=0, description="Seconds after SIGTERM in which /readyz says 503 while requests are still taken."
    )
    drain_seconds: int = Field(
        default=7,
        gt=0,
        description="Seconds after that in which requests in flight may finish. Docker allows 10 s for both.",
    )

    keys: Annotated[tuple[KeyHash, ...], NoDecode] = Field(
        default=(),
        description="SHA-256 of each key that may compute, in hex, separated by commas. None here or in grade_keys: "
        "anyone may.",
    )
    rate: float = Field(
        default=0,
        ge=0,
        description="Requests, and items of batches, a second under each key that may compute, in the long run; 0 for "
        "any number.",
    )
    burst: int = Field(default=1000, gt=0, description="Requests and items at once under each such key.")
    grade_keys: Annotated[tuple[KeyHash, ...], NoDecode] = Field(
        default=(),
        description="SHA-256 of each key that may grade problems on file, as their files have it, and nothing else.",
    )
    grade_feedback: Feedback = Field(
        default="indices",
        description="The most that a report tells under such a key, whatever a problem's policy says.",
    )
    grade_rate: float = Field(
        default=20,
        ge=0,
        description="Submissions a second graded under each such key, in the long run; 0 for any number.",
    )
    grade_burst: int = Field(default=200, gt=0, description="Submissions graded at once under each such key.")

    batches: int = Field(default=8, gt=0, description="Batches answered at once; one more gets 429.")

    problems: Path | None = Field(
        default=None, description="A folder of problem sets, a YAML file each, beside the bundled ones."
    )
    secret: SecretStr | None = Field(
        default=None,
        description=f"What seeds are made with for students; at least {LEAST_SECRET} characters.",
    )

    _at_hand: int | None = PrivateAttr(None)
    """Bytes of memory that there are for the service, where those are not all that can be found."""

    def within(self, memory: int) -> Settings:
        """The same with so many bytes of memory at hand. For before anything is worked out from that."""
        found = self.model_copy()
        found._at_hand = memory
        return found

    @cached_property
    def workers(self) -> int:
        """Large requests computing at once in one process."""
        if self.concurrency:
            return self.concurrency
        by_cpus = available_cpus() // self.processes // self.threads
        by_memory = by_cpus if self.max_memory_bytes else self._memory_for_arrays // LEAST_MEMORY
        return max(1, min(by_cpus, by_memory))

    @cached_property
    def memory(self) -> int:
        """Bytes for the arrays of one request. So much for every worker is at hand, unless the settings say more."""
        if self.max_memory_bytes:
            return self.max_memory_bytes
        on_device = device_memory()
        halves = (
            [self._memory_for_arrays]
            if on_device is None
            else [self._memory_for_arrays, on_device // 2 // self.processes]
        )
        return max(1, min(MOST_MEMORY, min(halves) // self.workers))

    @property
    def _memory_for_arrays(self) -> int:
        """Half of one process's memory: half of the rest is for bodies and replies, the other for the libraries."""
        at_hand = self._at_hand or available_memory()
        if at_hand is None:
            return sys.maxsize
        share = at_hand // self.processes
        return max(min(share // 2, share - LIBRARIES), share // 8)

    @cached_property
    def memory_for_bodies(self) -> int:
        """Bytes for the bodies of all large requests that compute and wait, and for their replies: a quarter."""
        return self._memory_for_arrays // 2

    @cached_property
    def body_bytes(self) -> int:
        """The longest request body. As JSON it may hold numbers that take four times as much as arrays."""
        return self.max_body_bytes or min(LONGEST_BODY, self.memory_for_bodies // 8)

    @field_validator("keys", "grade_keys", mode="before")
    @classmethod
    def _separated(cls, keys: str | Iterable[str]) -> tuple[str, ...]:
        parts = keys.split(",") if isinstance(keys, str) else keys
        return tuple(part.strip().lower() for part in parts if part.strip())

    @field_validator("secret")
    @classmethod
    def _long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret) < LEAST_SECRET:
            raise PydanticCustomError("secret", f"wants at least {LEAST_SECRET} characters")
        return secret

    def limit_threads(self) -> None:
        """Tell the numerical libraries how many threads to use, unless the environment does. They ask when loaded."""
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, str(self.threads))


def doubts(settings: Settings, host: str) -> Iterator[str]:
    """What may not have been meant, where the service is to be had at `host`."""
    yield from misspelt(os.environ)
    if not (settings.keys or settings.grade_keys or host in LOOPBACK):
        yield f"CHAINRULE_KEYS names no key: anyone who reaches {host} may compute"


def misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """Of every variable that looks like a setting and is none: its name, and what may have been meant."""
    known = {f"CHAINRULE_{name.upper()}" for name in Settings.model_fields}
    alike = [name for name in environment if name.upper().startswith("CHAINRULE_") and not _OF_KUBERNETES.match(name)]
    for name in alike:
        if name.upper() not in known | CLIENT:
            close = get_close_matches(name[:100].upper(), known, n=1)
            yield f"{name[:100]} is no setting, and has no effect" + (f": did you mean {close[0]}?" if close else "")

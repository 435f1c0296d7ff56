"""Settings: read from the environment, refused by name where they are not valid, and kept to."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.in_process import InProcess
from api.keys import hashed
from api.problems import FORWARD, OUTPUTS, SOUND
from chainrule.api import Settings
from chainrule.api.server import serve
from live_service import live_service
from problem_documents import assert_problem

HASH = hashed("key")
INVALID = {
    "PORT": "eighty",
    "LOG_LEVEL": "loud",
    "MAX_BODY_BYTES": "-1",
    "QUEUE": "-1",
    "DEADLINE": "soon",
    "KEYS": f"{HASH},not-a-hash",
}


COMMANDS = {
    "command": "from chainrule_client.cli import app; app(['serve'])",
    "function": "from chainrule.api.server import serve; serve()",
}


def start(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Starting the service, to its end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHAINRULE_")}
    chosen = {f"CHAINRULE_{name}": value for name, value in variables.items()}
    environment = {**inherited, **chosen}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("how", COMMANDS)
def test_every_invalid_setting_is_named_and_none_is_shown(how: str) -> None:
    ended = start(COMMANDS[how], **INVALID)
    assert ended.returncode == 2
    assert sorted(re.findall(r"CHAINRULE_(\w+):", ended.stderr)) == sorted(INVALID)
    for value in ("eighty", "loud", "not-a-hash", HASH):
        assert value not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_key_in_place_of_its_hash_is_told_what_is_wanted_and_not_logged() -> None:
    for code in (COMMANDS["command"], "from chainrule.api import app"):
        ended = start(code, KEYS="the-key-itself", SECRET="too-short")
        assert ended.returncode != 0
        assert "wants the SHA-256 of each key, 64 digits in hex, and not the key" in ended.stderr
        assert "wants at least 16 characters" in ended.stderr
        assert not re.search("the-key-itself|too-short", ended.stderr)


def test_an_address_that_is_taken_ends_the_start_with_3() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = start(COMMANDS["function"], PORT=str(taken.getsockname()[1]), LOG_LEVEL="error")
    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65536),
        ("port", -1),
        ("log_level", "trace"),
        ("max_flops", 0),
        ("max_memory_bytes", -1),
        ("max_returned", 0.5),
        ("threads", 0),
        ("concurrency", -1),
        ("deadline", 0),
        ("body_seconds", float("nan")),
        ("drain_notice", -0.1),
        ("drain_notice", float("inf")),
        ("drain_seconds", 0),
        ("keys", "0" * 63),
        ("keys", "g" * 64),
    ],
)
def test_a_value_out_of_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Settings(**{name: value})


def test_keys_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    other = hashed("other")
    monkeypatch.setenv("CHAINRULE_KEYS", f" {HASH.upper()} ,, {other},")
    assert Settings().keys == (HASH, other)


def test_the_environment_gives_way_to_what_is_said_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_QUEUE", "5")
    assert (Settings().queue, Settings(queue=6).queue) == (5, 6)


def test_settings_reach_the_service_from_the_environment(log: Path) -> None:
    chosen = {"max_body_bytes": 400, "max_returned": 1, "retry_after": 9, "concurrency": 2, "keys": HASH}
    with live_service(log, **chosen) as service, service.client() as client:
        limits = client.get("/v1/info").json()["limits"]
        assert (limits["body_bytes"], limits["returned"], limits["concurrency"]) == (400, 1, 2)
        assert client.post("/v1/forward", json=FORWARD).status_code == 401
        client.headers["Authorization"] = "Bearer key"
        assert client.post("/v1/forward", json=FORWARD).status_code == 422
        assert client.post("/v1/validate", json={**FORWARD, "inputs": [[1.0, 2.0]] * 100}).status_code == 413
        assert client.post("/v1/validate", json=FORWARD).status_code == 200


def test_uvicorn_serves_the_application_by_its_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "chainrule.api:app", "--port", "{port}"]
    with live_service(tmp_path / "log", command, queue=3) as service:
        reply = httpx.post(f"{service.url}/v1/forward", json=FORWARD, timeout=60)
        assert reply.json()["outputs"] == OUTPUTS
        assert httpx.get(f"{service.url}/v1/info").json()["limits"]["queue"] == 3


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("max_flops", "floating-point operations"),
        ("max_memory_bytes", "bytes of memory"),
        ("max_returned", "numbers in the reply"),
        ("max_calls", "applications of an op"),
    ],
)
def test_each_limit_is_kept_to_by_the_application_it_was_given_to(limit: str, words: str) -> None:
    strict, usual = InProcess(**{limit: 1}), InProcess()
    problem = assert_problem(strict.post("/v1/gradients", json=SOUND), 422)
    assert problem.title == "Request too costly"
    assert words in problem.detail
    assert usual.post("/v1/gradients", json=SOUND).status_code == 200
    assert_problem(strict.post("/v1/gradients", json=SOUND), 422)


def test_what_is_answered_at_once_is_a_setting() -> None:
    none_at_once = InProcess(inline_flops=0, inline_returned=0)
    assert "queue" in none_at_once.post("/v1/forward", json=FORWARD).headers["Server-Timing"]
    assert "queue" not in InProcess().post("/v1/forward", json=FORWARD).headers["Server-Timing"]


@pytest.mark.parametrize(("given", "told"), [({"port": 99_999}, "CHAINRULE_PORT"), ({"processes": 0}, "PROCESSES")])
def test_what_is_said_at_the_start_is_checked_as_the_environment_is(
    given: dict[str, int], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port beyond its range was cut down to another one, and served there."""
    with pytest.raises(SystemExit) as ended:
        serve(settings=Settings(queue=5), **given)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err

"""The log: a JSON object a line, one for each request, and never what a request held."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from api.in_process import InProcess
from api.keys import hashed, with_key
from api.problems import FORWARD
from chainrule.api.logs import JsonLines, without_values
from live_service import live_service

SECRET = "aSecretOfTheCaller"
Boolean: TypeAdapter[bool] = TypeAdapter(bool)


@contextmanager
def logging(log: Path, **settings: object) -> Iterator[httpx.Client]:
    """A client of a service that is ended, so that its log is whole, at the end of the block."""
    with live_service(log, drain_notice=0, **settings) as service:
        with service.client() as client:
            yield client
        service.terminate()
        service.process.wait(60)


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().removesuffix("\n").split("\n")]


def by_id(log: Path) -> dict[str, dict[str, Any]]:
    return {line["request_id"]: line for line in lines(log) if "request_id" in line}


def test_each_request_is_a_line_of_json(log: Path) -> None:
    with logging(log) as client:
        client.post("/v1/forward", json=FORWARD, headers={"X-Request-ID": "first"})
        client.post("/v1/forward", json={"bogus": 1}, headers={"X-Request-ID": "second"})
        client.head("/v1/ops/nothing", headers={"X-Request-ID": "third"})
        client.get("/" + "x" * 5_000, headers={"X-Request-ID": "fourth"})
    found = by_id(log)
    told = {name: (line["method"], line["path"][:20], line["status"]) for name, line in found.items()}
    assert {name: told[name] for name in ("first", "second", "third", "fourth")} == {
        "first": ("POST", "/v1/forward", 200),
        "second": ("POST", "/v1/forward", 422),
        "third": ("HEAD", "/v1/ops/nothing", 404),
        "fourth": ("GET", "/" + "x" * 19, 404),
    }
    errors = {name: found[name].get("error") for name in ("first", "second", "third", "fourth")}
    assert errors == {"first": None, "second": "request-not-valid", "third": "not-found", "fourth": "not-found"}
    assert len(found["fourth"]["path"]) == 200
    for line in found.values():
        assert (line["level"], line["message"]) == ("info", "request")
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert line["ms"] >= 0


def test_nothing_of_a_request_is_logged_but_its_first_line(log: Path) -> None:
    with logging(log, log_level="debug") as client:
        headers = with_key(SECRET, **{"X-Request-ID": f"{SECRET} {SECRET}"})
        for body in ({**FORWARD, "inputs": [[8.7654321, 1.0]]}, {**FORWARD, "dtype": SECRET}, {SECRET: SECRET}):
            client.post(f"/v1/forward?key={SECRET}", json=body, headers=headers)
        client.post("/v1/forward", content=SECRET.encode(), headers={"Content-Type": "application/json"})
    text = log.read_text()
    assert text.count('"message":"request"') >= 4
    assert SECRET not in text
    assert "8.7654" not in text


def test_a_line_cannot_be_broken_by_a_path(log: Path) -> None:
    with logging(log) as client:
        for path in ("/a%0Ab", "/%22%7D", "/%ED%A0%80", "/%E2%80%A8"):
            assert client.get(path).status_code == 404
    assert sum(line.get("status") == 404 for line in lines(log)) == 4


def test_requests_are_not_logged_above_info(log: Path) -> None:
    with logging(log, log_level="warning") as client:
        assert client.post("/v1/forward", json=FORWARD).status_code == 200
        assert client.post("/v1/forward", json={}).status_code == 422
    assert log.read_text() == ""


def test_a_fault_of_ours_is_logged_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = InProcess()

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(faulty.app.calls, "recall", fail)
    faulty.post("/v1/forward", json=FORWARD, headers={"X-Request-ID": "broken-1"})
    (record,) = [record for record in caplog.records if record.exc_info]
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["request_id"], line["path"]) == ("error", "broken-1", "/v1/forward")
    assert "RuntimeError: broken" in line["traceback"]


NUMBER = 8.7654321
QUOTING: list[Callable[[], object]] = [
    lambda: float(f"{NUMBER},"),
    lambda: np.asarray([f"{NUMBER} x"]).astype(float),
    lambda: np.testing.assert_allclose([NUMBER], [1.0]),
    lambda: Boolean.validate_python(str(NUMBER)),
    lambda: Boolean.validate_python([NUMBER, -NUMBER * 1e-5]),
    lambda: torch.tensor([f"{NUMBER}"]),
    lambda: {}[NUMBER],
    lambda: int(str(torch.tensor([NUMBER, 1.0]))),
]
"""What libraries, asked so, raise with the number in the message; or torch, with only its type."""


@pytest.mark.parametrize("quoting", QUOTING)
@pytest.mark.parametrize("chained", [False, True])
def test_a_fault_does_not_tell_the_numbers_that_caused_it(
    quoting: Callable[[], object], chained: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = InProcess()

    def fail(*_: object) -> None:
        try:
            quoting()
        except Exception as error:
            if chained:
                raise RuntimeError(f"on the way: {error}") from error
            raise

    monkeypatch.setattr(faulty.app.calls, "recall", fail)
    assert faulty.post("/v1/forward", json=FORWARD).status_code == 500
    (record,) = [record for record in caplog.records if record.exc_info]
    text = JsonLines().format(record)
    assert record.exc_info
    assert "7654" not in text
    assert "in fail" in json.loads(text)["traceback"]


def test_messages_keep_what_is_no_value() -> None:
    told = without_values("mat1 (float64) of shape (3, 4), got 'abc' and nan at W1, not -1.5e-3")
    assert told == "mat1 (float64) of shape (…, …), got … and … at W1, not …"


def test_who_called_how_much_and_how_long(log: Path) -> None:
    body = json.dumps(FORWARD)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "Authorization": f"Bearer {SECRET}",
        "X-Request-ID": "keyed",
        "Content-Type": "application/json",
        "traceparent": f"00-{trace}-b7ad6b7169203331-01",
    }
    with logging(log, keys=hashed(SECRET)) as client:
        reply = client.post("/v1/forward", content=body, headers=headers)
        client.post("/v1/forward", content=body, headers={**headers, "X-Request-ID": "bad", "traceparent": SECRET})
    line = by_id(log)["keyed"]
    assert line["client"] == "127.0.0.1"
    assert line["key"] == hashed(SECRET)[:8]
    assert (line["received"], line["sent"]) == (len(body), len(reply.content))
    assert line["trace"] == trace
    assert 0 < line["parse_ms"] + line["compute_ms"] + line["encode_ms"] < line["ms"]
    assert "trace" not in by_id(log)["bad"]
    assert SECRET not in log.read_text()


def test_a_variable_that_is_no_setting_is_told_with_the_nearest(log: Path) -> None:
    with logging(log, max_flop=7, url="http://127.0.0.1", service_host="10.0.0.1", port_8000_tcp="x"):
        pass
    warnings = [line["message"] for line in lines(log) if line["level"] == "warning"]
    assert warnings == ["CHAINRULE_MAX_FLOP is no setting, and has no effect: did you mean CHAINRULE_MAX_FLOPS?"]


@pytest.mark.parametrize(
    ("settings", "told"), [({}, False), ({"host": "0.0.0.0"}, True), ({"host": "0.0.0.0", "keys": "0" * 64}, False)]
)
def test_who_lets_others_in_without_keys_is_told(settings: dict[str, str], told: bool, log: Path) -> None:
    with logging(log, **settings):
        pass
    warnings = [line["message"] for line in lines(log) if line["level"] == "warning"]
    assert warnings == ["CHAINRULE_KEYS names no key: anyone who reaches 0.0.0.0 may compute"] * told
